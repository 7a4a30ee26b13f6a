"""What a first configuration can be told from rows and a model: columns, labels, lengths, a search space."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from kdnas.config.schema import load_schema
from kdnas.data.doubts import joined_by
from kdnas.data.frames import read_parquet
from kdnas.data.names import WHOLE_NUMBER, without_gaps
from kdnas.data.sources.csv_reader import read_csv
from kdnas.data.sources.readers import Encoding, read_json, read_text
from kdnas.errors import UserError
from kdnas.search.space import Architecture
from kdnas.sentences import listed, reason, shown

LABELS = (
    "label",
    "labels",
    "category",
    "class",
    "intent",
    "sentiment",
    "target",
    "topic",
    "topics",
    "score",
    "stars",
    "rating",
)
TEXTS = ("text", "sentence", "review", "content", "comment", "message", "question", "body", "utterance")
PAIRS = (
    ("premise", "hypothesis"),
    ("sentence1", "sentence2"),
    ("text1", "text2"),
    ("question1", "question2"),
    ("question", "sentence"),
    ("question", "answer"),
    ("query", "passage"),
)
OF_CLASSES, OF_NUMBERS, OF_SETS = ["accuracy", "macro_f1"], ["pearson", "spearman"], ["micro_f1", "macro_f1"]
MOST_CLASSES = 1000
NUMBERS_FROM = 30  # more different values, all of them numbers, are a scale and not a list of classes
UNEVEN = 0.8  # the share of the largest class from which accuracy says little
LENGTHS = (16, 32, 64, 128, 256, 512)
SAMPLE = 1000  # rows whose tokens are counted


def read_rows(path: Path, encoding: Encoding) -> pd.DataFrame:
    """Return all columns of a file of rows, the first of each name; raises UserError if it cannot be read."""
    rows = _all_rows(path, encoding)
    rows.columns = rows.columns.map(lambda name: str(name).strip())
    return rows.loc[:, ~rows.columns.duplicated()]


def _all_rows(path: Path, encoding: Encoding) -> pd.DataFrame:
    suffix = path.name.removesuffix(".gz").rpartition(".")[2]
    if suffix == "parquet":
        frame: pd.DataFrame = read_parquet(path).to_pandas()
        return frame
    if suffix == "csv":
        return read_csv(path, encoding)
    if suffix == "tsv":
        text = io.StringIO(read_text(path, encoding))
        try:
            return pd.read_csv(text, sep="\t", quoting=csv.QUOTE_NONE, dtype=str, keep_default_na=False)
        except ValueError as error:  # pandas' own errors are such
            raise UserError(f"{path} is not a TSV file with column names ({reason(error)})") from error
    return read_json(path, encoding)


@dataclass(frozen=True)
class Columns:
    """The one or two columns with the texts, and the one with the label."""

    text: list[str]
    label: str


def find_columns(rows: pd.DataFrame, where: Path, *, text: list[str] | None, label: str | None) -> Columns:
    """Return the columns that are given, or those that have a usual name or that alone can be meant.

    Raises UserError, which names the columns, if there is doubt.
    """
    there = list(rows.columns)
    for name in [*(text or []), *([label] if label else [])]:
        if name not in there:
            raise UserError(f"{where} has no column {shown(name)}; its columns: {listed(there)}")
    label = label or _named(there, LABELS)
    if label is None:
        raise UserError(
            f"{where} has no column with a usual name of a label; allowed: --label with one of "
            f"{listed(there)}"
        )
    if text is None:
        texts = [name for name in there if name != label and _holds_text(rows[name])]
        pair = next((pair for pair in PAIRS if set(pair) <= set(texts)), None)
        one = texts[0] if len(texts) == 1 else _named(texts, TEXTS)
        text = list(pair) if pair else [one] if one else []
    if not 1 <= len(text) <= 2:
        raise UserError(f"{where} has the columns {listed(there)}; allowed: --text with one or two of them")
    return Columns(text, label)


def _named(there: Iterable[str], usual: Sequence[str]) -> str | None:
    by_lower = {name.lower(): name for name in there}
    return next((by_lower[name] for name in usual if name in by_lower), None)


def _holds_text(values: pd.Series) -> bool:
    """Return whether most values are texts with a letter and a space in them."""
    texts = [value for value in values.head(SAMPLE) if isinstance(value, str)]
    phrases = [text for text in texts if " " in text.strip() and any(map(str.isalpha, text))]
    return len(phrases) > len(values.head(SAMPLE)) / 2


@dataclass(frozen=True)
class Meaning:
    """What a label is, in words, and the keys of ``data.custom_tasks`` that say so.

    ``doubt``: what else it could be, and the keys for that; none where only this can be meant.
    """

    described: str
    keys: dict[str, Any]
    classes: list[str]
    doubt: str | None = None


def meaning_of(values: pd.Series, label: str, where: Path) -> Meaning:
    """Return what the ``values`` of the column ``label`` are: classes, sets of labels or numbers.

    Whole numbers are classes where they are few and without gaps, as codes and stars are. Raises UserError
    for one class alone and for as many classes as an identifier has.
    """
    if any(isinstance(value, (list, tuple, np.ndarray)) for value in values):
        return Meaning("any number of labels", {"multi_label": True, "metrics": OF_SETS}, [])
    texts = values.dropna().astype(str).str.strip()
    counts = texts[texts != ""].value_counts()
    numbers = pd.to_numeric(pd.Series(counts.index), errors="coerce")
    if numbers.notna().all() and len(counts) > 2 and not _are_codes(counts.index):
        doubt = None
        if all(re.fullmatch(WHOLE_NUMBER, text) for text in counts.index):
            doubt = f"if these {len(counts)} whole numbers are classes, metrics: {_inline(OF_CLASSES)}"
        described = f"a number from {numbers.min():g} to {numbers.max():g}"
        return Meaning(described, {"metrics": OF_NUMBERS}, [], doubt)
    separator = joined_by(counts.index)
    if separator is not None:
        keys = {"multi_label": True, "label_separator": separator, "metrics": OF_SETS}
        doubt = (
            f"if a row has one label, without multi_label and label_separator, metrics: {_inline(OF_CLASSES)}"
        )
        return Meaning(f"any number of labels with {shown(separator)} between them", keys, [], doubt)
    if len(counts) < 2 or len(counts) > min(MOST_CLASSES, len(values) / 2):
        raise UserError(
            f"{where} has {len(counts)} different values in the column {shown(label)} of {len(values)} rows; "
            "allowed: --label with a column of classes or numbers"
        )
    doubt = None
    if numbers.notna().all() and len(counts) > 2:
        amounts = f"if these {len(counts)} whole numbers are amounts, as stars may be"
        doubt = f"{amounts}, metrics: {_inline(OF_NUMBERS)}"
    two_even = len(counts) == 2 and counts.iloc[0] < UNEVEN * counts.sum()
    metrics = OF_CLASSES[:1] if two_even else OF_CLASSES
    return Meaning(f"{len(counts)} classes", {"metrics": metrics}, sorted(counts.index), doubt)


def _are_codes(names: Iterable[str]) -> bool:
    """Return whether names are few whole numbers in a row from -1, 0 or 1 on."""
    names = list(names)
    if len(names) > NUMBERS_FROM or not all(re.fullmatch(WHOLE_NUMBER, name) for name in names):
        return False
    return without_gaps(map(int, names), starts=(-1, 0, 1))


def _inline(names: Iterable[str]) -> str:
    return f"[{', '.join(names)}]"


@dataclass(frozen=True)
class Lengths:
    """Tokens of a row: what most rows need, and what half of them need, rounded up."""

    longest: int
    typical: int


def token_lengths(texts: pd.DataFrame, model: Path, most: int) -> Lengths:
    """Return the lengths of rows by the tokenizer in the folder ``model``, at most ``most`` tokens."""
    from transformers import AutoTokenizer

    sample = texts.head(SAMPLE).fillna("").astype(str)
    try:
        tokenizer = AutoTokenizer.from_pretrained(model)
    except (OSError, ValueError) as error:
        raise UserError(f"{model} has no tokenizer that transformers opens ({reason(error)})") from error
    encoded = tokenizer(*(sample[column].tolist() for column in sample), verbose=False)["input_ids"]
    counts = [len(ids) for ids in encoded]

    def rounded(share: float) -> int:
        wanted = np.quantile(counts, share)
        fits = [length for length in LENGTHS if length >= wanted and length <= most]
        return fits[0] if fits else min(most, LENGTHS[-1])

    return Lengths(rounded(0.95), rounded(0.5))


def draft_space(teacher: Architecture) -> dict[str, Any]:
    """Return a ``search.space`` below ``teacher``: a third of its layers or more, any number of its heads."""
    heads, head_size = teacher.attention_heads, teacher.hidden_size // teacher.attention_heads
    space = load_schema()["properties"]["search"]["properties"]["space"]["properties"]
    activations = space["activation"]["items"]["enum"]
    kept = list(range(max(1, heads // 4), heads + 1))
    return {
        "layers": _parts(teacher.layers, (1 / 3, 1 / 2, 2 / 3, 5 / 6, 1)),
        "hidden_size": [count * head_size for count in kept],
        "attention_heads": kept,
        "head_size": head_size,
        "ffn_size": _parts(teacher.ffn_size, (1 / 16, 1 / 8, 1 / 4, 1 / 2, 3 / 4, 1)),
        "activation": [teacher.activation if teacher.activation in activations else activations[0]],
    }


def _parts(whole: int, shares: Sequence[float]) -> list[int]:
    return sorted({max(1, math.floor(whole * share)) for share in shares})
