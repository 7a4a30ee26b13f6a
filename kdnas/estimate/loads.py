"""Operations and memory by kind of job: for the estimate and for the requests of jobs on a cluster."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field, replace
from math import ceil
from statistics import fmean

from kdnas.estimate.shapes import (
    BYTES,
    Embeddings,
    activation_bytes,
    distillation_bytes,
    forward_flops,
    parameters,
    refit_flops,
    targets_bytes,
    timing_bytes,
    training_bytes,
    training_flops,
)
from kdnas.latency.protocol import TORCH, Protocol
from kdnas.search.space import Architecture
from kdnas.training.recipe import Stage

TEACHER_STEP, STUDENT_STEP = "teacher_step", "student_step"
TEACHER_PASS, STUDENT_PASS = "teacher_pass", "student_pass"
TIMED_PASS = "timed_pass_"  # followed by the device and the runtime
FILE = "file_"  # made to be timed; followed by the runtime
# a file that is kept has weights by channel and the whole word table: roughly so many of those that are timed
KEPT_FILE = 4
SCORING_BATCH = 64  # kdnas.training.scoring.BATCH_SIZE, which needs torch
REFIT_TOKENS = 16  # kdnas.models.refit.TOKENS
TOKEN_BYTES = 200  # of a tokenised row while it is tokenised: ids, types, masks, texts and offsets


@dataclass(frozen=True)
class Passes:
    """A number of passes through a network, or training steps, and the sum of their operations."""

    count: float = 0.0
    flops: float = 0.0

    def __add__(self, other: Passes) -> Passes:
        return Passes(self.count + other.count, self.flops + other.flops)

    def times(self, factor: float) -> Passes:
        """Return so many times the passes."""
        return Passes(factor * self.count, factor * self.flops)


@dataclass(frozen=True)
class Load:
    """A job's passes by kind, its memory beside that of a Python that just started, and its files' bytes."""

    passes: Mapping[str, Passes] = field(default_factory=dict)
    memory: float = 0.0
    disk: float = 0.0


class Student:
    """A student of one of several equally likely shapes: every figure is their mean."""

    def __init__(self, shapes: Sequence[Architecture]) -> None:
        self.shapes = list(shapes)

    def mean(self, figure: Callable[[Architecture], float]) -> float:
        """Return the mean of ``figure`` over the shapes."""
        return fmean(figure(shape) for shape in self.shapes)


@dataclass(frozen=True)
class Losses:
    """The cost of a recipe's losses: whether they ask the teacher, and for more than its logits.

    ``all_tokens`` is whether they read all that the last layer gives. ``flops`` and ``states`` of a shape are
    ``flops`` and ``kept_states`` of :class:`kdnas.losses.base.Loss`.
    """

    ask_teacher: bool
    logits_suffice: bool
    all_tokens: bool
    flops: Callable[[Architecture], float]
    states: Callable[[Architecture], int]


@dataclass(frozen=True)
class Inputs:
    """The rows that a job trains on and scores; ``tokens`` of a mean input, ``longest`` of the longest."""

    train: int
    scored: int
    _: KW_ONLY
    tokens: float
    longest: int

    @property
    def bytes(self) -> float:
        """Memory of the rows while they are tokenised."""
        return TOKEN_BYTES * self.tokens * (self.train + self.scored)


@dataclass(frozen=True)
class Sizes:
    """A teacher's shape, and the embedding tables that its students share; ``labels`` of the task."""

    teacher: Architecture
    embeddings: Embeddings
    labels: int = 2

    def parameters(self, shape: Architecture) -> int:
        """Return the parameters of a classifier of ``shape``."""
        return parameters(shape, self.embeddings, self.labels)


def finetuning(sizes: Sizes, inputs: Inputs, stage: Stage, *, answered: int) -> Load:
    """Fine-tuning and scoring the teacher, and its logits on ``answered`` rows."""
    steps, read = _steps(stage, inputs.train)
    forward = _forward(sizes.teacher, inputs.tokens)
    count = sizes.parameters(sizes.teacher)
    activations = activation_bytes(sizes.teacher, stage.batch_size, inputs.longest)
    return Load(
        {
            TEACHER_STEP: Passes(steps, training_flops(forward) * read),
            TEACHER_PASS: scoring(inputs.scored, forward) + scoring(answered, forward),
        },
        training_bytes(count) + activations + inputs.bytes,
        BYTES * count,
    )


def predicting(sizes: Sizes, inputs: Inputs, *, answered: int = 0) -> Load:
    """Scoring a model no larger than the teacher, and its logits on ``answered`` rows."""
    forward = _forward(sizes.teacher, inputs.tokens)
    weights = BYTES * sizes.parameters(sizes.teacher)
    passes = scoring(inputs.scored, forward) + scoring(answered, forward)
    return Load({TEACHER_PASS: passes}, weights + inputs.bytes, weights)


def distillation(
    sizes: Sizes,
    student: Student,
    inputs: Inputs,
    *,
    stage: Stage,
    losses: Losses,
    count: float = 1,
    judged: bool = False,
    answered: bool = True,
    refit_rows: int = 0,
) -> Load:
    """Distilling and scoring students side by side.

    Args:
        sizes: of the teacher.
        student: the shapes that a student may have.
        inputs: the rows that train and that are scored.
        stage: how students are trained.
        losses: the cost of their losses.
        count: how many students there are, a mean where it is not whole.
        judged: whether their losses on the scored rows are computed.
        answered: whether the teacher's logits on the scored rows are there.
        refit_rows: on which students are refitted to the teacher before they train.
    """
    refit_rows, fitted = min(refit_rows, inputs.train), min(REFIT_TOKENS, inputs.tokens)
    steps, read = _steps(stage, inputs.train)
    teacher, compared = (
        _forward(sizes.teacher, inputs.tokens, whole=whole) for whole in (False, losses.all_tokens)
    )
    forward = student.mean(lambda shape: _forward(shape, inputs.tokens))
    trained = student.mean(lambda shape: _forward(shape, inputs.tokens, whole=losses.all_tokens))
    extra = student.mean(losses.flops) * inputs.tokens
    taught = Passes() if losses.logits_suffice else Passes(steps, compared * read)
    if judged and losses.ask_teacher and not (answered and losses.logits_suffice):
        taught += scoring(inputs.scored, compared)
    fits = student.mean(lambda shape: refit_flops(shape, sizes.teacher)) * fitted
    passes = {
        TEACHER_PASS: taught + scoring(refit_rows, teacher),
        STUDENT_STEP: Passes(steps, training_flops(trained + extra) * read).times(count),
        STUDENT_PASS: (
            scoring(inputs.scored, trained + extra if judged else forward)
            + scoring(refit_rows, forward + fits)
        ).times(count),
    }
    # each weight of a loss is used once for each token, in a multiply-add, which counts as two operations
    weights = ceil(count) * (student.mean(sizes.parameters) + student.mean(losses.flops) / 2)
    largest = max(student.shapes, key=lambda shape: activation_bytes(shape, stage.batch_size, inputs.longest))
    memory = distillation_bytes(
        sizes.teacher,
        largest,
        weights,
        rows=stage.batch_size,
        tokens=inputs.longest,
        states=losses.states(largest),
    )
    memory += BYTES * sizes.parameters(sizes.teacher) + inputs.bytes
    if refit_rows:  # beside the teacher's, all tokens' states of one student before and after its attention
        states = BYTES * refit_rows * inputs.tokens * 3 * max(shape.hidden_size for shape in student.shapes)
        memory += targets_bytes(sizes.teacher, refit_rows, fitted) + states
    return Load(passes, memory, BYTES * student.mean(sizes.parameters))


def timing(sizes: Sizes, students: Sequence[Student], protocol: Protocol) -> Load:
    """Timing ``students`` and the teacher by ``protocol``, with the most rounds."""
    tokens, rows = protocol.sequence_length, protocol.batch_size
    rounds = protocol.warmup + protocol.max_rounds
    whole = protocol.runtime == TORCH
    forward = sum(
        student.mean(lambda shape: _forward(shape, tokens, whole=whole))
        for student in (Student([sizes.teacher]), *students)
    )
    # of a student that is not known yet any of its shapes stands for the size of the tables
    shapes = [sizes.teacher, *(student.shapes[0] for student in students)]
    memory: float = timing_bytes(shapes, sizes.embeddings)
    if protocol.device == "cpu":  # a layer's vectors before and after each half of it
        memory += BYTES * rows * tokens * 2 * max(shape.ffn_size + shape.hidden_size for shape in shapes)
    passes = {
        timed_pass(protocol.device, protocol.runtime): Passes(rounds * len(shapes), rounds * rows * forward),
        FILE + protocol.runtime: Passes(len(shapes), forward),
    }
    return Load(passes, memory)


def timed_pass(device: str, runtime: str) -> str:
    """Return the kind of pass that times a network on ``device`` in ``runtime``."""
    return f"{TIMED_PASS}{device}_{runtime}"


def exporting(
    sizes: Sizes,
    students: Sequence[Student],
    inputs: Inputs,
    *,
    runtimes: Sequence[str],
    longest: int,
    copied: bool,
) -> Load:
    """Exporting the teacher and students, and scoring them row by row in all runtimes.

    Args:
        sizes: the teacher's.
        students: the final ones.
        inputs: the rows to score.
        runtimes: of ``deployment.runtimes``.
        longest: tokens of the inputs of the files' own lines.
        copied: whether models and their copies with fewer pieces are compared first.
    """
    shapes = [Student([sizes.teacher]), *students]
    row = sum(student.mean(lambda shape: _forward(shape, inputs.tokens)) for student in shapes)
    whole_row = sum(
        student.mean(lambda shape: _forward(shape, inputs.tokens, whole=True)) for student in shapes
    )
    file = sum(student.mean(lambda shape: _forward(shape, longest)) for student in shapes)
    passes = {}
    for runtime in runtimes:
        of_row = whole_row if runtime == TORCH else row
        passes[timed_pass("cpu", runtime)] = Passes(len(shapes) * inputs.scored, inputs.scored * of_row)
        passes[FILE + runtime] = Passes(KEPT_FILE * len(shapes), KEPT_FILE * file)
    if copied:
        passes[timed_pass("cpu", TORCH)] = Passes(
            3 * len(shapes) * inputs.scored, 3 * inputs.scored * whole_row
        )
    disk = sum(BYTES * student.mean(sizes.parameters) for student in shapes) * (len(runtimes) - 1)
    # the weights in torch, as a graph, in its copies while it is quantised, in a session
    return Load(passes, inputs.bytes + 6 * BYTES * sizes.parameters(sizes.teacher), disk)


def timing_deployed(
    sizes: Sizes, students: Sequence[Student], protocol: Protocol, *, runtimes: Sequence[str]
) -> Load:
    """Timing the files of the teacher and ``students`` in all ``runtimes``, with the most rounds."""
    total = Load()
    for runtime in runtimes:
        load = timing(sizes, students, replace(protocol, runtime=runtime))
        passes = {kind: value for kind, value in load.passes.items() if kind != FILE + runtime}
        total = Load({**total.passes, **passes}, total.memory + load.memory)
    return total


def scoring(rows: int, forward: float) -> Passes:
    """Return the passes over a split that is scored; ``forward``: operations of one input."""
    return Passes(ceil(rows / SCORING_BATCH), rows * forward)


def _steps(stage: Stage, rows: int) -> tuple[int, int]:
    """Return the steps of a training on ``rows`` rows and the inputs that it reads, epoch after epoch."""
    steps = stage.steps(rows)
    return steps, steps // ceil(rows / stage.batch_size) * rows


def _forward(shape: Architecture, tokens: float, *, whole: bool = False) -> float:
    """Return the operations of one input of ``tokens`` tokens; ``whole`` is the last layer's."""
    return forward_flops(shape, tokens, whole=whole) * tokens
