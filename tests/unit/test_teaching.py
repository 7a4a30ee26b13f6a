"""What the teacher says of a batch, remembered or not."""

import numpy as np
import pytest
import torch
from tiny import write_frame

from kdnas.data.tasks import get_task
from kdnas.losses.base import HIDDEN_STATES
from kdnas.models.loading import load_classifier
from kdnas.training.data import collate, load_data
from kdnas.training.forward import Teaching
from kdnas.training.scoring import predict

CPU = torch.device("cpu")
NOTHING, STATES = frozenset(), frozenset({HIDDEN_STATES})


def teaching_of(teacher, rows, reads, logits=None):
    logits = torch.from_numpy(predict(teacher, rows, CPU)) if logits is None else logits
    return Teaching(teacher, logits, reads, device=CPU, autocast=False)


@pytest.fixture
def teacher(teacher_folder):
    return load_classifier(teacher_folder)


@pytest.fixture
def rows(teacher, teacher_folder):
    task = get_task("mnli")
    frame = write_frame(task, 150, 1)
    data = load_data(
        frame, {}, task=task, tokenizer_folder=teacher_folder, max_length=16, config=teacher.config
    )
    data.vocabulary.shrink(teacher)
    return data.train


def test_logits_are_those_of_each_batch_and_cost_one_pass(teacher, rows):
    seen = []
    hook = teacher.register_forward_hook(lambda module, inputs, output: seen.append(len(output.logits)))
    teaching = teaching_of(teacher, rows, NOTHING)
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
    for reads in (NOTHING, STATES):
        teaching = teaching_of(teacher, rows, reads, given)
        batch = np.array([2, 1])
        assert teaching(batch, collate(rows, batch, CPU)).logits.tolist() == [[6, 7, 8], [3, 4, 5]]


def test_hidden_states_come_with_every_batch(teacher, rows):
    teaching = teaching_of(teacher, rows, STATES)
    batch = np.array([1, 2])
    outputs = teaching(batch, collate(rows, batch, CPU))
    assert len(outputs.hidden_states) == teacher.config.num_hidden_layers
    assert not outputs.logits.requires_grad
