"""Data files that were damaged or written by hand: each is read as promised or refused in one sentence."""

from __future__ import annotations

import decimal
import gzip
import json
import math
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from glue_files import load_task, local, make, rows, write
from hypothesis import given, settings
from hypothesis import strategies as st

from kdnas.data.sources import fingerprint, read_split, write_task
from kdnas.data.tasks import TASKS
from kdnas.errors import UserError
from kdnas.latency.table import COLUMNS, LatencyTable

NAMES = ["cola", "mnli", "stsb", "wnli"]  # one text and two, three classes and two, scores
FORMATS = ["parquet", "shards", "jsonl", "json", "tsv"]
OTHER_FORMAT = {"parquet": "jsonl", "shards": "tsv", "jsonl": "tsv", "json": "parquet", "tsv": "jsonl"}


def mutations(examples: int) -> settings:
    """The same ``examples`` in every run."""
    return settings(max_examples=examples, deadline=None, derandomize=True, database=None)


def check(name: str, kind: str, mutate: Callable[[Path], None]) -> None:
    """Load a valid task with one mutated file: it must keep what a source promises, or be refused."""
    with tempfile.TemporaryDirectory() as folder:
        config = make(Path(folder), name, kind)
        path = write(Path(folder) / name, name, rows(name, "train"), "train", kind)
        mutate(path)
        try:
            frames, meta = load_task(name, config)
        except UserError as error:
            # what is wrong with the rows of several shards names them as train-*-of-00002.parquet
            refused_in_a_sentence(error, rf"{name}/({re.escape(path.name)}|train-)")
            return
    promised(name, frames, meta)


def refused_in_a_sentence(error: UserError, where: str) -> None:
    sentence = str(error)
    assert re.search(where, sentence), sentence
    assert len(sentence.splitlines()) == 1, sentence
    assert "\0" not in sentence and len(sentence) < 1000, sentence
    sentence.encode()


def promised(name: str, frames: dict[str, pd.DataFrame], meta: dict[str, Any]) -> None:
    """Check frames against what docs/artifacts.md says of a task's data, and that they can be stored."""
    task = TASKS[name]
    assert set(frames) == set(task.splits)
    for split, frame in frames.items():
        assert list(frame.columns) == [*task.text_columns, "label", "idx"]
        assert len(frame) == meta["splits"][split]["rows"] > 0
        for column in task.text_columns:
            assert all(isinstance(text, str) and text.strip() for text in frame[column])
        assert frame["label"].dtype == ("float32" if name == "stsb" else "int64")
        assert frame["label"].between(*((0, 5) if name == "stsb" else (0, len(task.labels) - 1))).all()
        assert frame["label"].nunique() > 1
        assert frame["idx"].dtype == "int64"
    if name != "stsb":
        assert frames["train"]["label"].nunique() == len(task.labels)
    with tempfile.TemporaryDirectory() as folder:
        write_task(Path(folder) / "stored", frames, meta)
        stored = {split: read_split(Path(folder) / "stored", split) for split in frames}
    assert fingerprint(stored) == meta["fingerprint"]


# Bytes

PIECES = ["\0", "\ufeff", "\r\n", "\n", "\n\n", "\t", '"', "'", "\\", "{", "]", ",", "\u2028", "\x1a", "😀"]
RAW = [b"\xff", b"\xc3", b"\xed\xa0\x80", b"\x80" * 9, b"1e999", b"NaN", b"-1", b'"\\ud800"', b"[" * 100_000]


@st.composite
def damages(draw: st.DrawFn) -> Callable[[bytes], bytes]:
    """Return a function that damages the bytes of a file."""
    place, length = draw(st.floats(0, 1)), draw(st.integers(1, 40))
    piece = draw(st.sampled_from([*map(str.encode, PIECES), *RAW]) | st.binary(min_size=1, max_size=8))

    def replaced(new: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
        def damage(data: bytes) -> bytes:
            start = round(place * len(data))
            return data[:start] + new(data[start : start + length]) + data[start + length :]

        return damage

    return draw(
        st.sampled_from(
            [
                lambda data: data[: round(place * len(data))],
                lambda data: data[round(place * len(data)) :],
                replaced(lambda old: b""),
                replaced(lambda old: bytes(len(old))),
                replaced(lambda old: bytes(255 - byte for byte in old)),
                replaced(lambda old: piece),
                replaced(lambda old: piece + old),
                lambda data: data.replace(b"\n", b"\r\n"),
                lambda data: data.replace(b"\n", b"\r"),
                lambda data: data.replace(b"\n", b"\n\n"),
                lambda data: data.replace(b"\t", b" " * length),
                lambda data: data.replace(b'"', piece),
                lambda data: data + data,
                lambda data: data + piece,
                lambda data: piece,
                lambda data: b"",
                lambda data: b"\n",
                gzip.compress,
                lambda data: data.decode("latin-1").encode("utf-16"),
                lambda data: data.decode("latin-1").encode("utf-8"),
            ]
        )
    )


@mutations(150)
@given(name=st.sampled_from(NAMES), kind=st.sampled_from(FORMATS), damage=damages())
def test_damaged_bytes(name, kind, damage):
    check(name, kind, lambda path: path.write_bytes(damage(path.read_bytes())))


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("name", NAMES)
def test_a_file_under_the_name_of_another_format_is_refused(tmp_path, name, kind):
    config = make(tmp_path, name, kind)
    path = write(tmp_path / name, name, rows(name, "train"), "train", kind)
    path.write_bytes(write(tmp_path / "x", name, rows(name, "x"), "x", OTHER_FORMAT[kind]).read_bytes())
    with pytest.raises(UserError) as caught:
        load_task(name, config)
    refused_in_a_sentence(caught.value, re.escape(path.name))


# Values

ODD_NUMBERS = [2**31, 2**63, -(2**63) - 1, 10**400, 0.5, 1.0, 5.0000001, 1e308, math.nan, math.inf, -math.inf]
ODD_TEXTS = [
    "",
    " ",
    "\t",
    "\u00a0",
    "\0",
    "1",
    "01",
    "٣",
    "²",
    "1.0",
    "nan",
    "-0",
    "1_0",
    "None",
    "entailment",
]
LONG_TEXTS = ["x" * 100_000, "1" * 5000, "1" * 300, "é\n" * 300, "\ud800", "a\r\nb", "\u202e\u2028"]
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 9),
    st.sampled_from(ODD_NUMBERS),
    st.sampled_from(ODD_TEXTS),
    st.sampled_from(LONG_TEXTS),
    st.lists(st.integers(0, 1), max_size=2),
    st.dictionaries(st.sampled_from(["a", ""]), st.none(), max_size=1),
    st.text(max_size=5),
)


@mutations(150)
@given(
    name=st.sampled_from(NAMES),
    column=st.sampled_from(["text", "label", "idx"]),
    values=st.lists(st.tuples(st.integers(0, 5), ODD), min_size=1, max_size=3),
)
def test_odd_values(name, column, values):
    """JSON lines can hold any value in any column."""

    def put(path: Path) -> None:
        records = rows(name, "train").to_dict("records")
        for row, value in values:
            records[row][TASKS[name].text_columns[-1] if column == "text" else column] = value
        path.write_text("\n".join(map(json.dumps, records)), encoding="utf-8")

    check(name, "jsonl", put)


# Columns

ARROW = {
    "nulls": pa.nulls(6),
    "booleans": pa.array([True, False] * 3),
    "floats": pa.array([0.0, 1.0, 2.0] * 2),
    "halves": pa.array([0.0, 1.0, 2.0] * 2, pa.float16()),
    "bytes": pa.array([b"a", b"\xff"] * 3),
    "large texts": pa.array(["a", "b"] * 3, pa.large_string()),
    "viewed texts": pa.array(["a", "b"] * 3, pa.string_view()),
    "categories": pa.array(["a", "b"] * 3).dictionary_encode(),
    "equal categories": pa.DictionaryArray.from_arrays(pa.array([0, 1] * 3), pa.array(["a", "a"])),
    "codes as categories": pa.array([0, 1, 2] * 2).dictionary_encode(),
    "lists": pa.array([[0], [1, 2]] * 3),
    "structures": pa.array([{"a": 1}, {"a": None}] * 3),
    "maps": pa.array([[("a", 1)]] * 6, pa.map_(pa.string(), pa.int64())),
    "decimals": pa.array([decimal.Decimal("1.50"), decimal.Decimal("0.00")] * 3),
    "dates": pa.array([0, 10**6] * 3, pa.date32()),
    "far times": pa.array([0, 2**62] * 3, pa.timestamp("ms")),
    "durations": pa.array([0, 2**62] * 3, pa.duration("ns")),
    "small codes": pa.array([0, 1, 2] * 2, pa.int8()),
    "unsigned": pa.array([0, 1, 2**64 - 1] * 2, pa.uint64()),
    "names": pa.array(["entailment", "not_entailment", "neutral"] * 2),
}  # fmt: skip


@pytest.mark.parametrize("name", ["mnli", "stsb"])
@pytest.mark.parametrize("column", ["text", "label", "idx"])
def test_columns_of_every_type(name, column):
    column = TASKS[name].text_columns[0] if column == "text" else column
    valid = pa.Table.from_pandas(rows(name, "train"), preserve_index=False)
    for array in ARROW.values():
        table = valid.set_column(valid.column_names.index(column), column, array)
        check(name, "parquet", lambda path, table=table: pq.write_table(table, path))


def named(table: pa.Table, notes: Any) -> pa.Table:
    return table.replace_schema_metadata({b"huggingface": notes})


TABLES = {
    "no column": lambda t: t.select([]),
    "texts alone": lambda t: t.drop_columns(["label"]),
    "labels alone": lambda t: t.select(["label"]),
    "other names": lambda t: t.rename_columns([name.upper() for name in t.column_names]),
    "label twice": lambda t: t.append_column("label", t["label"]),
    "text twice": lambda t: t.append_column(t.column_names[0], t[t.column_names[0]]),
    "no row": lambda t: t.slice(0, 0),
    "one row": lambda t: t.slice(0, 1),
    "one label": lambda t: t.take([0, 0, 0]),
    "rows twice": lambda t: pa.concat_tables([t, t]),
    "other order": lambda t: t.select(t.column_names[::-1]),
    "notes that are no JSON": lambda t: named(t, b"{"),
    "notes that are no text": lambda t: named(t, b"\xff"),
    "notes in a list": lambda t: named(t, b"[]"),
    "no info": lambda t: named(t, b'{"info": null}'),
    "a label that is text": lambda t: named(t, b'{"info": {"features": {"label": "ClassLabel"}}}'),
    "labels without names": lambda t: named(t, b'{"info": {"features": {"label": {"_type": "ClassLabel"}}}}'),
    "a number for names": lambda t: named(
        t, b'{"info": {"features": {"label": {"_type": "ClassLabel", "names": 3}}}}'
    ),
    "odd names": lambda t: named(
        t, b'{"info": {"features": {"label": {"_type": "ClassLabel", "names": ["a\\nb", 1, null]}}}}'
    ),
}


@pytest.mark.parametrize("name", ["mnli", "stsb"])
@pytest.mark.parametrize("change", TABLES.values(), ids=list(TABLES))
def test_other_tables(name, change):
    valid = pa.Table.from_pandas(rows(name, "train"), preserve_index=False)
    check(name, "parquet", lambda path: pq.write_table(change(valid), path))


# Folders


@pytest.mark.parametrize("kind", ["parquet", "jsonl", "tsv"])
def test_a_folder_or_a_broken_link_in_the_place_of_a_file(kind):
    def folder(path: Path) -> None:
        path.unlink()
        path.mkdir()

    def link(path: Path) -> None:
        path.unlink()
        path.symlink_to(path)

    for mutate in (folder, link):
        check("mnli", kind, mutate)


@pytest.mark.parametrize(
    "shard", ["train-00000-of-99999999999.parquet", "train-0-of-2.parquet", "train-00000-of-00000.parquet"]
)
def test_a_shard_with_an_odd_number_is_refused(tmp_path, shard):
    make(tmp_path, "cola")
    (tmp_path / "cola" / "train.parquet").rename(tmp_path / "cola" / shard)
    with pytest.raises(UserError) as caught:
        load_task("cola", local(tmp_path))
    refused_in_a_sentence(caught.value, "cola.*train")


def test_odd_names_of_other_folders_are_shown_on_one_line(tmp_path):
    for name in ["a\nb", "x" * 200, "\ud800", *map(str, range(100))]:
        try:
            (tmp_path / name).mkdir()
        except UnicodeEncodeError:
            continue
    with pytest.raises(UserError) as caught:
        load_task("cola", local(tmp_path))
    refused_in_a_sentence(caught.value, "no folder for the task cola")


# The latency table

CELLS = [
    "",
    "0",
    "-1",
    "1.5",
    "nan",
    "inf",
    "1e999",
    "gelu",
    "9" * 400,
    '"',
    "\0",
    "a,b",
    "\u2028",
    "cpu",
    "é\r",
]


@mutations(150)
@given(
    line=st.integers(0, 2),
    column=st.integers(0, 6),
    cell=st.sampled_from(CELLS) | st.text(max_size=4),
    encoding=st.sampled_from(["utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16"]),
)
def test_odd_latency_tables(line, column, cell, encoding):
    lines = [list(COLUMNS), *([device, "2", "24", "2", "48", "gelu", "3.5"] for device in ("cpu", "gpu"))]
    lines[line][column] = cell
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "latency.csv"
        path.write_text("\n".join(map(",".join, lines)), encoding=encoding, errors="replace")
        try:
            table = LatencyTable(path)
        except UserError as error:
            refused_in_a_sentence(error, "latency.csv")
        else:
            assert all(0 < milliseconds < math.inf for milliseconds in table.rows.values())
