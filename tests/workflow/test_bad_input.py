"""Bad input: one sentence, a non-zero exit, nothing half-written; after mending the same command goes on."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from experiment import RESULTS, digests, plan, snakemake, succeed, write_config

BASE = f"{RESULTS}/teacher/base"
STSB = f"{RESULTS}/data/stsb"
# a limit on the size of a file stands for a full disk: the weights have 3 MB, all other files less than 1
FULL_DISK = ("sh", "-c", 'ulimit -f 2000; exec "$@"', "sh")
# root may write everywhere unless it gives its capabilities away
NO_ROOT = ("setpriv", "--inh-caps=-all", "--bounding-set=-all") if os.geteuid() == 0 else ()


def refuse(folder: Path, target: str, *words: str, prefix: tuple[str, ...] = ()) -> None:
    """Run the workflow for ``target``, which must end with one sentence with ``words`` and no new result."""
    before = results(folder)
    process = snakemake(folder, target, prefix=prefix)
    output = process.stdout
    assert process.returncode == 1, output
    assert "Traceback" not in output, output
    sentences = [line for line in output.splitlines() if line.startswith("kdnas: ")]
    assert len(sentences) == 1, output
    for word in words:
        assert word in sentences[0]
    assert results(folder) == before


def results(folder: Path) -> dict[str, str]:
    """Return the digests of all results but the logs."""
    found = digests(folder / "results")
    return {name: digest for name, digest in found.items() if "logs" not in Path(name).parts}


def go_on(folder: Path, target: str) -> None:
    """Run the same command again, which must now make ``target``."""
    succeed(folder, target)
    assert (folder / target).exists()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"search": {"epsiodes": 3}}, ["search.epsiodes", "did you mean search.episodes"]),
        ({"reward": {"alpha": "-0.06 ms"}}, ["reward.alpha", "-0.06 ms", "a number"]),
        ({"search": {"cohorts": 3}}, ["search.cohorts is 3", "at most search.candidates, 2"]),
    ],
    ids=["key", "value", "combination"],
)
def test_config(fresh, changes, words):
    write_config(fresh, changes)
    refuse(fresh, BASE, *words)


def test_data(fresh):
    from synthetic_glue.generator import generate

    write_config(fresh, {"data": {"source": "local", "path": "glue", "max_train_rows": {"stsb": 30}}})
    refuse(fresh, STSB, 'data.path is "glue"', "not a folder")

    frames = generate("stsb", 1, 40, 10)
    (fresh / "glue" / "stsb").mkdir(parents=True)
    for split, frame in frames.items():
        frame.to_parquet(fresh / "glue" / "stsb" / f"{split}.parquet")
    train = fresh / "glue" / "stsb" / "train.parquet"
    wrong = frames["train"].copy()
    wrong.loc[4, "label"] = 7.5
    wrong.to_parquet(train)
    refuse(fresh, STSB, "glue/stsb/train.parquet, row 5", "7.5", "0 to 5")

    frames["train"].to_parquet(train)
    go_on(fresh, STSB)


def test_no_test_split(fresh):
    refuse(
        fresh, f"{RESULTS}/test/STS-B", "data.source is synthetic", "no split test of stsb", "local", "hub"
    )


def test_teacher(fresh):
    teacher, away = fresh / "teacher", fresh / "away"
    teacher.rename(away)
    refuse(fresh, BASE, 'teacher.name is "teacher"', "no such folder")

    away.rename(teacher)
    refuse(fresh, BASE, f"cannot write {BASE}", prefix=FULL_DISK)
    go_on(fresh, BASE)


def test_source_that_has_gone_leaves_what_was_made_of_it(fresh):
    go_on(fresh, BASE)
    teacher, away = fresh / "teacher", fresh / "away"
    teacher.rename(away)
    refuse(fresh, BASE, 'teacher.name is "teacher", which is not a folder', f"{BASE} was made from it")
    rendered = snakemake(fresh, BASE, "--allowed-rules", "table_glue")
    assert "was made from it" not in rendered.stdout and (fresh / BASE / "config.json").exists()
    away.rename(teacher)
    assert plan(fresh, BASE) == {}


@pytest.mark.parametrize("link", [False, True])
def test_source_inside_its_own_results_is_not_deleted(fresh, link):
    go_on(fresh, BASE)
    if link:
        (fresh / "linked").symlink_to(fresh / BASE)
    name = "linked" if link else BASE
    write_config(fresh, {"teacher": {"name": name}})
    refuse(fresh, BASE, f"teacher.name is {json.dumps(name)}, inside {RESULTS}, which the run itself writes")


def test_no_place_to_write(fresh):
    (fresh / "results").mkdir()
    if not NO_ROOT or shutil.which("setpriv"):
        for folder, unwritable in ((".", ".snakemake"), ("results", RESULTS)):
            (fresh / folder).chmod(0o555)
            refuse(fresh, BASE, f"cannot write {unwritable}: {folder} must be", prefix=NO_ROOT)
            (fresh / folder).chmod(0o755)

    (fresh / RESULTS).write_text("")
    refuse(fresh, BASE, f"cannot write {RESULTS}: {RESULTS} must be a folder")
    (fresh / RESULTS).unlink()
    go_on(fresh, BASE)
