"""What a run's surroundings rule out."""

import json
from pathlib import Path

import pytest

from kdnas.config.check import check_config
from kdnas.errors import UserError
from kdnas.workflow.run_checks import check_root, check_sources, check_unchanged, note_for_jobs


def config(**sections):
    return check_config({"experiment": "mine", **sections})


def test_a_job_of_a_run_whose_configuration_was_edited_is_refused():
    environment = {}
    note_for_jobs(config(seeds=[1]), "results/mine", environment)
    note_for_jobs(config(seeds=[7]), "results/other", environment)  # two of one module
    check_unchanged(config(seeds=[1]), "results/mine", environment)
    check_unchanged(config(training={"checkpoint_minutes": 1}), "results/mine", environment)
    check_unchanged(config(seeds=[3]), "results/a_third", environment)  # nothing is noted of it
    check_unchanged(config(seeds=[3]), "results/mine", {})
    for edited in ({"seeds": [2]}, {"latency": {"batch_size": 7}}):
        with pytest.raises(UserError, match="the configuration of results/mine changed after the run"):
            check_unchanged(config(**edited), "results/mine", environment)


def test_a_new_run_notes_its_own_configuration():
    environment = {}
    for seeds in ([1], [2]):
        note_for_jobs(config(seeds=seeds), "results/mine", environment)
    check_unchanged(config(seeds=[2]), "results/mine", environment)


@pytest.mark.parametrize(
    ("sections", "made", "key", "kind"),
    [
        ({"data": {"source": "local", "path": "gone"}}, "data", "data.path", "folder"),
        (
            {"teacher": {"source": "local", "name": "gone", "sha256": None}},
            "teacher/base",
            "teacher.name",
            "folder",
        ),
        ({"latency": {"table": "gone"}}, "latency", "latency.table", "file"),
    ],
)
def test_a_source_that_has_gone_is_named_where_something_was_made_of_it(sections, made, key, kind, tmp_path):
    given = config(**sections)
    check_sources(given, str(tmp_path))
    (tmp_path / made).mkdir(parents=True)
    with pytest.raises(UserError) as caught:
        check_sources(given, str(tmp_path))
    said, remedy = str(caught.value).split("; ")
    assert said == f'{key} is "gone", which is not a {kind}, but {tmp_path}/{made} was made from it'
    assert remedy == f"put the {kind} back, or name the rules that do not need it with --allowed-rules"
    check_sources(config(), str(tmp_path))  # other sources


def test_a_checkout_in_braces_is_refused_and_other_odd_paths_are_not():
    check_root(Path("/home/tom's $HOME/my projects [1]"))
    for path in ("/home/{tom}/kd-nas", "/home/to\nm/kd-nas"):
        with pytest.raises(UserError) as caught:
            check_root(Path(path))
        assert str(caught.value).startswith(f"the checkout is {json.dumps(path)}; allowed: ")
