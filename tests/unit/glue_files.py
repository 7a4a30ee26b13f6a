"""Small valid folders of GLUE tasks in every format that the source ``local`` reads."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from kdnas.data import sources
from kdnas.data.settings import DataSettings
from kdnas.data.sources import leaderboard
from kdnas.data.tasks import TASKS, Definition

# The first line of each file in the official GLUE download; CoLA's files have none.
TSV = {
    "cola": ("CoLA", None, "src\t{label}\t*\t{0}"),
    "sst2": ("SST-2", "sentence\tlabel", "{0}\t{label}"),
    "mrpc": ("MRPC", "Quality\t#1 ID\t#2 ID\t#1 String\t#2 String", "{label}\t7\t8\t{0}\t{1}"),
    "stsb": (
        "STS-B",
        "index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2\tscore",
        "0\tnews\tf\t2012\t1\tnone\tnone\t{0}\t{1}\t{label}",
    ),
    "qqp": ("QQP", "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate", "1\t2\t3\t{0}\t{1}\t{label}"),
    "mnli": (
        "MNLI",
        "index\tpromptID\tpairID\tgenre\tsentence1_binary_parse\tsentence2_binary_parse\tsentence1_parse\t"
        "sentence2_parse\tsentence1\tsentence2\tlabel1\tgold_label",
        "0\t1\t2\tfiction\t(\t(\t(\t(\t{0}\t{1}\tneutral\t{label}",
    ),
    "qnli": ("QNLI", "index\tquestion\tsentence\tlabel", "0\t{0}\t{1}\t{label}"),
    "rte": ("RTE", "index\tsentence1\tsentence2\tlabel", "0\t{0}\t{1}\t{label}"),
    "wnli": ("WNLI", "index\tsentence1\tsentence2\tlabel", "0\t{0}\t{1}\t{label}"),
}
NAMED_LABELS = {"mnli", "qnli", "rte"}  # their TSV files hold label names, the others codes


def rows(name: str, split: str, count: int = 6) -> pd.DataFrame:
    """A split with quotes, non-ASCII letters and line-end look-alikes in its texts."""
    task = TASKS[name]
    frame = pd.DataFrame(
        {
            column: [f'"{split} {column} {row}: naïve\u2028 \x85 "quote' for row in range(count)]
            for column in task.text_columns
        }
    )
    low, high = task.label_range
    labels = [low + (high - low) * row / (count - 1) for row in range(count)]
    frame["label"] = labels if task.regression else [row % task.num_labels for row in range(count)]
    frame["idx"] = range(count)
    return frame


def write(folder: Path, name: str, frame: pd.DataFrame, split: str, kind: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    if kind == "tsv":
        _, header, line = TSV[name]
        task = TASKS[name]
        path = folder / f"{split.replace('validation', 'dev')}.tsv"
        lines = [header] if header else []
        for row in frame.itertuples():
            texts = [getattr(row, column) for column in task.text_columns]
            label = task.labels[row.label] if name in NAMED_LABELS else row.label
            lines.append(line.format(*texts, label=label))
        path.write_text("\ufeff" + "\n".join(lines) + "\n", encoding="utf-8")
    elif kind == "parquet":
        path = folder / f"{split}.parquet"
        frame.to_parquet(path)
    elif kind == "shards":
        path = folder / f"{split}-00000-of-00002.parquet"
        frame[:2].to_parquet(path)
        frame[2:].to_parquet(folder / f"{split}-00001-of-00002.parquet")
    else:
        path = folder / f"{split}.{kind}"
        frame.to_json(path, orient="records", lines=True)
    return path


def make(path: Path, name: str, kind: str = "parquet", folder: str | None = None, **changed) -> dict:
    """Write all splits of a task, some of them ``changed``; return the data section that reads them."""
    for split in TASKS[name].splits:
        write(path / (folder or name), name, changed.get(split, rows(name, split)), split, kind)
    return local(path)


def local(path: Path, **settings) -> dict:
    return {"source": "local", "path": str(path), "max_train_rows": None, **settings}


def load_task(task: Definition, data: Mapping[str, Any], heldout: float = 0.0):
    """Load a task by keys of the config's ``data`` section."""
    return sources.load_task(task, DataSettings.from_config(data), heldout)


def load_test_split(name: str, data: Mapping[str, Any]):
    """Load a test split by keys of the config's ``data`` section."""
    return leaderboard.load_test_split(name, DataSettings.from_config(data))
