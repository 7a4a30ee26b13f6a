"""The folders and files of local tasks, GLUE's or others; imports little, because every plan lists them."""

from __future__ import annotations

import re
from pathlib import Path

# The folders of the official download; the other name of each, and a custom task's only one, is the subset's
# own. Case does not count.
OFFICIAL_FOLDERS = {
    "cola": "CoLA",
    "sst2": "SST-2",
    "mrpc": "MRPC",
    "stsb": "STS-B",
    "qqp": "QQP",
    "mnli": "MNLI",
    "qnli": "QNLI",
    "rte": "RTE",
    "wnli": "WNLI",
    "ax": "diagnostic",
}
# every name of a split in a file's name; of MNLI's two validation splits it is before an underscore
SPLIT_NAMES = {
    "train": ("train", "training"),
    "validation": ("validation", "val", "valid", "dev"),
    "heldout": ("heldout", "held_out", "held-out"),
    "unlabelled": ("unlabelled", "unlabeled"),
}
_TEXT_SUFFIXES = (".csv", ".tsv", ".jsonl", ".json")
SUFFIXES = (".parquet", *_TEXT_SUFFIXES, *(f"{suffix}.gz" for suffix in _TEXT_SUFFIXES))


def subset_folders(path: Path, subset: str) -> list[Path]:
    """Return the folders in ``path`` that hold a task, or the diagnostic set ``ax``, under either name."""
    names = {name.lower() for name in folder_names(subset)}
    return sorted(entry for entry in path.iterdir() if entry.is_dir() and entry.name.lower() in names)


def folder_names(subset: str) -> list[str]:
    """Return the names that the folder of a task, or of the diagnostic set ``ax``, may have."""
    return [subset, OFFICIAL_FOLDERS[subset]] if subset in OFFICIAL_FOLDERS else [subset]


def split_names(split: str) -> list[str]:
    """Return the names that the files of a split may have: ``dev_matched`` for ``validation_matched``."""
    first, *rest = split.split("_")
    return ["_".join([name, *rest]) for name in SPLIT_NAMES.get(first, (first,))]


def training_files(path: Path, subset: str, *, with_test: bool = False) -> list[Path]:
    """Return the files of a task that its data are made of; none where there is no folder.

    ``with_test``: whether a test split is one of them, as in a custom task.
    """
    splits = [*SPLIT_NAMES, "validation_matched", "validation_mismatched", *["test"] * with_test]
    known = {name for split in splits for name in split_names(split)}
    return [file for file in _files(path, subset) if file.name.endswith(SUFFIXES) and split_of(file) in known]


def test_files(path: Path, subset: str, split: str) -> list[Path]:
    """Return the files of one test split of a task or of the diagnostic set; none where there is none."""
    return [file for file in _files(path, subset) if split_of(file) in (split, "diagnostic")]


def _files(path: Path, subset: str) -> list[Path]:
    try:
        folders = subset_folders(path, subset)
        return sorted(file for folder in folders for file in folder.iterdir() if file.is_file())
    except OSError:  # a folder that is missing or closed is the clear error of the job that reads it
        return []


def split_of(file: Path) -> str:
    """Return the split in a file's name: ``test`` of ``test-00000-of-00001.parquet`` or ``test.tsv``."""
    found = re.match("held-out|[^.-]*", file.name)
    return found[0] if found else ""
