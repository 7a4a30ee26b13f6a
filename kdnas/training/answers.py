"""The teacher's answers: its logits on the rows that students learn from and candidates are judged on.

The job that makes the teacher of a task and seed writes them once, and every distillation reads them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from kdnas.data.frames import read_meta, read_split
from kdnas.data.tasks import HELDOUT, TRAIN, Definition, get_task
from kdnas.data.unlabelled import UNLABELLED
from kdnas.errors import UserError
from kdnas.files.artifacts import atomic_path, digest
from kdnas.files.code_digest import code_digest
from kdnas.models.identity import model_digest
from kdnas.models.loading import load_classifier
from kdnas.training.data import load_data
from kdnas.training.prediction import predict

KEY = "key"


@dataclass(frozen=True)
class Answers:
    """Logits, each (rows, labels) float32 in the order of the rows, by split; ``key`` is the digest of all
    that they depend on.
    """

    key: str
    logits: Mapping[str, torch.Tensor]

    @classmethod
    def read(cls, path: str | Path) -> Answers:
        """Read the file that :func:`query_teacher` wrote; raises UserError if it is missing or damaged."""
        try:
            with safe_open(path, "pt") as file:
                return cls(file.metadata()[KEY], {name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118
        except (SafetensorError, OSError, KeyError, TypeError) as error:
            raise UserError(
                f"{path} is damaged ({error}); delete it and run the same command again"
            ) from error

    def on_training_rows(self) -> torch.Tensor:
        """Return the logits on all rows that train: the labelled ones, then the unlabelled ones, if any."""
        parts = [self.logits[split] for split in (TRAIN, UNLABELLED) if split in self.logits]
        return torch.cat(parts)


def query_teacher(
    teacher_folder: Path,
    data_folder: Path,
    definition: Definition,
    max_length: int,
    device: torch.device,
    threads: int,
    file: str | Path,
) -> None:
    """Write the logits of the classifier in ``teacher_folder`` on a task's rows that no table scores.

    Texts are cut to ``max_length`` tokens; ``threads`` are those of a pass on the CPU. Logits are float32,
    whatever precision students train in.
    """
    import transformers

    meta, task = read_meta(data_folder), get_task(definition)
    frames = {
        split: read_split(data_folder, split)
        for split in (TRAIN, HELDOUT, UNLABELLED)
        if split in meta["splits"]
    }
    teacher = load_classifier(teacher_folder)
    train = frames.pop(TRAIN)
    data = load_data(train, frames, task, teacher_folder, max_length, teacher.config)
    data.vocabulary.shrink(teacher)
    teacher.to(device)
    logits = {
        name: torch.from_numpy(predict(teacher, part, device))
        for name, part in {TRAIN: data.train, **data.scored}.items()
    }
    key = {
        "teacher": model_digest(teacher_folder),
        "task": definition,
        "data": meta["fingerprint"],
        "unlabelled": meta["unlabelled_fingerprint"],
        "max_length": max_length,
        "device": device.type,
        "threads": threads if device.type == "cpu" else None,
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "code": code_digest(__file__),
    }
    with atomic_path(file) as temporary:
        save_file(logits, temporary, {KEY: digest(key)})
