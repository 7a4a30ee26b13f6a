"""The gate: a float32 export gives what torch gives, and a copy what its model gives, or the job ends."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from kdnas.data.kinds import Kind
from kdnas.data.tasks import Task
from kdnas.errors import UserError

LARGEST = 1e-4  # difference of a logit; of a number, in spreads of the labels


@dataclass(frozen=True)
class Difference:
    """Between logits: the largest, and how many of the rows have another class or another set of labels.

    ``changed_rows`` is None where labels are numbers.
    """

    largest: float
    changed_rows: int | None
    rows: int

    @classmethod
    def between(
        cls, logits: Mapping[str, np.ndarray], others: Mapping[str, np.ndarray], *, kind: Kind
    ) -> Difference:
        """Compare logits (rows, labels) by split; ``kind`` is that of the task's labels."""
        first, second = (np.concatenate([given[split] for split in logits]) for given in (logits, others))
        apart = np.abs(first - second)
        largest = float(apart.max()) if np.isfinite(apart).all() else float("inf")
        changed = kind.changed(first, second)
        return cls(largest, None if changed is None else int(changed.sum()), len(first))

    @property
    def chance(self) -> float:
        """Points of accuracy that such a difference may lose by chance: two standard errors.

        That is, if each row that changes its answer is as likely to become right as wrong. Of label sets it
        is the subset accuracy, which loses more by such a row than F1 does.
        """
        return 200 * math.sqrt(self.changed_rows or 0) / self.rows


def check_same(model: str, task: Task, found: Difference) -> None:
    """Raise UserError where a float32 export differs from torch by an answer, or too much by a logit."""
    centre, spread = task.scale
    largest = LARGEST * (spread + abs(centre) / 100)  # far from 0 float32 itself is coarser
    if found.changed_rows or not found.largest <= largest:
        one = f"other {task.kind.nouns}" if task.multi_label else f"another {task.kind.noun}"
        rows = f", {one} on {found.changed_rows} rows" if found.changed_rows else ""
        raise UserError(
            f"the ONNX file of {model} on {task.name} does not give what torch gives: logits differ by up to "
            f"{found.largest:.2g}{rows}; allowed: {largest:g} and no other {task.kind.noun} "
            "(deployment.runtimes: [] leaves the export out)"
        )


def check_equal(model: str, task: str, *, whole: np.ndarray, copy: np.ndarray) -> None:
    """Raise UserError unless a ``copy`` with fewer pieces gives the logits (rows, labels) of the ``whole``.

    The rows are those that both read as the same pieces. Every bit counts.
    """
    if not np.array_equal(whole, copy):
        raise UserError(
            f"the copy of {model} on {task} with fewer pieces does not give what the model gives: logits of "
            f"rows that both read alike differ by up to {np.abs(whole - copy).max():.2g}; allowed: no "
            "difference (deployment.vocabulary: teacher leaves the copy out)"
        )
