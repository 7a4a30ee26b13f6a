"""One lesson: learners that train side by side on the same rows, with one teacher or none."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from kdnas.data.tasks import BALANCED, Task, get_task
from kdnas.losses.base import Outputs
from kdnas.losses.objective import Objective, labels_only, reads_of_teacher
from kdnas.models.loading import load_config
from kdnas.models.refit import Targets, measure_targets
from kdnas.models.signals import LayerSignals, measure_signals
from kdnas.models.student import build_student
from kdnas.models.unit import into_training, out_of_training
from kdnas.search.space import Architecture
from kdnas.training.data import (
    Encoded,
    TrainingData,
    collate,
    epoch_batches,
    load_data,
    with_pseudo_labels,
)
from kdnas.training.forward import Forward, Teaching, model_inputs
from kdnas.training.learner import Learner, only_this_one_fails
from kdnas.training.loop import train
from kdnas.training.recipe import Recipe, Stage
from kdnas.training.rows import Rows
from kdnas.training.run import Run
from kdnas.training.saving import save_scored
from kdnas.training.scoring import judge, predict, score_splits

if TYPE_CHECKING:
    from transformers import PreTrainedModel


SAMPLE_BATCHES, SAMPLE_ROWS = 8, 32


class Lesson:
    """:meth:`enrol` learners, :meth:`train` them, then :meth:`judge` them, or :meth:`save` one.

    The result of each learner is the same whatever others take part, on the CPU bit for bit. In a regression
    all models work in standard units (:mod:`kdnas.models.unit`); what is judged and saved is in the labels'.
    """

    def __init__(
        self,
        rows: Rows,
        folder: Path,
        stage: Stage,
        *,
        seed: int,
        run: Run,
        teacher: PreTrainedModel | None = None,
        recipe: Recipe | None = None,
    ) -> None:
        """Tokenise the rows, and draw the sample that a teacher's students are built by.

        Args:
            rows: the rows to train and score on.
            folder: holds the tokenizer and configuration of all learners.
            stage: how they are trained.
            seed: of the training.
            run: the device, and where checkpoints go.
            teacher: the classifier that they learn from, on the CPU; it needs a recipe. It is the lesson's
                from here on.
            recipe: how they are distilled. Without a teacher its losses read nothing but the logits, which
                the rows then have.
        """
        self.rows, self.folder, self.stage, self.seed, self.run = rows, folder, stage, seed, run
        self.task = get_task(rows.task)
        self.teacher, self.recipe = teacher, recipe
        config = load_config(folder) if teacher is None else teacher.config
        self.data = load_data(
            rows.train,
            rows.scored,
            task=self.task,
            tokenizer_folder=folder,
            max_length=rows.max_length,
            config=config,
        )
        self.data.train.labels = self.task.to_standard(self.data.train.labels)
        if teacher is not None:
            into_training(teacher, self.task)
        self.class_weights = None
        if self.task.class_weights == BALANCED:
            self.class_weights = self.task.kind.balanced_weights(self.data.train.labels[: rows.labelled])
        self.sample: Sample | None = None
        if teacher is not None and recipe is not None:
            self.sample = Sample.draw(self.data, teacher, seed=seed, refit_rows=recipe.refit_rows)
        self.learners: list[Learner] = []
        self._judging: Teaching | None = None
        self._answers: np.ndarray | None = None  # the teacher's logits on the one scored split

    def enrol(self, key: dict[str, Any], build: Callable[[Sample | None], PreTrainedModel]) -> Learner:
        """Build a model on the CPU and return its learner, which has ``failed`` if memory did not suffice."""
        learner = Learner(key, self.stage, self.seed)
        with only_this_one_fails(learner, "while it was built"):
            started, shared = time.perf_counter(), self._shared_seconds
            model = build(self.sample)
            objective = self._objective(model)
            if objective.starts_fitted:
                assert self.sample is not None  # such losses ask the teacher
                self.sample.fit(objective, model)
            learner.take_up(model, objective, self.data.vocabulary.shrink(model))
            learner.seconds = time.perf_counter() - started - (self._shared_seconds - shared)
        self.learners.append(learner)
        return learner

    @property
    def _shared_seconds(self) -> float:
        return 0.0 if self.sample is None else self.sample.seconds

    def _objective(self, model: PreTrainedModel) -> Objective:
        weights = self.class_weights
        if self.recipe is None:
            return labels_only(model, class_weights=weights)
        return Objective.of_recipe(self.recipe, model, self.teacher, class_weights=weights)

    def train(self) -> None:
        """Train all learners to the end, resuming each from its checkpoint; one that fails is marked so."""
        self.sample = None  # the teacher's signals would stay in memory
        run = self.run
        for learner in self.learners:
            if learner.failed is None:
                with only_this_one_fails(learner, "while it was built"):
                    learner.start(run.device, run.autocast)
        teaching = self._teaching()
        healthy = [learner for learner in self.learners if learner.failed is None]
        if healthy:
            train(healthy, self.data.train, seed=self.seed, run=run, teaching=teaching)
        for learner in healthy:
            if learner.failed is None:
                learner.end_training()

    def _teaching(self) -> Teaching | None:
        """Prepare the teacher's side, and give the rows without labels their pseudo-labels."""
        reads = None if self.recipe is None else reads_of_teacher(self.recipe.losses)
        run, rows, teacher, data = self.run, self.rows, self.teacher, self.data
        if reads is None:
            return None
        if teacher is not None:
            data.vocabulary.shrink(teacher)

        def logits(given: torch.Tensor | None, part: Encoded) -> torch.Tensor:
            if given is not None:
                return self.task.to_standard(given)
            assert teacher is not None
            return torch.from_numpy(predict(teacher.to(run.device), part, run.device))

        on_training_rows = logits(rows.train_logits, data.train)
        (scored, *others) = data.scored.values()
        if teacher is not None and not others:  # else nothing is judged by the losses
            on_scored_rows = logits(rows.scored_logits, scored)
            self._answers = on_scored_rows.numpy()
            self._judging = Teaching(teacher, on_scored_rows, reads, device=run.device, autocast=False)
        data.train = with_pseudo_labels(
            data.train, labelled=rows.labelled, logits=on_training_rows, kind=self.task.kind
        )
        return Teaching(teacher, on_training_rows, reads, device=run.device, autocast=run.autocast)

    def judge(self) -> list[tuple[np.ndarray, float] | None]:
        """Return the logits and the distillation loss of each learner on the one scored split."""
        (scored,) = self.data.scored.values()
        run = self.run
        judged = judge(self.learners, self._judging, scored, device=run.device, report=run.report)
        return [found and (self.task.from_standard(found[0]), found[1]) for found in judged]

    def agreement(self, logits: np.ndarray) -> float | None:
        """Return how well ``logits`` on the one scored split agree with the teacher's; None without these."""
        if self._answers is None:
            return None
        return self.task.kind.agreement(logits, self._answers)

    def finish(self, learner: Learner) -> PreTrainedModel:
        """Return a learner's model on the CPU, with the whole vocabulary."""
        self.data.vocabulary.restore(learner.model.cpu(), learner.whole_embedding)
        return learner.model

    def save(
        self, learner: Learner, model_folder: Path, *, data_folder: Path, details: dict[str, Any]
    ) -> dict[str, Any]:
        """Score a learner on all scored splits, save it, and return its metrics."""
        out_of_training(learner.model, self.task)
        scored = score_splits(learner.model, self.data.scored, task=self.task, device=self.run.device)
        return save_scored(
            self.finish(learner),
            scored,
            self.task,
            tokenizer_folder=self.folder,
            data_folder=data_folder,
            max_length=self.rows.max_length,
            model_folder=model_folder,
            details=details | {"task": self.task.name},
            seed=self.seed,
            train_rows=self.rows.labelled,
        )


@dataclass
class Sample:
    """Training rows in batches of 32, in random order, with their data and its teacher.

    All of it runs on the CPU, because a job claims no GPU before it has something to train. ``seconds`` were
    spent on what all students share.
    """

    rows: list[np.ndarray]
    data: TrainingData
    teacher: PreTrainedModel
    seed: int
    refit_rows: int
    seconds: float = 0.0

    @contextlib.contextmanager
    def _shared(self) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self.seconds += time.perf_counter() - started

    @classmethod
    def draw(cls, data: TrainingData, teacher: PreTrainedModel, *, seed: int, refit_rows: int) -> Sample:
        """Draw the rows with ``seed``; ``teacher`` is on the CPU."""
        rows = epoch_batches(data.train.lengths, SAMPLE_ROWS, seed=seed, epoch=0)
        return cls(rows, data, teacher, seed, refit_rows)

    @cached_property
    def batches(self) -> list[dict[str, torch.Tensor]]:
        """The first 256 rows."""
        return [self._collate(rows) for rows in self.rows[:SAMPLE_BATCHES]]

    def _collate(self, rows: np.ndarray) -> dict[str, torch.Tensor]:
        return collate(self.data.train, rows, torch.device("cpu"))

    @cached_property
    def signals(self) -> list[LayerSignals]:
        """The statistics of the teacher's layers by which students are narrowed."""
        with self._shared(), self.data.vocabulary.shrunk(self.teacher):
            return measure_signals(self.teacher, map(model_inputs, self.batches))

    @cached_property
    def targets(self) -> Targets:
        """What the teacher's layers give on the first ``refit_rows`` rows, to which students are refitted."""
        cut = np.concatenate(self.rows)[: self.refit_rows]
        rows = np.split(cut, np.cumsum([len(batch) for batch in self.rows]))
        used = torch.from_numpy(self.data.vocabulary.used)
        batches = [model_inputs(self._collate(batch)) for batch in rows if len(batch)]
        # a student that is being built has the whole vocabulary
        whole = [batch | {"input_ids": used[batch["input_ids"]]} for batch in batches]
        with self._shared():
            return measure_targets(self.teacher, whole, self.seed)

    def student(
        self, architecture: Architecture, task: Task, *, recipe: Recipe, seed: int
    ) -> PreTrainedModel:
        """Return an untrained student, initialised as the recipe says."""
        return build_student(
            architecture,
            self.teacher,
            task,
            signals=None if recipe.initialisation == "random" else self.signals,
            targets=self.targets if recipe.initialisation == "refit" else None,
            dropout=recipe.stage.dropout,
            seed=seed,
        )

    def fit(self, objective: Objective, student: PreTrainedModel) -> None:
        """Initialise the losses' own weights so that they predict the teacher best."""
        outputs = [self._outputs(model, objective.reads) for model in (student, self.teacher)]
        objective.fit(zip(*outputs, self.batches, strict=True))

    @torch.no_grad()
    def _outputs(self, model: PreTrainedModel, reads: frozenset[str]) -> Iterator[Outputs]:
        # batch by batch: all states of BERT-Base on the sample would be 1.2 GB
        with self.data.vocabulary.shrunk(model):
            forward = Forward(model.eval(), reads)
            yield from (forward(batch) for batch in self.batches)
