"""What the teacher makes of a sample of the training rows, on the compact vocabulary as on the whole one."""

import numpy as np
import pytest
import torch
from tiny import recipe, write_frame

from kdnas.data.tasks import get_task
from kdnas.losses.base import Outputs
from kdnas.losses.objective import Objective
from kdnas.models.loading import load_classifier, new_classifier, student_config
from kdnas.models.signals import measure_signals
from kdnas.search.space import Architecture
from kdnas.training.data import collate, encode, epoch_batches, load_data
from kdnas.training.forward import MODEL_INPUTS
from kdnas.training.lesson import Sample

CPU = torch.device("cpu")


@pytest.fixture
def sample(teacher_folder):
    task = get_task("mnli")
    rows = write_frame(task, 320, 1)
    teacher = load_classifier(teacher_folder)
    data = load_data(
        rows, {}, task=task, tokenizer_folder=teacher_folder, max_length=32, config=teacher.config
    )
    return Sample.draw(data, teacher, seed=5, refit_rows=100), rows


def test_signals_are_those_of_256_rows_with_the_whole_vocabulary(sample, teacher_folder):
    from kdnas.models.tokenizer import load_tokenizer

    sample, rows = sample
    whole = encode(rows, get_task("mnli"), load_tokenizer(teacher_folder), max_length=32)
    drawn = epoch_batches(whole.lengths, 32, seed=5, epoch=0)[:8]
    batches = [collate(whole, batch, CPU) for batch in drawn]
    expected = measure_signals(
        load_classifier(teacher_folder),
        [{name: batch[name] for name in MODEL_INPUTS if name in batch} for batch in batches],
    )
    assert sum(len(batch) for batch in drawn) == 256
    for ours, theirs in zip(sample.signals, expected, strict=True):
        assert torch.allclose(ours.neurons.second, theirs.neurons.second, atol=1e-6)
        assert torch.allclose(ours.leaving.mean, theirs.leaving.mean, atol=1e-6)
    assert sample.teacher.config.vocab_size == 200


def test_targets_are_those_of_the_first_rows_on_the_whole_vocabulary(sample, teacher_folder):
    from kdnas.models.tokenizer import load_tokenizer

    sample, rows = sample
    whole = encode(rows, get_task("mnli"), load_tokenizer(teacher_folder), max_length=32)
    drawn = np.concatenate(epoch_batches(whole.lengths, 32, seed=5, epoch=0))[:100]
    assert [len(batch["input_ids"]) for batch in sample.targets.batches] == [32, 32, 32, 4]
    given = torch.cat(sample.targets.logits)
    teacher = load_classifier(teacher_folder)
    for row, logits in zip(drawn, given, strict=True):
        batch = collate(whole, np.array([row]), CPU)
        with torch.no_grad():
            expected = teacher(**{name: batch[name] for name in MODEL_INPUTS if name in batch}).logits[0]
        assert torch.allclose(logits, expected, atol=1e-5)


def test_fitted_objective_starts_below_the_mean_as_prediction(sample):
    sample, _ = sample
    shape = student_config(sample.teacher.config, Architecture(2, 12, 3, 24, "gelu"))
    student = new_classifier(shape, 1)
    objective = Objective.of_recipe(recipe(), student, sample.teacher)
    sample.fit(objective, student)
    assert student.config.vocab_size == 200
    hidden = objective.losses["hidden"]
    batch = sample.batches[0]
    with (
        sample.data.vocabulary.shrunk(student),
        sample.data.vocabulary.shrunk(sample.teacher),
        torch.no_grad(),
    ):
        inputs = {name: batch[name] for name in MODEL_INPUTS if name in batch}
        states = [
            model.eval()(**inputs, output_hidden_states=True).hidden_states[1:]
            for model in (student, sample.teacher)
        ]
    mask = batch["attention_mask"].float()
    real = mask.bool()
    spread = torch.stack(
        [torch.cat([states[1][i] for i in pair], -1)[real].var(0).mean() for pair in hidden.layers]
    ).mean()
    outputs = [Outputs(torch.empty(0), hidden_states) for hidden_states in states]
    assert float(hidden(*outputs, batch).detach()) < 0.95 * float(spread)
