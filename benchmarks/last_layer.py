"""What it saves to compute no more in the last layer than the head reads.

    OMP_NUM_THREADS=1 python benchmarks/last_layer.py --output docs/measurements/data/last_layer.csv

Times BERTs with random weights, with whole and with cut last layers in the same rounds: exported, in both
ONNX runtimes (batch size 1, 128 tokens, one thread), and a training step (32 rows of 40 tokens).

    python benchmarks/last_layer.py --scores results/study sst2 2 --output scores.csv

Scores the models of a run, task and seed in int8, exported in both forms: an int8 product's inputs are scaled
by the tokens that it computes.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

import numpy as np
import pandas as pd
import torch
from transformers import BertConfig, BertForSequenceClassification

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from kdnas.data.frames import read_meta, read_split
from kdnas.data.tasks import completed, get_task
from kdnas.deployment.scoring import predict_in
from kdnas.latency.protocol import Protocol
from kdnas.latency.rounds import measure, ratio
from kdnas.models.families import family_of
from kdnas.models.tokenizer import load_tokenizer
from kdnas.runtimes import INT8, RUNTIMES, TORCH, export, open_runtime, runtime_class
from kdnas.runtimes.base import Deployed
from kdnas.runtimes.instructions import cpu_flags
from kdnas.runtimes.onnx_runtime import ONNX, ONNX_INT8
from kdnas.runtimes.quantise import needs_reduced_range, quantise
from kdnas.search.space import Architecture
from kdnas.training import forward as forward_module
from kdnas.training.data import encode
from kdnas.training.forward import Forward
from kdnas.training.scoring import scores

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
NO_CUT = {"reading_first_token": nullcontext, "first_query_only": nullcontext}


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
        with nullcontext() if cut else mock.patch.object(forward_module, "reading_first_token", nullcontext):
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
    parser.add_argument("--rounds", type=int, default=101)
    parser.add_argument("--scores", nargs=3, metavar=("RESULTS", "TASK", "SEED"))
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    torch.set_num_threads(1)
    found = in_int8(Path(options.scores[0]), *options.scores[1:]) if options.scores else timed(options.rounds)
    found.round(4).to_csv(options.output, index=False, lineterminator="\n")


def in_int8(results: Path, task_name: str, seed: str) -> pd.DataFrame:
    """Return the scores of every model in both forms, and in how many rows the two forms differ in class."""
    folder = results / "data" / task_name
    task = get_task(completed(task_name, read_meta(folder)))
    frame = read_split(folder, task.evaluation_splits[0])
    found = []
    models = [results / "teacher", *sorted((results / "students").iterdir())]
    for model in (place / task_name / f"seed_{seed}" / "model" for place in models):
        rows = encode(frame, task, load_tokenizer(model), max_length=128)
        classes, points = {}, {}
        for form in ("whole", "cut"):
            with TemporaryDirectory() as place:
                exported, quantised = Path(place) / ONNX, Path(place) / ONNX_INT8
                with mock.patch.multiple(export, **NO_CUT) if form == "whole" else nullcontext():
                    export.export_classifier(model, exported)
                quantise(exported, quantised, reduce_range=needs_reduced_range(cpu_flags()))
                logits = predict_in(open_runtime(INT8, Deployed(model, Path(place)), 1), {"": rows})[""]
            classes[form] = logits.argmax(axis=1)
            points[form] = 100 * task.primary(scores(logits, rows, task))
        changed = int((classes["whole"] != classes["cut"]).sum())
        name = model.parents[2].name
        found.append((name, task_name, len(rows), points["whole"], points["cut"], changed))
        print(*found[-1], flush=True)
    return pd.DataFrame(found, columns=["model", "task", "rows", "whole", "cut", "changed_rows"])


def timed(count: int) -> pd.DataFrame:
    """Return how long both forms take, by shape, in ``count`` rounds."""
    one_pass = {"batch_size": 1, "sequence_length": 128, "warmup": 5}
    rounds = {"min_rounds": count, "max_rounds": count, "interval": 0.0}
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
    return pd.DataFrame(rows, columns=columns)


if __name__ == "__main__":
    main()
