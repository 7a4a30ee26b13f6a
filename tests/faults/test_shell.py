"""Texts of the config that a shell or Snakemake's formatting would make something of: names and no more."""

from __future__ import annotations

import pytest
from experiment import RESULTS, digests, succeed, write_config

NAMES = {
    "shell": "a; touch ran; $(touch ran) `touch ran` ' && touch ran \" | touch ran #",
    "braces": "{R} {input} {wildcards.task} {",
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_folder_with_such_a_name_is_read_and_nothing_runs(fresh, name):
    (fresh / "teacher").rename(fresh / name)
    (fresh / "latency.csv").rename(fresh / f"{name}.csv")
    write_config(fresh, {"teacher": {"name": name}, "latency": {"table": f"{name}.csv"}})
    succeed(fresh, f"{RESULTS}/search/random/episode_01/latency.json")
    for file in ("config.json", "model.safetensors", "tokenizer.json"):
        assert (fresh / RESULTS / "teacher" / "base" / file).read_bytes() == (
            fresh / name / file
        ).read_bytes()
    assert not [path for path in digests(fresh) if path.rpartition("/")[2] == "ran"]
