"""The teacher's shape and tokenizer, where the machine has them already."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kdnas.errors import UserError
from kdnas.files.artifacts import read_json
from kdnas.sentences import shown
from kdnas.teachers.config_check import check_against_teacher
from kdnas.teachers.fetch import TeacherSource, local_folder, package_folder


@dataclass(frozen=True)
class Teacher:
    """A transformers configuration and tokenizer; ``assumed`` where the teacher is not on this machine."""

    config: Any
    tokenizer: Any | None
    assumed: bool


def find_teacher(config: dict[str, Any]) -> Teacher:
    """Return the teacher of a checked configuration; BERT-Base, uncased, stands for one not fetched yet.

    Raises UserError where a package or folder is missing, or contradicts the configuration.
    """
    from transformers import BertConfig

    from kdnas.models.loading import load_config
    from kdnas.models.tokenizer import load_tokenizer

    folder = _folder(config)
    if folder is None:
        return Teacher(BertConfig(), None, assumed=True)
    teacher_config = load_config(folder)
    check_against_teacher(config, read_json(folder / "config.json"))
    return Teacher(teacher_config, load_tokenizer(folder), assumed=False)


def _folder(config: dict[str, Any]) -> Path | None:
    teacher = TeacherSource.from_config(config["teacher"])
    if teacher.source == "hub":
        folder = Path("results") / config["experiment"] / "teacher" / "base"
        return folder if folder.is_dir() else None
    folder = {"package": package_folder, "local": local_folder}[teacher.source](teacher)
    if not (folder / "config.json").is_file():
        raise UserError(
            f"teacher.name is {shown(teacher.name)}, but {folder} has no config.json; allowed: the folder of "
            "a transformers model"
        )
    return folder
