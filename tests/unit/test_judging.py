"""Candidates' outputs and losses on a split, against plain passes of single rows."""

import numpy as np
import pytest
import torch
from scipy.special import log_softmax, softmax
from tiny import DISTILLATION, recipe, started, write_frame, write_teacher

from kdnas.data.tasks import get_task
from kdnas.losses.objective import Objective, reads_of_teacher
from kdnas.models.loading import load_classifier, pretrained_classifier
from kdnas.training.data import collate, load_data
from kdnas.training.forward import Teaching
from kdnas.training.scoring import judge, predict

CPU = torch.device("cpu")
ROWS = 150  # three batches of at most 64
LOGITS = {"hidden": 0.0, "logits": 0.5, "relations": 0.0, "labels": 3.0}


@pytest.fixture
def teacher(teacher_folder):
    return load_classifier(teacher_folder).eval()


@pytest.fixture
def rows(teacher, teacher_folder):
    task = get_task("mnli")
    frame = write_frame(task, ROWS, 1)
    return load_data(
        frame, {}, task=task, tokenizer_folder=teacher_folder, max_length=16, config=teacher.config
    ).train


@pytest.fixture
def make_learner(teacher, tmp_path):
    def make(layers, losses=LOGITS):
        task = get_task("mnli")
        base = tmp_path / str(layers)
        if not base.exists():
            write_teacher(base, layers=layers)
        model = pretrained_classifier(base, task, dropout=0.0, seed=layers)
        with_losses = recipe(DISTILLATION | {"losses": losses})
        objective = Objective.of_recipe(with_losses, model, teacher)
        return started(model, objective, with_losses.stage)

    return make


def teaching_of(teacher, rows, losses=LOGITS):
    logits = torch.from_numpy(predict(teacher, rows, CPU))
    return Teaching(teacher, logits, reads_of_teacher(losses), device=CPU, autocast=False)


def row_by_row(model, rows):
    with torch.no_grad():
        return np.concatenate(
            [
                model.eval()(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits
                for batch in (collate(rows, np.array([row]), CPU) for row in range(ROWS))
            ]
        )


def test_logits_and_loss_are_those_of_single_rows(teacher, rows, make_learner):
    learners = [make_learner(1), make_learner(3)]
    taught = log_softmax(row_by_row(teacher, rows) / 2, axis=1)
    for learner, (logits, loss) in zip(
        learners, judge(learners, teaching_of(teacher, rows), rows, device=CPU), strict=True
    ):
        expected = row_by_row(learner.model, rows)
        np.testing.assert_allclose(logits, expected, atol=1e-5)
        divergence = (np.exp(taught) * (taught - np.log(softmax(expected / 2, axis=1)))).sum(axis=1)
        assert loss == pytest.approx(0.5 * 4 * divergence.mean(), rel=1e-4)  # weight times T^2; no labels


def test_every_learner_is_judged_as_if_it_were_alone(teacher, rows, make_learner):
    losses = LOGITS | {"hidden": 1.0, "relations": 1.0}
    learners = [make_learner(1, losses), make_learner(2, losses)]
    teaching = teaching_of(teacher, rows, losses)
    together = judge(learners, teaching, rows, device=CPU)
    for learner, (logits, loss) in zip(learners, together, strict=True):
        ((alone, alone_loss),) = judge([learner], teaching, rows, device=CPU)
        assert np.array_equal(alone, logits) and alone_loss == loss > 0


def test_the_teacher_passes_once_for_all(teacher, rows, make_learner):
    losses = LOGITS | {"hidden": 1.0}
    teaching = teaching_of(teacher, rows, losses)
    seen = []
    teacher.register_forward_hook(lambda module, inputs, output: seen.append(len(output.logits)))
    judge([make_learner(layers, losses) for layers in (1, 2, 3)], teaching, rows, device=CPU)
    assert sorted(seen) == [22, 64, 64]
    judge([], teaching, rows, device=CPU)
    assert len(seen) == 3


def test_without_a_teacher_there_is_no_loss(rows, make_learner):
    learner = make_learner(1)
    ((logits, loss),) = judge([learner], None, rows, device=CPU)
    assert loss == 0.0
    np.testing.assert_allclose(logits, row_by_row(learner.model, rows), atol=1e-5)
