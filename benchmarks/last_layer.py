"""What it saves to compute no more in the last layer than the head reads.

    OMP_NUM_THREADS=1 python benchmarks/last_layer.py --output docs/measurements/data/last_layer.csv

Times BERTs with random weights, with whole and with cut last layers in the same rounds: exported, in both
ONNX runtimes (batch size 1, 128 tokens, one thread), and a training step (32 rows of 40 tokens).
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from unittest import mock

import numpy as np
import pandas as pd
import torch
from transformers import BertConfig, BertForSequenceClassification

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from kdnas.latency.protocol import Protocol
from kdnas.latency.rounds import measure, ratio
from kdnas.models.families import family_of
from kdnas.runtimes import RUNTIMES, TORCH, export, runtime_class
from kdnas.search.space import Architecture
from kdnas.training import forward as forward_module
from kdnas.training.forward import Forward

SHAPES = (  # the teacher of docs/measurements/study.md, then its students
    (6, 384, 12, 1536),
    (6, 192, 6, 576),
    (6, 160, 5, 288),
    (6, 128, 4, 96),
    (4, 256, 8, 1024),
    (2, 256, 8, 1024),
)
VOCABULARY = 1000
STEP = "training step"
NO_CUT = {"first_token_only": nullcontext, "first_query_only": nullcontext}


def network(shape: Architecture) -> BertForSequenceClassification:
    """Return a BERT of ``shape`` with random weights."""
    config = BertConfig(vocab_size=VOCABULARY, num_labels=3)
    family_of("bert").set_shape(config, shape)
    torch.manual_seed(0)
    return BertForSequenceClassification(config).eval()


def step_timer(shape: Architecture, *, cut: bool) -> Callable[[], float]:
    """Return the timer of a training step."""
    model = network(shape).train()
    forward, optimizer = Forward(model), torch.optim.AdamW(model.parameters(), fused=True)
    ids = torch.randint(5, VOCABULARY, (32, 40), generator=torch.Generator().manual_seed(0))
    batch = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    labels = torch.zeros(32, dtype=torch.long)

    def timed() -> float:
        with nullcontext() if cut else mock.patch.object(forward_module, "first_token_only", nullcontext):
            started = time.perf_counter()
            torch.nn.functional.cross_entropy(forward(batch).logits, labels).backward()
            optimizer.step()
            optimizer.zero_grad()
            return (time.perf_counter() - started) * 1e3

    return timed


def timers(shape: Architecture, what: str, protocol: Protocol) -> dict[str, Callable[[], float]]:
    """Return the timers of both forms of one shape."""
    if what == STEP:
        return {"whole": step_timer(shape, cut=False), "cut": step_timer(shape, cut=True)}
    runtime = runtime_class(what)
    with mock.patch.multiple(export, **NO_CUT):
        of_whole = runtime.of_network(network(shape), 1)
    forms = {"whole": of_whole, "cut": runtime.of_network(network(shape), 1)}
    return {name: form.timer(protocol, VOCABULARY) for name, form in forms.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    torch.set_num_threads(1)
    one_pass = {"batch_size": 1, "sequence_length": 128, "warmup": 5}
    rounds = {"min_rounds": options.rounds, "max_rounds": options.rounds, "interval": 0.0}
    protocol = Protocol.from_config({"runtime": TORCH, "cpu_threads": 1, **one_pass, **rounds}, "cpu")
    rows = []
    for numbers in SHAPES:
        shape = Architecture(*numbers, "gelu")
        for what in (*RUNTIMES, STEP):
            if what == TORCH:  # it is timed as its users run it
                continue
            times = measure(timers(shape, what, protocol), "whole", warmup=5, **rounds)
            saved = ratio(times["cut"], times["whole"])
            medians = [float(np.median(times[form])) for form in ("whole", "cut")]
            rows.append((shape.short_name, what, *medians, saved.median, saved.low, saved.high))
            print(*rows[-1], flush=True)
    columns = ("shape", "what", "whole_ms", "cut_ms", "ratio", "ratio_low", "ratio_high")
    found = pd.DataFrame(rows, columns=columns).round(4)
    found.to_csv(options.output, index=False, lineterminator="\n")


if __name__ == "__main__":
    main()
