"""A bundle's logits by onnxruntime and tokenizers, as where neither torch nor transformers is installed."""

import json
import sys

for package in ("torch", "transformers"):
    sys.modules[package] = None  # type: ignore[assignment]  # importing it now fails

import numpy as np  # noqa: E402
from onnxruntime import InferenceSession  # noqa: E402
from tokenizers import Tokenizer  # noqa: E402

folder, file = sys.argv[1:]
tokenizer = Tokenizer.from_file(f"{folder}/tokenizer.json")
session = InferenceSession(f"{folder}/{file}", providers=["CPUExecutionProvider"])
logits = []
for texts in json.load(sys.stdin):
    row = tokenizer.encode(*texts)
    given = {"input_ids": row.ids, "attention_mask": row.attention_mask, "token_type_ids": row.type_ids}
    inputs = {value.name: np.array([given[value.name]]) for value in session.get_inputs()}
    logits.append(session.run(["logits"], inputs)[0][0].tolist())
json.dump(logits, sys.stdout)
