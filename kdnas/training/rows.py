"""The rows of a training: those to learn from, those to score, and the teacher's answers on both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import torch
from safetensors import SafetensorError, safe_open

from kdnas.data.frames import TRAIN_ROW, fingerprint, read_meta, read_rows, read_split
from kdnas.data.tasks import HELDOUT, TRAIN, Definition, completed, get_task
from kdnas.data.unlabelled import UNLABELLED
from kdnas.errors import UserError
from kdnas.models.identity import tensors_sha256


@dataclass(frozen=True)
class Answers:
    """Logits, each (rows, labels) float32 in the order of the rows, by split, and their digest."""

    logits: Mapping[str, torch.Tensor]
    sha256: str

    @classmethod
    def read(cls, path: str | Path) -> Answers:
        """Read what :func:`kdnas.teachers.answers.query_teacher` wrote; raises UserError if it is damaged."""
        try:
            with safe_open(path, "pt") as file:
                logits = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return cls(logits, tensors_sha256(logits))
        except (SafetensorError, OSError) as error:
            raise UserError(
                f"{path} is damaged ({error}); delete it and run the same command again"
            ) from error

    def on_training_rows(self) -> torch.Tensor:
        """Return the logits on all rows that train: the labelled ones, then the unlabelled ones, if any."""
        parts = [self.logits[split] for split in (TRAIN, UNLABELLED) if split in self.logits]
        return torch.cat(parts)


@dataclass
class Rows:
    """``train`` holds ``labelled`` rows with labels, then rows that get pseudo-labels from the teacher.

    ``scored`` holds the splits that are scored. ``key`` identifies all of this in the store. Texts are cut to
    ``max_length`` tokens. The teacher's logits on both are None where its answers are not at hand.
    """

    task: Definition
    train: pd.DataFrame
    labelled: int
    scored: dict[str, pd.DataFrame]
    max_length: int
    key: dict[str, str | None]
    train_logits: torch.Tensor | None = None
    scored_logits: torch.Tensor | None = None

    @classmethod
    def of_proxy(
        cls,
        task: Definition,
        proxy: str | Path,
        data: str | Path,
        *,
        max_length: int,
        answers: Answers | None = None,
    ) -> Rows:
        """Read the proxy set's file, and the held-out set from the task's folder."""
        task = completed(task, read_meta(data))
        train, heldout = read_rows(Path(proxy)), read_split(data, HELDOUT)
        key: dict[str, str | None] = {"data": fingerprint({TRAIN: train, HELDOUT: heldout})}
        rows = cls(task, train, len(train), {HELDOUT: heldout}, max_length, key)
        if answers is not None:
            rows.key["answers"] = answers.sha256
            rows.train_logits = answers.logits[TRAIN][train[TRAIN_ROW].tolist()]
            rows.scored_logits = answers.logits[HELDOUT]
        return rows

    @classmethod
    def of_task(
        cls,
        task: Definition,
        data: str | Path,
        *,
        max_length: int,
        answers: Answers | None = None,
        unlabelled: bool = True,
        scored: Sequence[str] | None = None,
    ) -> Rows:
        """Read the rows of a task's folder.

        Args:
            task: its definition.
            data: the folder.
            max_length: tokens that texts are cut to.
            answers: of the teacher on these rows.
            unlabelled: whether the rows without labels are among those that train, as for students.
            scored: the splits that are scored; None for the evaluation splits.
        """
        meta, train = read_meta(data), read_split(data, TRAIN)
        task, labelled = completed(task, meta), len(train)
        key: dict[str, str | None] = {"data": meta["fingerprint"]}
        if unlabelled and UNLABELLED in meta["splits"]:
            train = pd.concat([train, read_split(data, UNLABELLED)], ignore_index=True)
            key["unlabelled"] = meta["unlabelled_fingerprint"]
        names = scored or get_task(task).evaluation_splits
        splits = {split: read_split(data, split) for split in names}
        if scored:  # the other splits are no part of it
            key = {"data": fingerprint({TRAIN: train, **splits})}
        rows = cls(task, train, labelled, splits, max_length, key)
        if answers is not None:
            rows.key["answers"], rows.train_logits = answers.sha256, answers.on_training_rows()
        return rows
