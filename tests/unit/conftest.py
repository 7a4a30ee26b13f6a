"""A small random teacher on disk, and a run on the CPU."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tiny import write_teacher

from kdnas.data.tasks import get_task
from kdnas.training.checkpoint import Checkpoints
from kdnas.training.run import Run


@pytest.fixture(scope="session")
def teacher_base(tmp_path_factory) -> Path:
    """A random BERT encoder on disk."""
    return write_teacher(tmp_path_factory.mktemp("teacher") / "base")


@pytest.fixture(scope="session")
def teacher_folder(teacher_base, tmp_path_factory) -> Path:
    """A random three-way classifier (mnli) on disk."""
    from kdnas.models.loading import pretrained_classifier, save_classifier

    folder = tmp_path_factory.mktemp("classifier")
    save_classifier(
        pretrained_classifier(teacher_base, get_task("mnli"), dropout=0.0, seed=3),
        tokenizer_folder=teacher_base,
        folder=folder,
        details={},
    )
    return folder


@pytest.fixture
def make_run(tmp_path):
    """Build a run on the CPU whose log lines are collected in ``lines``."""

    def make(checkpoint_minutes: float = 60.0, lines: list[str] | None = None) -> Run:
        torch.set_num_threads(1)
        return Run(
            claim=lambda: torch.device("cpu"),
            device_type="cpu",
            autocast=False,
            threads=1,
            checkpoints=Checkpoints(tmp_path / "checkpoints"),
            checkpoint_minutes=checkpoint_minutes,
            report=(lines if lines is not None else []).append,
        )

    return make
