"""A teacher that changes between two runs, clocks that go backwards, results that move."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from experiment import (
    RESULTS,
    copy_run,
    copy_sources,
    plan,
    reproducible,
    snakemake,
    succeed,
    write_config,
)

HOUR = 3600.0
KEPT_WITH_ANOTHER_TEACHER = {"fetch_task", "build_proxy", "hand_craft_student", "sample_fidelity"}


def shift(folder: Path, seconds: float) -> None:
    """Move the times of all files and folders below ``folder`` by so many seconds."""
    for path in [folder, *folder.rglob("*")]:
        time = path.lstat().st_mtime_ns + int(seconds * 1e9)
        os.utime(path, ns=(time, time), follow_symlinks=False)


def test_changed_teacher(run_copy):
    weights = run_copy / "teacher" / "model.safetensors"
    content = bytearray(weights.read_bytes())
    os.utime(weights)
    assert plan(run_copy) == {}  # a new time alone changes nothing

    content[-2] ^= 1  # of the last weight's last bits
    weights.write_bytes(content)
    planned = plan(run_copy)
    assert planned["fetch_teacher"] == 1
    assert planned["finetune_teacher"] == planned["finetune_search_teacher"] == 1
    assert planned["distill_candidates"] == 4
    assert planned["sample_candidates"] == 2  # the first episodes' know no teacher
    assert planned["distill_student"] == planned["distill_glue"] == 3
    assert not KEPT_WITH_ANOTHER_TEACHER & planned.keys()

    before = reproducible(run_copy)
    succeed(run_copy, f"{RESULTS}/teacher/mnli/seed_1/metrics.json")
    assert (run_copy / RESULTS / "teacher" / "base" / "model.safetensors").read_bytes() == bytes(content)
    changed = {name for name, value in reproducible(run_copy).items() if before.get(name) != value}
    assert changed
    assert all(name.startswith(("teacher/base/", "teacher/mnli/")) for name in changed)


def test_results_from_the_future_are_kept(run_copy):
    for part in ("results", ".snakemake"):
        shift(run_copy / part, 24 * HOUR)  # the clock was a day ahead and was set back
    assert plan(run_copy) == {}
    before = reproducible(run_copy)
    write_config(run_copy, {"reward": {"quality": "loss"}})
    assert plan(run_copy, "search")["update_controller"] == 4  # a changed key still counts
    write_config(run_copy, {})
    assert reproducible(run_copy) == before


def test_inputs_from_the_future_are_refused_and_nothing_trained_is_lost(fresh):
    """Snakemake itself compares the times of a job's files when it is done."""
    teacher, data = fresh / "teacher", fresh / RESULTS / "data" / "mnli"
    base, metrics = f"{RESULTS}/teacher/base", f"{RESULTS}/teacher/mnli/seed_1/metrics.json"
    shift(teacher, HOUR)
    refused(fresh, base, "teacher/model.safetensors")
    shift(teacher, -HOUR)
    succeed(fresh, base)

    succeed(fresh, f"{RESULTS}/data/mnli")
    shift(data, HOUR)  # the clock was an hour ahead when it was fetched
    refused(fresh, metrics, f"{RESULTS}/data/mnli")
    shift(data, -HOUR)
    succeed(fresh, metrics)
    log = fresh / RESULTS / "logs" / "finetune_teacher" / "mnli_seed_1.log"
    assert "store" in log.read_text()  # it was not trained again


def refused(folder: Path, target: str, newer: str) -> None:
    """Run the workflow, which must say that ``newer`` is newer than what was made, and keep no output."""
    process = snakemake(folder, target)
    assert process.returncode == 1, process.stdout
    assert "older modification time" in process.stdout and newer in process.stdout
    assert "Traceback" not in process.stdout
    assert not (folder / target).exists()


def test_moved_results_are_complete(run_copy, tmp_path):
    moved = run_copy.rename(tmp_path / "elsewhere")
    bare = copy_run(moved, tmp_path / "bare")
    shutil.rmtree(bare / ".snakemake")  # what Snakemake itself remembers is not moved with the results
    clone = copy_sources(tmp_path / "clone")
    for path in clone.rglob("*"):
        path.touch()  # a clone's files are newer than what was made before it
    for folder in (moved, bare):
        assert plan(folder) == plan(folder, root=clone) == {}
    place = str(run_copy.parent).encode()
    for path in (bare / "results").rglob("*"):
        if path.is_file() and "logs" not in path.relative_to(bare).parts:
            assert place not in path.read_bytes(), path
