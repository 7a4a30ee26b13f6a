"""How fast a GPU trains, beside the CPU of its machine: the figures of docs/gpu.md."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from networks import STAGE, Sizes, make_learner, make_rows, make_teacher, make_teaching

from kdnas.search.space import Architecture
from kdnas.training.data import collate

BATCH = 32


def bert_base() -> Sizes:
    """BERT-Base, of whose paper's searches a student has half the layers."""
    return Sizes(
        Architecture(12, 768, 12, 3072, "gelu"), (Architecture(6, 384, 12, 1536, "gelu"),), 128, 30522
    )


@pytest.mark.parametrize(
    ("device", "precision", "steps"), [(None, "bf16", 40), (None, "float32", 40), ("cpu", "float32", 2)]
)
@pytest.mark.parametrize("name", ["MiniLM", "BERT-Base"])
def test_rate_of_distillation(name, device, precision, steps, start, sizes, on, figure):
    """Teacher and student on a batch of full length with all losses, as in a search; after three steps."""
    if on == "cpu" and (name == "BERT-Base" or device == "cpu"):
        pytest.skip("is measured beside a GPU")
    shapes = sizes if name == "MiniLM" else bert_base()
    with start(precision, device) as run:
        teacher, rows = make_teacher(shapes), make_rows(shapes, BATCH, full=True)
        learner = make_learner(run, teacher, shapes.students[0], replace(STAGE, batch_size=BATCH))
        teaching = make_teaching(run, teacher, rows)
        chosen = np.arange(BATCH)

        def step():
            batch = collate(rows, chosen, run.device)
            learner.step(batch, teaching(chosen, batch), 1000)

        for _ in range(3 if run.device_type == "cuda" else 1):
            step()
        learner.look()
        started = time.perf_counter()
        for _ in range(steps):
            step()
        learner.look()
        if run.device_type == "cuda":
            torch.cuda.synchronize()
        rate = steps / (time.perf_counter() - started)
    assert learner.failed is None and rate > 0
    where = f"{run.device_type}, {precision}"
    what = f"{name} to {shapes.students[0].short_name}, {BATCH} x {shapes.tokens} tokens"
    figure(what, where, f"{rate:.2f} steps/s")
