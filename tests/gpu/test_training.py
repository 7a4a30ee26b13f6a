"""Training on a GPU: what it computes, what it repeats to the last bit, and what it survives."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from networks import (
    STAGE,
    bert_config,
    make_learner,
    make_rows,
    make_teacher,
    make_teaching,
    same,
    train_all,
    weights_of,
)

from kdnas.models.loading import new_classifier
from kdnas.training.data import collate
from kdnas.training.forward import Forward
from kdnas.training.learner import Learner
from kdnas.training.loop import Stopped
from kdnas.training.scoring import predict

PRECISIONS = ("float32", "bf16")


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_student_learns(precision, start, sizes):
    with start(precision) as run:
        rows = make_rows(sizes)
        stage = replace(STAGE, epochs=30, dropout=0.0, learning_rate=1e-3)
        (before,) = train_all(run, sizes, sizes.students[:1], replace(stage, epochs=1), rows)
        (after,) = train_all(run, sizes, sizes.students[:1], stage, rows)
        assert after.failed is None
        assert all(torch.isfinite(value).all() for value in weights_of(after).values())
        assert all(value.dtype == torch.float32 for value in weights_of(after).values())
        for name in ("labels", "hidden"):
            assert after.recent[name] < before.recent[name]
        found = predict(after.model, rows, run.device).argmax(-1)
        assert (found == rows.labels).mean() > 0.8


@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 2e-3), ("bf16", 5e-2)])
def test_steps_are_those_of_a_cpu(precision, tolerance, start, sizes):
    """Five steps of one student; the losses of the last two differ by rounding alone."""
    found = {}
    for device in (None, "cpu"):
        with start(precision if device is None else "float32", device) as run:
            teacher, rows = make_teacher(sizes), make_rows(sizes)
            learner = make_learner(run, teacher, sizes.students[0], replace(STAGE, dropout=0.0))
            teaching = make_teaching(run, teacher, rows)
            for step in range(5):
                chosen = np.arange(8 * step, 8 * step + 8)
                batch = collate(rows, chosen, run.device)
                learner.step(batch, teaching(chosen, batch), 100)
            learner.look()
            found[device] = learner.recent
    assert found[None] == pytest.approx(found["cpu"], rel=tolerance, abs=tolerance)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_the_same_training_gives_the_same_bits(precision, start, sizes):
    """Twice, and alone as beside others."""
    with start(precision) as run:
        first = [weights_of(one) for one in train_all(run, sizes, sizes.students)]
        again = [weights_of(one) for one in train_all(run, sizes, sizes.students)]
        alone = weights_of(*train_all(run, sizes, sizes.students[1:2]))
    assert all(map(same, first, again))
    assert same(first[1], alone)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_stopped_and_resumed_gives_the_same_bits(precision, start, sizes, monkeypatch):
    lines: list[str] = []
    with start(precision) as run:
        expected = [weights_of(one) for one in train_all(run, sizes, sizes.students[:2])]
        step, taken = Learner.step, []

        def interrupted(self, *batch):
            step(self, *batch)
            taken.append(self)
            if len(taken) == 6:  # the third step of two
                os.kill(os.getpid(), signal.SIGTERM)

        with monkeypatch.context() as patch:
            patch.setattr(Learner, "step", interrupted)
            with pytest.raises(Stopped):
                train_all(run, sizes, sizes.students[:2])
        resumed = train_all(run, sizes, sizes.students[:2], lines=lines)
    assert sum("resumes at step 3 of 10" in line for line in lines) == 2
    assert all(map(same, expected, map(weights_of, resumed)))


def test_what_diverges_is_named_and_leaves_the_others_alone(run, sizes, monkeypatch):
    others = [sizes.students[0], sizes.students[2]]
    expected = [weights_of(one) for one in train_all(run, sizes, others)]
    step = Learner.step

    def poisoned(self, *batch):
        if self.model.config.hidden_act == "relu" and self.next_step == 3:
            with torch.no_grad():
                self.model.classifier.bias[0] = float("nan")
        step(self, *batch)

    monkeypatch.setattr(Learner, "step", poisoned)
    first, failed, last = train_all(run, sizes, sizes.students)
    assert failed.failed == "the loss is not finite at step 4"
    assert all(map(same, expected, map(weights_of, (first, last))))


def test_what_runs_out_of_memory_leaves_the_others_alone(run, sizes, monkeypatch):
    """Memory that no device has is asked for in its third step."""
    others = [sizes.students[0], sizes.students[2]]
    expected = [weights_of(one) for one in train_all(run, sizes, others)]
    step = Learner.step

    def hungry(self, *batch):
        if self.model.config.hidden_act == "relu" and self.next_step == 2:
            torch.empty(1 << 50, dtype=torch.uint8, device=self.device)
        step(self, *batch)

    monkeypatch.setattr(Learner, "step", hungry)
    first, failed, last = train_all(run, sizes, sizes.students)
    assert failed.failed == "out of memory at step 3"
    assert {value.device.type for value in failed.model.parameters()} == {"meta"}
    assert all(map(same, expected, map(weights_of, (first, last))))


@pytest.mark.only_gpu
@pytest.mark.parametrize("precision", PRECISIONS)
def test_no_step_waits_for_the_gpu(precision, start, sizes):
    """CUDA is told to refuse whatever would wait, once all has run that does so the first time alone."""
    with start(precision) as run:
        teacher, rows = make_teacher(sizes), make_rows(sizes)
        learners = [make_learner(run, teacher, shape) for shape in sizes.students]
        teaching = make_teaching(run, teacher, rows)

        def steps():
            for start_row in range(0, 40, 8):
                chosen = np.arange(start_row, start_row + 8)
                batch = collate(rows, chosen, run.device)
                targets = teaching(chosen, batch)
                for learner in learners:
                    with learner.stopwatch.running():
                        learner.step(batch, targets, 100)

        steps()
        torch.cuda.synchronize()
        torch.cuda.set_sync_debug_mode("error")
        try:
            steps()
        finally:
            torch.cuda.set_sync_debug_mode("default")
        for learner in learners:
            learner.look()


def test_the_seconds_of_students_are_their_share_of_the_clocks(run, sizes):
    started = time.perf_counter()
    learners = train_all(run, sizes, sizes.students)
    whole = time.perf_counter() - started
    assert all(learner.seconds > 0 for learner in learners)
    assert sum(learner.seconds for learner in learners) < whole


def test_a_mask_that_a_batch_knows_of_changes_nothing(run, sizes):
    """Padded and not, against the mask that transformers makes itself."""
    model = new_classifier(bert_config(sizes.teacher, sizes.words), seed=1).to(run.device).eval()
    for full in (False, True):
        batch = collate(make_rows(sizes, 8, full), np.arange(8), run.device)
        plain = {name: value for name, value in batch.items() if name != "padded"}
        with torch.no_grad():
            one, other = (Forward(model)(each).logits for each in (batch, plain))
        assert torch.allclose(one, other, atol=1e-5)
