"""A network that goes in the middle of a download: retries, one sentence, nothing half, then it goes on."""

from __future__ import annotations

import io
import json
import os
import subprocess
import tempfile
from pathlib import Path

import pandas as pd
import pytest
from experiment import RESULTS, command_line, write_config, write_teacher
from hub import COMMIT, Hub, serve

from kdnas.models.files import WEIGHTS

FRAMES = ("train", "heldout", "validation", "test")
TOKEN = "hf_ThisTokenIsMadeUp0123456789"
ROWS = 2000


def teacher() -> Hub:
    """A hub with the tiny experiment's BERT, whose weights are too large for one packet."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "teacher"
        write_teacher(folder)
        files = {path.name: path.read_bytes() for path in folder.iterdir()}
    return Hub("model", "somebody/bert", files)


def glue() -> Hub:
    """A hub with one task of GLUE."""
    splits = ("train", "validation", "test")
    patterns = "".join(f"  - split: {split}\n    path: stsb/{split}-*\n" for split in splits)
    files = {"README.md": f"---\nconfigs:\n- config_name: stsb\n  data_files:\n{patterns}---\n".encode()}
    for split in splits:
        texts = [f"text {number}" for number in range(ROWS)]
        labels = [number % 50 / 10 for number in range(ROWS)]
        frame = pd.DataFrame({"sentence1": texts, "sentence2": texts, "label": labels, "idx": range(ROWS)})
        content = io.BytesIO()
        frame.to_parquet(content)
        files[f"stsb/{split}-00000-of-00001.parquet"] = content.getvalue()
    return Hub("dataset", "nyu-mll/glue", files)


def intents() -> Hub:
    """A hub with a data set of CSV files, as people upload them."""
    files = {}
    for split in ("train", "test"):
        lines = [f'"{split} {number}, please",{number % 3 * "x"}y' for number in range(ROWS)]
        files[f"{split}.csv"] = "\ufefftext,category\n".encode() + "\n".join(lines).encode()
    return Hub("dataset", "somebody/intents", files)


TEACHER_CHANGES = {"teacher": {"source": "hub", "name": "somebody/bert", "revision": COMMIT}}
WHOLE = {"max_train_rows": {"stsb": None}, "max_unlabelled_rows": {"stsb": 0}}
GLUE_CHANGES = {"data": {"source": "hub", "revision": COMMIT, **WHOLE}}
INTENTS = {
    "text_columns": ["text"],
    "label_column": "category",
    "metrics": ["macro_f1"],
    "hub": {"repository": "somebody/intents", "revision": COMMIT},
}
OWN_CHANGES = {
    "data": {"source": "hub", "tasks": ["intents"], "custom_tasks": {"intents": INTENTS}},
    "search": {"task": "intents"},
    "distillation": {"start_from_search_task": []},
}


@pytest.mark.parametrize("token_in", ["environment", "file"])
@pytest.mark.parametrize(
    ("make_hub", "changes", "target", "file", "sentence"),
    [
        (
            teacher,
            TEACHER_CHANGES,
            f"{RESULTS}/teacher/base",
            WEIGHTS,
            f"fetch_teacher: teacher somebody/bert at revision {COMMIT} could not be fetched from the hub",
        ),
        (
            glue,
            GLUE_CHANGES,
            f"{RESULTS}/data/stsb",
            "train-00000-of-00001.parquet",
            f"fetch_task: cannot load stsb of nyu-mll/glue at revision {COMMIT} from the hub",
        ),
        (
            intents,
            OWN_CHANGES,
            f"{RESULTS}/data/intents",
            "train.csv",
            f"fetch_task: cannot load somebody/intents at revision {COMMIT} from the hub",
        ),
    ],
    ids=["teacher", "task", "own_task"],
)
def test_network_gone_in_the_middle(fresh, make_hub, changes, target, file, sentence, token_in):
    write_config(fresh, changes)
    with serve(make_hub()) as hub:
        hub.cut = file
        failed = fetch(fresh, target, hub, token_in)
        assert failed.returncode == 1, failed.stdout
        told = [line for line in failed.stdout.splitlines() if line.startswith("kdnas: ")]
        assert len(told) == 1 and sentence in told[0], failed.stdout
        assert "Traceback" not in failed.stdout
        asked = [path for method, path, _ in hub.requests if method == "GET" and path.endswith(file)]
        assert len(asked) > 1  # it was tried again
        assert any(headers.get("authorization") == f"Bearer {TOKEN}" for _, _, headers in hub.requests)
        assert not (fresh / target).exists()
        assert not [path for path in hub_files(fresh) if path.name == file or path.name.endswith("arrow")]

        hub.cut = None
        went_on = fetch(fresh, target, hub, token_in)
        assert went_on.returncode == 0, went_on.stdout
    check_fetched(fresh / target, hub)
    for path in fresh.rglob("*"):
        if path.is_file() and path.name != "token":
            assert TOKEN.encode() not in path.read_bytes(), path
    assert TOKEN not in failed.stdout + went_on.stdout


def check_fetched(folder: Path, hub: Hub) -> None:
    """What was fetched is what the hub has."""
    if hub.kind == "model":
        for name, content in hub.files.items():
            assert (folder / name).read_bytes() == content
    elif hub.name == "somebody/intents":
        frames = {split: pd.read_parquet(folder / f"{split}.parquet") for split in FRAMES}
        assert sum(map(len, frames.values())) == 2 * ROWS
        assert frames["test"]["text"].tolist() == [f"test {number}, please" for number in range(ROWS)]
        assert frames["test"]["label"].tolist() == [(2 - number % 3) for number in range(ROWS)]
        meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
        assert meta["found"] == {"labels": ["xxy", "xy", "y"], "test": True}
        assert (meta["source"], meta["validation_from"], meta["test"]) == ("hub", "train", "scored")
    else:
        there = pd.read_parquet(io.BytesIO(hub.files["stsb/train-00000-of-00001.parquet"]))
        assert pd.read_parquet(folder / "train.parquet")["sentence1"].tolist() == there["sentence1"].tolist()


def hub_files(folder: Path) -> list[Path]:
    return list((folder / "hub_cache").rglob("*"))


def fetch(folder: Path, target: str, hub: Hub, token_in: str) -> subprocess.CompletedProcess[str]:
    """Run the workflow for ``target`` with ``hub`` in place of the real one and a token for it."""
    cache = folder / "hub_cache"
    cache.mkdir(exist_ok=True)
    unset = ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "HF_TOKEN")
    environment = {name: value for name, value in os.environ.items() if name not in unset}
    environment |= {"HF_ENDPOINT": hub.url, "HF_HOME": str(cache), "COLUMNS": "200"}
    if token_in == "environment":
        environment["HF_TOKEN"] = TOKEN
    else:
        (cache / "token").write_text(TOKEN)
    return subprocess.run(
        command_line(folder, target, cores=1),
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
