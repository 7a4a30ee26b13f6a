"""A bundle's logits by transformers and torch."""

import json
import sys

import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

folder = sys.argv[1]
tokenizer = AutoTokenizer.from_pretrained(folder)
model = AutoModelForSequenceClassification.from_pretrained(folder, use_safetensors=True).eval()
logits = []
with torch.inference_mode():
    for texts in json.load(sys.stdin):
        row = tokenizer(*texts, truncation=True, return_tensors="pt")
        logits.append(model(**row).logits[0].tolist())
json.dump(logits, sys.stdout)
