"""Doubts about rows of a user's own: what is likely a mistake, and may be right; each is one sentence."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from kdnas.data.names import WHOLE_NUMBER, folded, unquoted, without_gaps
from kdnas.data.tasks import HELDOUT, TRAIN, VALIDATION, Task
from kdnas.data.unlabelled import UNLABELLED
from kdnas.sentences import listed, shown

MISSING = {
    "nan",
    "none",
    "null",
    "n/a",
    "na",
    "#n/a",
    "<na>",
    "nil",
    "?",
    "-",
    "--",
}  # classes, in lower case
CODES = (-1, -9, -99, -999, -9999, 99, 999, 9999, 99999)  # numbers that stand for a missing one
SURE, LIKELY = ";|", ",/+&"  # between labels in a text; the latter are also in names of one class
AMOUNTS = 10  # whole numbers as classes from which they may be amounts
MOSTLY = 2 / 3  # of the parts of names are names
FEW = 0.1  # of the texts of a column have a letter: it may hold identifiers
MOST = 0.9  # of the texts of a column are in quotes
GARBLED = 0.01  # of the texts of a column have signs of a wrong encoding
SIGNS = re.compile("\ufffd|Ã[\x80-\xbf]|â€|[\x80-\x84\x86-\x9f]")
FAR = 20  # spans (5 % to 95 % of the numbers) from which a number is far from the others
OTHER_SPAN = 20  # times the span of the training rows: another unit


def doubts(task: Task, frames: Mapping[str, pd.DataFrame], meta: Mapping[str, Any]) -> list[str]:
    """Return what is doubtful in a custom task's checked ``frames`` and their ``meta``; mostly nothing.

    Names of classes are doubted only where they come from the rows and not from the config.
    """
    told = _unread(task, meta)
    frames = _as_given(frames, meta)
    if task.regression:
        told += _numbers(task, frames)
    elif "labels" in meta.get("found", {}):
        told += _names(task, frames)
    return told + _alike(task) + _texts(task, frames)


def joined_by(names: Iterable[str]) -> str | None:
    """Return what seems to stand between several labels in ``names``, None for nothing.

    What is around it are other names: mostly, or always with a separator that is also in names of one class.
    With the former, what is around it in several names is one too. It is in two names or more, or in one
    beside all of its parts.
    """
    names = set(names)
    for separator in SURE + LIKELY:
        parts = {
            name: [part.strip() for part in name.split(separator)] for name in names if separator in name
        }
        uses = Counter(part for several in parts.values() for part in several)
        known = names - set(parts)
        if separator in SURE:
            known |= {part for part, times in uses.items() if times > 1}
        found = sum(times for part, times in uses.items() if part in known)
        needed = (MOSTLY if separator in SURE else 1) * uses.total()
        certain = separator in SURE and set(uses) <= names - set(parts)
        if parts and (len(parts) > 1 or certain) and "" not in uses and found >= needed:
            return separator
    return None


def _as_given(frames: Mapping[str, pd.DataFrame], meta: Mapping[str, Any]) -> dict[str, pd.DataFrame]:
    """Return the frames with the splits that were cut from the training rows back in these."""
    places = {VALIDATION: meta["validation_from"], HELDOUT: meta["heldout_from"]}
    cut = [split for split, place in places.items() if split in frames and place == TRAIN]
    whole = pd.concat([frames[split] for split in (TRAIN, *cut)], ignore_index=True)
    return {split: frame for split, frame in frames.items() if split not in cut} | {TRAIN: whole}


def _unread(task: Task, meta: Mapping[str, Any]) -> list[str]:
    files = meta.get("unread_files", [])
    waiting = [name for name in files if re.match("unlabell?ed[.-]", name)]
    others = [name for name in files if name not in waiting]
    told = []
    if others:
        told.append(
            f"the folder of {task.name} has files that are no split's and were not read: {listed(others)} "
            "(docs/data.md has the names)"
        )
    if waiting:
        told.append(
            f"{listed(waiting)} of {task.name} was not read, because data.max_unlabelled_rows does not name "
            f"{task.name}"
        )
    return told


def _names(task: Task, frames: Mapping[str, pd.DataFrame]) -> list[str]:
    told, entry = [], f"data.custom_tasks.{task.name}"
    labels = frames[TRAIN]["label"]
    rows_of = dict(zip(task.classes, task.kind.rows_of_each(task.kind.targets(labels)), strict=True))
    nouns = task.kind.nouns
    for name in task.classes:
        if name.lower() in MISSING or _is_code(name, task.classes):
            told.append(
                f"{shown(name)}, a {task.kind.noun} of {task.name} ({rows_of[name]} of {len(labels)} training"
                " rows), often stands for a missing label; if it does here, leave these rows out or put them "
                "into a file unlabelled.*"
            )
    separator = joined_by(task.classes)
    if separator is not None:
        example = next(name for name in task.classes if separator in name)
        told.append(
            f"the {nouns} of {task.name} look like several labels with {shown(separator)} between them, as "
            f"{shown(example)}; if a row has several, {entry} needs multi_label: true and label_separator: "
            f"{shown(separator)}"
        )
    lists = [name for name in task.classes if re.fullmatch(r"\[.*\]|\{.*\}|\(.*\)", name)]
    if len(lists) > 1 and any(re.search("[\"',]", name) for name in lists):
        told.append(
            f"{len(lists)} of the {nouns} of {task.name} look like lists written as text, as "
            f"{shown(lists[0])}; lists are read from JSON and Parquet files with {entry}.multi_label: true"
        )
    quoted = [name for name in task.classes if unquoted(name) != name]
    if quoted:
        told.append(
            f"quotes are part of the names of {len(quoted)} of the {len(task.classes)} {nouns} of "
            f"{task.name}, as {shown(quoted[0])}; only double quotes right after a comma in a CSV file are "
            "taken off"
        )
    return told + _whole_numbers(task)


def _whole_numbers(task: Task) -> list[str]:
    """Doubt classes that are whole numbers: beside names, and like amounts."""
    whole = sorted(
        int(name)
        for name in task.classes
        if re.fullmatch(WHOLE_NUMBER, name) and not _is_code(name, task.classes)
    )
    names = [name for name in task.classes if not re.fullmatch(WHOLE_NUMBER, name)]
    if whole and names and not all(re.fullmatch(r"[+-]?[0-9.]+", name) for name in names):
        return [
            f"some classes of {task.name} are whole numbers ({listed(whole)}) and some are not "
            f"({listed(names)}); if the numbers are codes of the others, each class has to be written one way"
        ]
    if len(whole) > AMOUNTS and not names and not without_gaps(whole, starts=(0, 1)) and not task.multi_label:
        return [
            f"the {len(whole)} classes of {task.name} are whole numbers from {whole[0]} to {whole[-1]}; if "
            "they are amounts, its metrics are pearson or spearman"
        ]
    return []


def _is_code(name: str, names: Sequence[str]) -> bool:
    """Return whether a name is a whole number that stands for a missing one, among others."""
    others = [other for other in names if other != name]
    if not re.fullmatch(WHOLE_NUMBER, name) or int(name) not in CODES:
        return False
    if not all(re.fullmatch(WHOLE_NUMBER, other) for other in others):
        return True
    return _stands_out(int(name), np.array([int(other) for other in others]))


def _alike(task: Task) -> list[str]:
    alike: dict[str, list[str]] = {}
    for name in task.classes:
        alike.setdefault(folded(name), []).append(name)
    return [
        f"the {task.kind.nouns} {listed(map(shown, names))} of {task.name} differ by spelling alone (case, "
        "spaces, quotes, hyphens or zeros)"
        for names in alike.values()
        if len(names) > 1
    ]


def _texts(task: Task, frames: Mapping[str, pd.DataFrame]) -> list[str]:
    told = []
    for split, frame in frames.items():
        for column in task.text_columns:
            texts = [text for text in frame[column].str.strip() if text]
            where = f"texts in {shown(column)} of {split} of {task.name}"
            without = sum(not any(map(str.isalpha, text)) for text in texts)
            single = sum(bool(re.fullmatch(r"[!-~]*[0-9][!-~]*", text)) for text in texts)
            if texts and max(without, single) > (1 - FEW) * len(texts):
                told.append(
                    f"{max(without, single)} of the {len(texts)} {where} are numbers or identifiers, as "
                    f"{shown(texts[0])}; allowed in text_columns, but there may be a better column"
                )
            garbled = [text for text in texts if SIGNS.search(text)]
            if len(garbled) > GARBLED * len(texts):
                told.append(
                    f"{len(garbled)} of the {len(texts)} {where} have signs of text that was read in a wrong "
                    f"encoding, as {shown(garbled[0])}"
                )
            quoted = sum(unquoted(text) != text for text in texts)
            if quoted > MOST * len(texts):
                told.append(
                    f"{quoted} of the {len(texts)} {where} are in quotes, which models will read, as "
                    f"{shown(texts[0])}"
                )
            ends = tuple(f",{name}" for name in task.classes)
            rows = [text for text in texts if any(map(_ends_as_row(ends), text.split("\n")[:-1]))]
            if rows:
                told.append(
                    f"in {len(rows)} of the {len(texts)} {where} a line ends in a comma and a "
                    f"{task.kind.noun}, as if quotes were around two rows: {shown(rows[0])}"
                )
    return told


def _ends_as_row(ends: tuple[str, ...]) -> Callable[[str], bool]:
    """Return whether a line ends in one of ``ends``, and not in a number such as 2,1."""
    return lambda line: line.endswith(ends) and not re.search("[0-9],[0-9]+$", line)


def _numbers(task: Task, frames: Mapping[str, pd.DataFrame]) -> list[str]:
    told = []
    trained = _span(frames[TRAIN]["label"])
    for split, frame in frames.items():
        if split == UNLABELLED:
            continue
        values = frame["label"].to_numpy(dtype=np.float64)
        there = np.unique(values)
        codes = [code for code in CODES if code in there and _stands_out(code, there[~np.isin(there, CODES)])]
        low, high = _span(frame["label"][~np.isin(values, codes)])
        width = high - low
        far = there[(there < low - FAR * width) | (there > high + FAR * width)] if width > 0 else there[:0]
        odd = sorted({*codes, *far.tolist()})
        if odd:
            told.append(
                f"in {int(np.isin(values, odd).sum())} of the {len(values)} rows of {split} of {task.name} "
                f"the number is unlike the others ({low:.4g} to {high:.4g} in 90 % of them): "
                f"{listed(f'{value:g}' for value in odd)}; if it stands for a missing one, leave these rows "
                "out"
            )
        if split != TRAIN and (low > trained[1] or high < trained[0] or _other_span((low, high), trained)):
            told.append(
                f"most numbers of {split} of {task.name} are from {low:.4g} to {high:.4g}, and those of "
                f"its training rows from {trained[0]:.4g} to {trained[1]:.4g}; scores say nothing if one of "
                "the two is in another unit"
            )
    return told


def _span(numbers: pd.Series) -> tuple[float, float]:
    """Return between which numbers nine in ten are."""
    low, high = np.quantile(numbers.to_numpy(dtype=np.float64), (0.05, 0.95))
    return float(low), float(high)


def _other_span(one: tuple[float, float], other: tuple[float, float]) -> bool:
    widths = sorted((one[1] - one[0], other[1] - other[0]))
    return widths[0] > 0 and widths[1] >= OTHER_SPAN * widths[0]


def _stands_out(code: float, others: np.ndarray) -> bool:
    """Return whether a code for a missing number is outside of where the ``others`` are.

    So -1 is the only negative one, but beside 0 and 1 it has a meaning; and 99 is as far above the largest as
    that is above the smallest.
    """
    if len(others) < 2:
        return False
    low, high = others.min(), others.max()
    if code < 0:
        return bool(low >= 0 and not (code == -1 and set(others.tolist()) <= {0, 1}))
    return bool(code > high + (high - low))
