"""A damaged artifact under its final name: told before it is used, with the rule that makes it anew."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from experiment import RESULTS, reproducible, snakemake, succeed

from kdnas.errors import UserError
from kdnas.files.checksums import check

# what jobs read of other jobs, and the rule that docs/artifacts.md gives it
RULES = {
    "data/mnli/train.parquet": "fetch_task",
    "data/mnli/heldout.parquet": "fetch_task",
    "data/stsb/meta.json": "fetch_task",
    "teacher/base/model.safetensors": "fetch_teacher",
    "teacher/base/config.json": "fetch_teacher",
    "teacher/base/tokenizer.json": "fetch_teacher",
    "teacher/base/vocab.txt": "fetch_teacher",
    "teacher/mnli/seed_1/model/model.safetensors": "finetune_search_teacher",
    "teacher/mnli/seed_1/model/config.json": "finetune_search_teacher",
    "teacher/mnli/seed_1/metrics.json": "finetune_search_teacher",
    "proxy/train.parquet": "build_proxy",
    "proxy/meta.json": "build_proxy",
    "search/lstm/episode_01/candidates.json": "sample_candidates",
    "search/lstm/episode_01/cohort_01.json": "distill_candidates",
    "search/lstm/episode_01/latency.json": "profile_latency",
    "search/lstm/episode_01/history.csv": "update_controller",
    "search/lstm/episode_01/controller.safetensors": "update_controller",
    "students/lstm_best/architecture.json": "select_student",
    "students/narrow/architecture.json": "hand_craft_student",
    "students/narrow/mnli/seed_1/model/model.safetensors": "distill_student",
    "students/narrow/mnli/seed_1/model/tokenizer_config.json": "distill_student",
    "students/narrow/mnli/seed_1/metrics.json": "distill_student",
    "students/narrow/stsb/seed_1/metrics.json": "distill_glue",
    "latency/cpu.json": "profile_students",
    "deployment/mnli/seed_1/narrow/model.onnx": "export_models",
    "deployment/mnli/seed_1/scores.json": "export_models",
    "fidelity/candidates.json": "sample_fidelity",
    "fidelity/full_teacher.json": "evaluate_fidelity",
    "tables/glue.csv": "table_glue",
    "tables/fidelity.csv": "table_fidelity",
}


def truncate(file: Path) -> None:
    rewrite(file, file.read_bytes()[:-1])


def flip(file: Path) -> None:
    """Flip one bit in the middle, which leaves headers as they are."""
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 4
    rewrite(file, bytes(content))


def rewrite(file: Path, content: bytes) -> None:
    """Write the file in place with its old time, as a disk would damage it."""
    times = file.stat()
    file.write_bytes(content)
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))


def artifact_of(file: Path) -> Path:
    """Return the output of a rule that ``file`` is or is in."""
    if "deployment" in file.parts:
        return Path(*file.parts[: file.parts.index("deployment") + 3])
    in_folder = file.parent.name in ("model", "base") or file.parts[-3] == "data"
    return file.parent if in_folder else file


def test_every_artifact_has_its_checksums(finished):
    results = finished / RESULTS
    unrecorded = ("logs", "benchmarks", "checksums")
    files = [path for path in results.rglob("*") if path.is_file() and not path.name.startswith(".")]
    for file in files:
        if file.relative_to(results).parts[0] in unrecorded:
            continue
        artifact = artifact_of(file).relative_to(results)
        assert (results / "checksums" / f"{artifact}.json").is_file(), file
        check(results, [results / artifact])


@pytest.mark.parametrize("damage", [truncate, flip])
def test_every_kind_of_artifact_is_held_to_its_checksum(run_copy, damage):
    results = run_copy / RESULTS
    for name, rule in RULES.items():
        artifact = artifact_of(results / name)
        check(results, [artifact])
        content = (results / name).read_bytes()
        damage(results / name)
        with pytest.raises(UserError) as caught:
            check(results, [artifact])
        sentence = str(caught.value)
        assert f"{results / name} is damaged" in sentence
        assert f"delete {artifact} and run the same command again: rule {rule} makes" in sentence
        (results / name).write_bytes(content)


@pytest.mark.parametrize(
    ("name", "damage", "target", "reader"),
    [
        (
            "students/narrow/mnli/seed_1/model/model.safetensors",
            flip,
            "students/narrow/stsb/seed_1",
            "distill_glue",
        ),
        ("search/lstm/episode_02/history.csv", truncate, "tables/search.csv", "table_search"),
        ("proxy/train.parquet", truncate, "search/random/episode_01/cohort_01.json", "distill_candidates"),
    ],
    ids=["weights", "history", "rows"],
)
def test_the_job_that_reads_it_says_so_and_the_same_command_goes_on(run_copy, name, damage, target, reader):
    results = run_copy / RESULTS
    if target.startswith("students"):
        target += "/metrics.json"
    before = reproducible(run_copy)
    damage(results / name)
    (results / target).unlink()
    failed = snakemake(run_copy, f"{RESULTS}/{target}")
    assert failed.returncode == 1, failed.stdout
    assert "Traceback" not in failed.stdout
    (sentence,) = [line for line in failed.stdout.splitlines() if line.startswith("kdnas: ")]
    assert sentence.startswith(f"kdnas: {reader}: {RESULTS}/{name} is damaged")
    assert not (results / target).exists()

    remove(artifact_of(results / name))
    succeed(run_copy, f"{RESULTS}/{target}")
    assert {file: value for file, value in reproducible(run_copy).items() if file in before} == before


def remove(artifact: Path) -> None:
    """Do what the sentence says."""
    if artifact.is_dir():
        for file in artifact.iterdir():
            file.unlink()
        artifact.rmdir()
    else:
        artifact.unlink()
