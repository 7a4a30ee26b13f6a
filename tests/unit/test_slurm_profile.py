"""Profile and rules agree on what is submitted, how large it is, and what has a node to itself."""

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
PROFILE = ROOT / "profiles" / "slurm"


def rules():
    """Return the text of every rule by its name, after that of the rule that it extends."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "rules").glob("*.smk")))
    head = r"^(?:use rule (\w+) as |rule )(\w+)(?: with)?:\n"
    found = re.findall(head + r"(.*?)(?=^\S|\Z)", text, re.MULTILINE | re.DOTALL)
    own = {name: text for _, name, text in found}
    return {name: own.get(extended, "") + text for extended, name, text in found}


def test_what_claims_all_cores_has_an_exclusive_node_of_one_type():
    profile = yaml.safe_load((PROFILE / "config.yaml").read_text(encoding="utf-8"))
    submitted = {name: text for name, text in rules().items() if "localrule: True" not in text}
    alone = {name for name, text in submitted.items() if "threads: ALL_CORES" in text}
    assert set(profile["set-resources"]) == alone
    assert len(alone) == 5
    for wanted in profile["set-resources"].values():
        assert "--exclusive" in wanted["slurm_extra"]
        assert wanted["constraint"]


def test_every_job_in_the_queue_says_how_large_it_is():
    submitted = {name: text for name, text in rules().items() if "localrule: True" not in text}
    assert {"finetune_teacher", "distill_candidates", "distill_student", "distill_glue"} <= set(submitted)
    for name, text in submitted.items():
        for resource in ("mem_mb=memory(", "runtime=minutes(", "gpu="):
            assert resource in text, name


def test_every_setting_has_a_comment():
    lines = (PROFILE / "config.yaml").read_text(encoding="utf-8").splitlines()
    settings = [number for number, line in enumerate(lines) if re.match(r"[a-z-]+:", line)]
    for number in settings:
        # two settings may share a comment; a section has it above or inside
        near = lines[number - 2 : number] + lines[number + 1 : number + 2]
        assert any(line.lstrip().startswith("#") for line in near), lines[number]
