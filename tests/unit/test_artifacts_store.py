"""Atomic writing and the store."""

import errno
import json
import shutil
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from kdnas.errors import UserError
from kdnas.files import store as store_module
from kdnas.files.artifacts import atomic_folder, atomic_path, digest, read_json, write_json
from kdnas.files.store import Store


def test_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    write_json(tmp_path / "a.json", {"x": 1})
    with pytest.raises(RuntimeError), atomic_path(tmp_path / "a.json") as temporary:
        temporary.write_text("half")
        raise RuntimeError
    with pytest.raises(UserError, match="No space left"), atomic_path(tmp_path / "a.json") as temporary:
        temporary.write_text("half")
        raise OSError(errno.ENOSPC, "No space left on device")
    assert read_json(tmp_path / "a.json") == {"x": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_folder_appears_whole_or_not_at_all(tmp_path):
    with pytest.raises(RuntimeError), atomic_folder(tmp_path / "f") as folder:
        (folder / "one").write_text("1")
        raise RuntimeError
    assert not list(tmp_path.iterdir())
    for text in ("1", "2"):
        with atomic_folder(tmp_path / "f") as folder:
            (folder / text).write_text(text)
    assert [path.name for path in (tmp_path / "f").iterdir()] == ["2"]


SAVE = """
import resource, signal, sys
import kdnas.files.artifacts as artifacts
import numpy as np
from kdnas.errors import UserError
from safetensors.numpy import save_file
_, write, path, reaction = sys.argv
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
signal.signal(signal.SIGXFSZ, getattr(signal, reaction))
try:
    with getattr(artifacts, write)(path) as temporary:
        save_file({"a": np.zeros(100_000)}, temporary / "weights" if write == "atomic_folder" else temporary)
except UserError as error:
    print(error)
"""


def save_too_much(write, path, reaction):
    """Save 800 kB of tensors in a process that may write files of 100 kB."""
    command = [sys.executable, "-c", SAVE, write.__name__, path, reaction]
    return subprocess.run(command, check=False, capture_output=True, text=True)


@pytest.mark.parametrize("write", [atomic_path, atomic_folder])
def test_tensors_on_a_full_disk_are_one_sentence(write, tmp_path):
    process = save_too_much(write, tmp_path / "a.x", "SIG_IGN")
    assert process.stdout.startswith(f"cannot write {tmp_path / 'a.x'}: "), process.stderr
    assert "File too large" in process.stdout and process.stdout.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("write", [atomic_path, atomic_folder])
def test_what_a_killed_save_of_tensors_left_is_removed(write, tmp_path):
    assert save_too_much(write, tmp_path / "a.x", "SIG_DFL").returncode == -signal.SIGXFSZ
    assert [path for path in tmp_path.rglob("*") if path.is_file()]
    with write(tmp_path / "a.x") as temporary:
        save_file({"a": np.zeros(1)}, temporary / "weights" if write is atomic_folder else temporary)
    assert [path.name for path in tmp_path.iterdir()] == ["a.x"]


def test_saved_tensors_of_a_living_writer_are_not_touched(tmp_path):
    path = tmp_path / "a.safetensors"
    with atomic_path(path) as first:
        save_file({"a": np.zeros(1)}, first)
        with atomic_path(path) as second:
            save_file({"a": np.ones(1)}, second)
        assert load_file(first)["a"].tolist() == [0]
    assert load_file(path)["a"].tolist() == [0]
    (tmp_path / "ordinary").touch()
    assert path.stat().st_mode == (tmp_path / "ordinary").stat().st_mode


@pytest.mark.parametrize("write", [atomic_path, atomic_folder])
def test_what_a_killed_writer_left_is_removed_and_a_living_ones_is_not(write, tmp_path):
    code = (
        "import os, signal, sys, kdnas.files.artifacts as artifacts\n"
        "with getattr(artifacts, sys.argv[1])(sys.argv[2]): os.kill(os.getpid(), signal.SIGKILL)"
    )
    killed = subprocess.run([sys.executable, "-c", code, write.__name__, tmp_path / "a.x"], check=False)
    assert killed.returncode == -signal.SIGKILL
    (orphan,) = tmp_path.iterdir()
    (tmp_path / ".other.x").write_text("")
    make = Path.mkdir if write is atomic_folder else Path.touch
    with write(tmp_path / "a.x") as first:
        assert not orphan.exists()
        make(first, exist_ok=True)
        with write(tmp_path / "a.x") as second:
            make(second, exist_ok=True)
            assert first.exists() and first != second
    assert {path.name for path in tmp_path.iterdir()} == {"a.x", ".other.x"}


def test_file_that_could_not_be_read_is_named(tmp_path):
    gone = tmp_path / "store" / "weights"
    with pytest.raises(UserError) as refused, atomic_folder(tmp_path / "model") as folder:
        shutil.copyfile(gone, folder / "weights")
    assert str(refused.value) == f"cannot write {tmp_path / 'model'}: {gone}: No such file or directory"
    with pytest.raises(UserError) as refused, atomic_path(tmp_path / "a.json") as temporary:
        (temporary / "b").touch()
    assert str(refused.value) == f"cannot write {tmp_path / 'a.json'}: No such file or directory"


def test_writing_where_a_file_stands_in_the_way_is_one_sentence(tmp_path):
    (tmp_path / "results").write_text("")
    with pytest.raises(UserError, match="cannot write"):
        write_json(tmp_path / "results" / "a.json", {})


def test_damaged_and_missing_json_name_the_file(tmp_path):
    (tmp_path / "a.json").write_text('{"x": ')
    with pytest.raises(UserError, match=r"a\.json is damaged"):
        read_json(tmp_path / "a.json")
    with pytest.raises(UserError, match=r"b\.json is missing"):
        read_json(tmp_path / "b.json")


def test_numbers_that_are_none_are_never_written(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a.json", {"x": float("nan")})
    assert not list(tmp_path.iterdir())


def test_digest_does_not_depend_on_order():
    assert digest({"a": 1, "b": [1, 2]}) == digest({"b": [1, 2], "a": 1})
    assert digest({"a": 1}) != digest({"a": 2})


def test_store_ignores_what_was_damaged_or_edited(tmp_path, capsys):
    store = Store(tmp_path)
    store.put("evaluations", {"k": 1}, {"quality": 0.5})
    assert store.get("evaluations", {"k": 1}) == {"quality": 0.5}
    assert store.get("evaluations", {"k": 2}) is None
    path = store.record_path("evaluations", {"k": 1})
    entry = json.loads(path.read_text())
    entry["value"]["quality"] = 0.9
    path.write_text(json.dumps(entry))
    assert store.get("evaluations", {"k": 1}) is None
    path.write_text('["half')
    assert store.get("evaluations", {"k": 1}) is None
    assert capsys.readouterr().out.count("ignoring") == 2


def test_jobs_that_store_the_same_model_at_the_same_moment_do_not_disturb_each_other(tmp_path):
    store, jobs, rounds = Store(tmp_path / "store"), range(4), 15
    for job in jobs:
        (tmp_path / f"made_{job}").mkdir()
        for file in ("config.json", "model.safetensors"):
            (tmp_path / f"made_{job}" / file).write_text(file)
    together = threading.Barrier(len(jobs))

    def store_and_get(job):
        found = []
        for number in range(rounds):
            together.wait(60)
            store.put_model({"k": number}, tmp_path / f"made_{job}", {"size": 1})
            found.append(store.get_model({"k": number}, tmp_path / f"got_{job}" / str(number)))
        return found

    with ThreadPoolExecutor(len(jobs)) as pool:
        assert list(pool.map(store_and_get, jobs)) == [[{"size": 1}] * rounds] * len(jobs)


@pytest.mark.parametrize("moment", ["folder_sha256", "atomic_folder", "_write_record"])
def test_two_trainings_of_one_model_are_never_mixed(tmp_path, monkeypatch, moment):
    """Trainings whose results differ in a bit: the second stores its own while the first is at it."""
    store, key = Store(tmp_path / "store"), {"k": 1}
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.safetensors").write_text(name)
    original, inodes = getattr(store_module, moment), []

    def interrupted(*args, **options):
        if not inodes:
            inodes.append(None)
            store.put_model(key, tmp_path / "second", {"of": "second"})
            inodes[:] = [path.stat().st_ino for path in (tmp_path / "store" / "models").glob("*/[!.]*")]
        return original(*args, **options)

    monkeypatch.setattr(store_module, moment, interrupted)
    store.put_model(key, tmp_path / "first", {"of": "first"})
    assert store.get_model(key, tmp_path / "got") == {"of": "second"}
    assert (tmp_path / "got" / "model.safetensors").read_text() == "second"
    (entry,) = (tmp_path / "store" / "models").glob("*/*")
    assert inodes == [entry.stat().st_ino]


@pytest.mark.parametrize("damaged", ["model/model.safetensors", "record.json"])
def test_damaged_model_is_no_model_and_is_replaced(tmp_path, capsys, damaged):
    store, key, made = Store(tmp_path / "store"), {"k": 1}, tmp_path / "made"
    made.mkdir()
    (made / "model.safetensors").write_text("weights")
    store.put_model(key, made, {"size": 1})
    (entry,) = (tmp_path / "store" / "models").glob("*/*")
    (entry / damaged).unlink()
    (entry / damaged).write_text("other")
    assert store.get_model(key, tmp_path / "got") is None
    assert "ignoring a damaged entry" in capsys.readouterr().out
    assert not (tmp_path / "got").exists()
    store.put_model(key, made, {"size": 2})
    assert store.get_model(key, tmp_path / "got") == {"size": 2}
    assert [path.read_text() for path in (tmp_path / "got").iterdir()] == ["weights"]
