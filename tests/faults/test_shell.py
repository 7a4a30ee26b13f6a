"""A text of the config that a shell would make something of is a name and no more."""

from __future__ import annotations

from experiment import RESULTS, digests, succeed, write_config

NAME = "a; touch ran; $(touch ran) `touch ran` ' && touch ran \" | touch ran #"


def test_a_folder_with_such_a_name_is_read_and_nothing_runs(fresh):
    (fresh / "teacher").rename(fresh / NAME)
    (fresh / "latency.csv").rename(fresh / f"{NAME}.csv")
    write_config(fresh, {"teacher": {"name": NAME}, "latency": {"table": f"{NAME}.csv"}})
    succeed(fresh, f"{RESULTS}/search/random/episode_01/latency.json")
    for file in ("config.json", "model.safetensors", "tokenizer.json"):
        assert (fresh / RESULTS / "teacher" / "base" / file).read_bytes() == (
            fresh / NAME / file
        ).read_bytes()
    assert not [path for path in digests(fresh) if path.rpartition("/")[2] == "ran"]
