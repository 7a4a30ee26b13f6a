"""What the teacher says of a batch, remembered or not."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny import DISTILLATION, write_frame

from kdnas.data.tasks import get_task
from kdnas.models.loading import load_classifier
from kdnas.training.batches import collate
from kdnas.training.data import load_data
from kdnas.training.objective import Weights
from kdnas.training.teaching import Teaching, logits_of

CPU = torch.device("cpu")
WEIGHTS = replace(Weights.from_config(DISTILLATION), hidden=0.0, relations=0.0, logits=1.0)


@pytest.fixture
def teacher(teacher_folder):
    return load_classifier(teacher_folder)


@pytest.fixture
def rows(teacher, teacher_folder):
    task = get_task("mnli")
    frame = write_frame(task, 150, 1)
    data = load_data(frame, {}, task, teacher_folder, 16, teacher.config)
    data.vocabulary.shrink(teacher)
    return data.train


def test_logits_are_those_of_each_batch_and_cost_one_pass(teacher, rows):
    seen = []
    hook = teacher.register_forward_hook(lambda module, inputs, output: seen.append(len(output.logits)))
    teaching = Teaching(teacher, logits_of(teacher, None, rows, CPU), WEIGHTS, CPU, False)
    batches = [np.array([7, 149, 0]), np.array([149, 8]), np.array([7, 149, 0])]
    found = [teaching(batch, collate(rows, batch, CPU)).logits for batch in batches]
    assert sorted(seen) == [22, 64, 64]
    assert torch.equal(found[0], found[2])
    hook.remove()
    for batch, logits in zip(batches, found, strict=True):
        inputs = {name: value for name, value in collate(rows, batch, CPU).items() if name != "labels"}
        with torch.no_grad():
            torch.testing.assert_close(logits, teacher.eval()(**inputs).logits)


def test_given_logits_are_what_the_teacher_says(teacher, rows):
    given = torch.arange(450.0).reshape(150, 3)
    for hidden in (0.0, 1.0):
        weights = replace(WEIGHTS, hidden=hidden)
        teaching = Teaching(teacher, logits_of(teacher, given, rows, CPU), weights, CPU, False)
        batch = np.array([2, 1])
        assert teaching(batch, collate(rows, batch, CPU)).logits.tolist() == [[6, 7, 8], [3, 4, 5]]


def test_hidden_states_come_with_every_batch(teacher, rows):
    weights = replace(WEIGHTS, hidden=1.0)
    teaching = Teaching(teacher, logits_of(teacher, None, rows, CPU), weights, CPU, False)
    batch = np.array([1, 2])
    outputs = teaching(batch, collate(rows, batch, CPU))
    assert len(outputs.hidden_states) == teacher.config.num_hidden_layers
    assert not outputs.logits.requires_grad
