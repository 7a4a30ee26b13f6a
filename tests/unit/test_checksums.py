"""What a job reads is what an earlier one wrote, or one sentence says which rule makes it anew."""

from __future__ import annotations

import hashlib
import json
import runpy
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from kdnas.__main__ import main
from kdnas.errors import UserError
from kdnas.files.checksums import check, record

JOB = Path(__file__).resolve().parents[2] / "scripts" / "job.py"


@pytest.fixture
def results(tmp_path):
    """A results folder with a file and a folder, recorded as made by two rules."""
    folder = tmp_path / "results" / "x"
    (folder / "data" / "rte").mkdir(parents=True)
    (folder / "data" / "rte" / "train.parquet").write_bytes(bytes(range(256)) * 40)
    (folder / "data" / "rte" / "meta.json").write_text("{}\n")
    (folder / "history.csv").write_text("episode,reward\n1,0.25\n")
    record(folder, [folder / "data" / "rte"], "fetch_task")
    record(folder, [folder / "history.csv"], "update_controller")
    return folder


def truncate(file):
    file.write_bytes(file.read_bytes()[:-1])


def empty(file):
    file.write_bytes(b"")


def flip(file):
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


@pytest.mark.parametrize("damage", [truncate, empty, flip])
@pytest.mark.parametrize(
    ("file", "artifact", "rule"),
    [
        ("history.csv", "history.csv", "update_controller"),
        ("data/rte/train.parquet", "data/rte", "fetch_task"),
    ],
)
def test_damage_is_one_sentence_that_names_the_rule(results, damage, file, artifact, rule):
    check(results, [results / "data" / "rte", results / "history.csv"])
    damage(results / file)
    with pytest.raises(UserError) as caught:
        check(results, [results / "data" / "rte", results / "history.csv"])
    assert f"{results / file} is damaged" in str(caught.value)
    assert f"delete {results / artifact} and run the same command again: rule {rule}" in str(caught.value)


def test_a_file_gone_from_a_folder_is_told(results):
    (results / "data" / "rte" / "meta.json").unlink()
    with pytest.raises(UserError, match=r"meta\.json is missing; delete .*data/rte and .*rule fetch_task"):
        check(results, [results / "data" / "rte"])


def test_the_record_is_the_sha256_of_every_file_but_snakemakes_own(results):
    (results / "data" / "rte" / ".snakemake_timestamp").touch()
    record(results, [results / "data" / "rte"], "fetch_task")
    entry = json.loads((results / "checksums" / "data" / "rte.json").read_text())
    train = hashlib.sha256(bytes(range(256)) * 40).hexdigest()
    assert entry == {
        "rule": "fetch_task",
        "files": {"train.parquet": train, "meta.json": hashlib.sha256(b"{}\n").hexdigest()},
    }


def test_what_has_no_record_or_is_no_result_is_not_checked(results, tmp_path):
    (tmp_path / "latency.csv").write_text("of the user")
    (results / "old.json").write_text("of an earlier version")
    check(results, [tmp_path / "latency.csv", results / "old.json", results / "not_there.json"])


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"rule": "x", "files": 3}', '{"rule": "x", "files": ["a"]}']
)
def test_a_damaged_record_is_one_sentence_too(results, content):
    (results / "checksums" / "history.csv.json").write_text(content)
    with pytest.raises(UserError, match=r"checksums/history\.csv\.json is damaged.*delete it"):
        check(results, [results / "history.csv"])


def test_a_folder_that_was_moved_is_still_held_to_its_records(results, tmp_path):
    moved = Path(shutil.move(results, tmp_path / "elsewhere"))
    check(moved, [moved / "history.csv"])
    flip(moved / "history.csv")
    with pytest.raises(UserError, match="update_controller"):
        check(moved, [moved / "history.csv"])


def test_headline_reads_no_damaged_table(tmp_path, capsys):
    (tmp_path / "tables").mkdir()
    table = tmp_path / "tables" / "glue.csv"
    table.write_text("model,task,score\nteacher,average,80.0\n")
    record(tmp_path, [table], "table_glue")
    flip(table)
    assert main(["headline", str(tmp_path)]) == 1
    assert "rule table_glue makes it anew" in capsys.readouterr().err


@pytest.fixture
def job(tmp_path, monkeypatch):
    """What Snakemake hands to a script that reads ``a.json`` and writes ``b.json``."""
    monkeypatch.chdir(tmp_path)
    for name in ("HF_HUB_OFFLINE", "TOKENIZERS_PARALLELISM", "HF_HUB_DISABLE_PROGRESS_BARS"):
        monkeypatch.setenv(name, "1")  # the script sets them for its own process
    folder = Path("results/x")
    folder.mkdir(parents=True)
    (folder / "a.json").write_text("[1]")
    record(folder, [folder / "a.json"], "sample_candidates")
    return SimpleNamespace(
        rule="profile_latency",
        input=[str(folder / "a.json")],
        output=[str(folder / "b.json")],
        log=[str(folder / "log")],
    )


def test_a_job_records_what_it_wrote(job):
    with runpy.run_path(str(JOB))["start"](job):
        Path(job.output[0]).write_text("[2]")
    entry = json.loads(Path("results/x/checksums/b.json.json").read_text())
    assert entry == {"rule": "profile_latency", "files": {"": hashlib.sha256(b"[2]").hexdigest()}}


def test_a_job_does_not_start_on_damaged_input(job, capsys):
    flip(Path(job.input[0]))
    with pytest.raises(SystemExit) as caught, runpy.run_path(str(JOB))["start"](job):
        raise AssertionError("the body must not run")
    assert caught.value.code == 1
    sentence = capsys.readouterr().err
    assert sentence.startswith("kdnas: profile_latency: results/x/a.json is damaged: its SHA-256 is not")
    assert "rule sample_candidates makes it anew" in sentence
    assert "Traceback" not in sentence + Path(job.log[0]).read_text()
    assert not Path("results/x/checksums/b.json.json").exists()
