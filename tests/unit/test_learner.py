"""Steps of a learner against plain PyTorch, what is random in them, what a pass leaves for the losses."""

import copy

import numpy as np
import pytest
import torch
from tiny import DISTILLATION, FAMILY, STAGE, recipe, started, write_frame, write_teacher
from torch.utils._python_dispatch import TorchDispatchMode

from kdnas.data.tasks import get_task
from kdnas.losses.base import HIDDEN_STATES, RELATIONS
from kdnas.losses.objective import Objective, labels_only
from kdnas.models.loading import pretrained_classifier
from kdnas.models.tokenizer import load_tokenizer
from kdnas.training.data import collate, encode
from kdnas.training.forward import Forward
from kdnas.training.recipe import Stage

TASK = get_task("mnli")
EVERYTHING = frozenset({HIDDEN_STATES, RELATIONS})
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return write_teacher(tmp_path_factory.mktemp("learner") / "base")


@pytest.fixture(scope="module")
def batches(base):
    rows = encode(write_frame(TASK, 24, 1), TASK, load_tokenizer(base), max_length=32)
    return [collate(rows, range(start, start + 8), CPU) for start in (0, 8, 16)]


def learner(base, norm=1.0, seed=1, **changes):
    stage = Stage(**(STAGE | {"dropout": 0.0} | changes), max_gradient_norm=norm)
    model = pretrained_classifier(base, TASK, dropout=stage.dropout, seed=3)
    return started(model, labels_only(model), stage, seed)


@pytest.mark.parametrize("norm", [0.1, 1e6])
def test_steps_are_those_of_adamw_written_out(norm, base, batches):
    """Clipped as one vector, at the schedule's rate, with decay of the matrices outside the embeddings."""
    mine = learner(base, norm, learning_rate=0.01, warmup=0.5, weight_decay=0.3)
    reference = copy.deepcopy(mine.model).train()
    moments = {name: [torch.zeros_like(value)] * 2 for name, value in reference.named_parameters()}
    rates = [0.005, 0.01, 0.01]  # of three steps: a rise over two (half of three, rounded), then the fall
    clipped = []
    for number, (batch, rate) in enumerate(zip(batches, rates, strict=True), start=1):
        mine.step(batch, None, 3)
        inputs = {name: value for name, value in batch.items() if name != "labels"}
        loss = torch.nn.functional.cross_entropy(reference(**inputs).logits, batch["labels"])
        reference.zero_grad()
        loss.backward()
        norms = [value.grad.norm() for value in reference.parameters() if value.grad is not None]
        whole = float(torch.stack(norms).norm())
        clipped.append(whole > norm)
        with torch.no_grad():
            for name, value in reference.named_parameters():
                if value.grad is None:
                    continue
                gradient = value.grad * min(1.0, norm / whole)
                first, second = moments[name]
                first, second = 0.9 * first + 0.1 * gradient, 0.999 * second + 0.001 * gradient**2
                moments[name] = [first, second]
                if value.dim() == 2 and "embeddings" not in name:
                    value.mul_(1 - rate * 0.3)
                corrected = (second / (1 - 0.999**number)).sqrt() + 1e-8
                value.sub_(rate * (first / (1 - 0.9**number)) / corrected)
        assert mine.recent["labels"] == pytest.approx(loss.item(), rel=1e-4)
    assert clipped == [norm < 1] * 3
    for (name, one), other in zip(mine.model.named_parameters(), reference.parameters(), strict=True):
        # where a gradient is rounding alone, Adam takes a step of either sign
        close = torch.isclose(one, other, atol=1e-4)
        assert close.float().mean() > 0.99, name


def test_what_is_dropped_depends_on_the_seed_and_the_step_alone(base, batches):
    def first_loss(seed=1, step=0):
        fresh = learner(base, seed=seed, dropout=0.3)
        fresh.next_step = step
        torch.rand(17)  # whatever was drawn before
        fresh.step(batches[0], None, 10)
        return fresh.recent["labels"]

    assert first_loss() == first_loss()
    assert first_loss(step=1) == first_loss(step=1)
    assert len({first_loss(), first_loss(step=1), first_loss(step=2), first_loss(seed=2)}) == 4


def test_a_pass_leaves_the_states_and_the_last_layers_queries_keys_and_values(base, batches):
    model = pretrained_classifier(base, TASK, dropout=0.0, seed=3).eval()
    with torch.no_grad():
        found = Forward(model, EVERYTHING)(batches[0])
        inputs = {name: value for name, value in batches[0].items() if name != "labels"}
        plain = model(**inputs, output_hidden_states=True)
        attention = model.bert.encoder.layer[3].attention.self
        expected = [getattr(attention, name)(plain.hidden_states[3]) for name in ("query", "key", "value")]
    assert torch.equal(found.logits, plain.logits)
    assert len(found.hidden_states) == 4
    assert all(map(torch.equal, found.hidden_states, plain.hidden_states[1:]))
    assert all(
        torch.allclose(one, other, atol=1e-6) for one, other in zip(found.relations, expected, strict=True)
    )


class HostReads(TorchDispatchMode):
    """Lists what makes the CPU wait for the device; ``allowed`` are tensors that are the CPU's own."""

    def __init__(self, allowed):
        super().__init__()
        self.allowed = allowed
        self.found = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        reads = ("_local_scalar_dense", "nonzero", "masked_select")
        if any(name in str(function) for name in reads) and not any(args[0] is one for one in self.allowed):
            self.found.append(str(function))
        return function(*args, **(kwargs or {}))


# not ModernBERT, whose masks of near tokens ask whether anything is padded
@pytest.mark.parametrize("model_type", [name for name in FAMILY if name != "modernbert"])
def test_steps_on_a_gpu_read_nothing_back_and_compute_the_same(model_type, tmp_path):
    """On a CPU, with what is particular to a GPU: what a batch says of its padding, and looking late."""
    base = write_teacher(tmp_path, model_type)
    rows = encode(write_frame(TASK, 24, 1), TASK, load_tokenizer(base), max_length=32)
    alike = np.flatnonzero(rows.lengths == np.bincount(rows.lengths).argmax())
    batches = [collate(rows, chosen, CPU) for chosen in (np.arange(8), alike)]
    marks = [torch.tensor(not bool(batch["attention_mask"].all())) for batch in batches]
    assert [bool(mark) for mark in marks] == [True, False]
    all_losses = recipe(DISTILLATION)

    def make():
        teacher, model = (pretrained_classifier(base, TASK, dropout=0.0, seed=seed) for seed in (4, 3))
        objective = Objective.of_recipe(all_losses, model, teacher)
        return Forward(teacher.eval(), EVERYTHING), started(model, objective, all_losses.stage)

    def step(made, batch):
        with torch.no_grad():
            targets = made[0](batch)
        made[1].step(batch, targets, 10)

    plain, late = make(), make()
    late[1].objective.load_state_dict(plain[1].objective.state_dict())  # its maps are drawn at random
    late[1].looks_at_each_step = False
    for batch in batches:
        step(plain, batch)
    with HostReads(marks) as reads:
        for batch, mark in zip(batches, marks, strict=True):
            step(late, batch | {"padded": mark})
    assert reads.found == []
    late[1].look()
    assert late[1].recent == plain[1].recent
    for (name, one), other in zip(plain[1].named_parameters(), late[1].named_parameters(), strict=True):
        assert torch.equal(one, other[1]), name
    with HostReads([]) as reads:
        step(plain, batches[0])
    assert reads.found  # the padding and the outcome, on a CPU
