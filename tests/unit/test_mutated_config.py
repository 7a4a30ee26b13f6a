"""Presets that were mutated, as values and as text: each is usable or refused in one sentence."""

from __future__ import annotations

import copy
import json
import math
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from snakemake.utils import update_config

from kdnas.analysis.fidelity import spread
from kdnas.config.check import check_config
from kdnas.config.reading import read_config, read_configs
from kdnas.config.schema import load_schema
from kdnas.config.validation import key_paths
from kdnas.errors import UserError
from kdnas.estimate import requests
from kdnas.estimate.shapes import Embeddings
from kdnas.estimate.sizes import TaskSize
from kdnas.estimate.work import Workload
from kdnas.plan import fidelity_settings, jobs, student_names
from kdnas.search.space import Architecture, SearchSpace
from kdnas.search.strategies import SearchSettings, make_strategy

FILES = sorted((Path(__file__).resolve().parents[2] / "config").glob("*.yaml"))
TEXTS = [path.read_text(encoding="utf-8") for path in FILES]
CUSTOM = {
    "data": {
        "source": "local",
        "path": "mine",
        "custom_tasks": {
            "tickets": {"text_columns": ["body"], "labels": ["no", "yes"], "metrics": ["accuracy", "f1"]},
            "likeness": {"text_columns": ["a", "b"], "labels": None, "metrics": ["pearson"]},
        },
        "tasks": ["tickets", "likeness"],
        "max_train_rows": {"tickets": 100},
    },
    "teacher": {"intermediate_tasks": {"likeness": "tickets"}},
    "search": {"task": "tickets"},
}
PRESETS = [yaml.safe_load(text) for text in TEXTS]
CONFIGS = [*PRESETS, CUSTOM]
KEYS = sorted(key_paths(load_schema()))
NAMES = {part for path in KEYS for part in path.split(".")}
TEACHER = Architecture(6, 384, 12, 1536, "gelu")
EMBEDDINGS = Embeddings(30522, 512, 2)


def mutations(examples: int) -> settings:
    """The same ``examples`` in every run."""
    return settings(max_examples=examples, deadline=None, derandomize=True, database=None)


def check(given_config: Any, keys: set[str] = NAMES) -> None:
    """Check a configuration, which must be usable or be refused for one of ``keys``."""
    try:
        config = check_config(given_config)
    except UserError as error:
        refused_in_a_sentence(error, keys)
    else:
        use(config)


def refused_in_a_sentence(error: UserError, words: set[str]) -> None:
    sentence = str(error)
    assert len(sentence.splitlines()) == 1, sentence
    assert any(word in sentence for word in words), sentence
    assert "allowed" in sentence or "did you mean" in sentence, sentence
    assert len(sentence) < 1500, sentence
    sentence.encode()


def use(config: dict[str, Any]) -> None:
    """Do what planning a run, estimating it and starting its search do with a checked configuration."""
    json.dumps(config, allow_nan=False)
    search, students = config["search"], student_names(config)
    assert len(set(students)) == len(students)
    counts = Counter(job.rule for job in jobs(config))
    assert counts["distill_student"] == len(students) * len(config["seeds"])

    space = SearchSpace(search["space"])
    architectures = space.enumerate()
    assert len(set(architectures)) == len(space) >= search["episodes"] * search["candidates"]
    largest = requests.largest(search["space"])
    assert all(largest.hidden_size >= architecture.hidden_size for architecture in architectures)
    if config["fidelity"]["architectures"]:
        count = config["fidelity"]["architectures"]
        assert len(set(spread(space, count, search["seed"]))) == count
        assert len({setting.name for setting in fidelity_settings(config["fidelity"])}) > 1
    for strategy in search["strategies"]:
        built = make_strategy(strategy, space, SearchSettings.from_config(search))
        assert 0 <= built.epsilon(search["episodes"]) <= 1

    sizes = {task: TaskSize(1000, 100, 100, 30.0, measured=False) for task in config["data"]["tasks"]}
    workload = Workload(config, teacher=TEACHER, embeddings=EMBEDDINGS, sizes=sizes)
    assert workload.typical_student(30) in space
    for job in workload.jobs():
        assert math.isfinite(job.load.memory) and math.isfinite(job.load.disk)
        assert all(math.isfinite(passes.flops) for passes in job.load.passes.values())


# Values

WRONG = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([0, -1, 1, 2, 3, 7, 10**6, 2**31, 2**32, 2**63 - 1, 2**63, -(2**63) - 1, 16**5000]),
    st.sampled_from([0.0, -0.0, 0.5, 1.0, 1.5, -1e-9, 5e-324, 1e308, math.nan, math.inf, -math.inf]),
    st.sampled_from(
        ["", " ", "null", "3", "3e-4", "nan", "true", "a\nb", "\0", "\ud800", "\x85\u2028", "ü", "😀"]
    ),
    st.sampled_from(
        ["../..", "/", "~", "$(id)", "a; b", "{task}", "*", "store", "x" * 5000, "x/" * 300, "x" * 300]
    ),
    st.sampled_from([[], {}, [[]], [{}], {"": None}, {"a": {"b": {}}}, [None], [1, "1", 1.0], [True, 1]]),
    st.sampled_from(["cpu", "gpu", "mnli", "lstm", "teacher", "hub", "local", "minilm_l3", "__main__"]),
    st.dates(),
    st.binary(max_size=3),
    st.text(max_size=6),
    st.integers(),
    st.floats(),
)


def nodes(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the place of everything in a configuration."""
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from nodes(item, (*path, key))


PLACES = [list(nodes(config)) for config in CONFIGS]


@st.composite
def mutated(draw: st.DrawFn) -> dict[str, Any]:
    """Return a preset, or a configuration of custom tasks, with one to three mutations."""
    which = draw(st.integers(0, len(CONFIGS) - 1))
    config = copy.deepcopy(CONFIGS[which])
    for path in draw(st.lists(st.sampled_from(PLACES[which]), min_size=1, max_size=3)):
        mutate(draw, config, path)
    return config


def mutate(draw: st.DrawFn, config: dict[str, Any], path: tuple[Any, ...]) -> None:
    """Change what stands at ``path``, if another mutation has left that place."""
    holder: Any = config
    *parents, key = path
    try:
        for parent in parents:
            holder = holder[parent]
        holder[key]
    except (KeyError, IndexError, TypeError):
        return
    if isinstance(holder, str):
        return
    value = holder[key]
    kinds = ["replace", "replace", "replace", "delete", "wrap"]
    kinds += ["misspell", "odd key"] if isinstance(holder, dict) else ["repeat", "turn"]
    kinds += ["scale"] if isinstance(value, int | float) and not isinstance(value, bool) else []
    kind = draw(st.sampled_from(kinds))
    if kind == "replace":
        holder[key] = draw(WRONG)
    elif kind == "delete":
        del holder[key]
    elif kind == "wrap":
        holder[key] = draw(st.sampled_from([[value], {"value": value}, str(value), [value, value]]))
    elif kind == "misspell":
        place = draw(st.integers(0, len(key) - 1))
        holder[key[:place] + key[place + 1 :]] = holder.pop(key)
    elif kind == "odd key":
        holder[draw(WRONG.filter(lambda odd: odd.__hash__))] = value
    elif kind == "repeat":
        holder.append(value)
    elif kind == "turn":
        holder.reverse()
    else:
        holder[key] = value * draw(st.sampled_from([-1, 0, 2, 3, 1000, 0.5]))


@mutations(220)
@given(config=mutated())
def test_mutated_presets(config):
    check(config)


@mutations(150)
@given(path=st.sampled_from(KEYS), value=WRONG | st.lists(WRONG, max_size=3))
def test_any_value_at_any_key_is_usable_or_names_the_key(path, value):
    config: Any = value
    for name in reversed(path.split(".")):
        config = {name: config}
    # one key changed alone may contradict another, which is named beside it
    check(config, {path})


@pytest.mark.parametrize("key", ["data.path", "teacher.name", "latency.table"])
@pytest.mark.parametrize("path", ["x" * 300, "é" * 200])
def test_a_path_that_no_system_call_takes_is_refused(key, path):
    section, name = key.split(".")
    other = {"latency": {}, "data": {"source": "local"}, "teacher": {"source": "local", "sha256": None}}
    with pytest.raises(UserError, match=f"{key} is") as caught:
        check_config({section: other[section] | {name: path}})
    refused_in_a_sentence(caught.value, {"File name too long"})


def test_budgets_that_would_give_one_name_are_refused():
    with pytest.raises(UserError, match=r"budgets\[1\] is named budget_0.5, as students.budgets\[0\] is; "):
        check_config({"students": {"budgets": [{"latency_ratio": 0.5}, {"latency_ratio": 0.50000001}]}})
    use(check_config({"students": {"budgets": [{"latency_ratio": 0.5}, {"latency_ratio": 0.500001}]}}))
    with pytest.raises(
        UserError, match=r"budgets\[0\] bounds nothing; allowed: at least one of latency_ratio, "
    ):
        check_config({"students": {"budgets": [{"parameters": None}]}})


# Text


def read(content: bytes) -> None:
    """Read the bytes as a configuration file; what is read is checked."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mine.yaml"
        path.write_bytes(content)
        try:
            config = read_config(path)
        except UserError as error:
            refused_in_a_sentence(error, {str(path)})
        else:
            check(config)


PIECES = [
    "\t",
    "\0",
    "\r",
    "\ufeff",
    "\u2028",
    "'",
    '"',
    "[",
    "}",
    ":",
    "- ",
    "&a ",
    "*a",
    "!!int ",
    "<<: 3\n",
    "? ",
    "|",
    "%",
    "#",
]


@mutations(150)
@given(
    text=st.sampled_from(TEXTS),
    place=st.floats(0, 1),
    length=st.integers(0, 30),
    piece=st.sampled_from([*map(str.encode, PIECES), b"\xff", b"\xed\xa0\x80"]) | st.binary(max_size=4),
    cut=st.sampled_from(["start", "end", "piece", "piece", "piece"]),
)
def test_mutated_text(text, place, length, piece, cut):
    content = text.encode()
    start = round(place * len(content))
    if cut == "start":
        content = content[:start]
    elif cut == "end":
        content = content[start:]
    else:
        content = content[:start] + piece + content[start + length :]
    read(content)


ABSURD = [
    "",
    "\n",
    "# nothing\n",
    "null",
    "3",
    "text",
    "[]",
    "- 1\n- 2\n",
    "{}",
    "---\n---\n",
    "{a: 1",
    "a: b: c",
    "%",
    "\t",
    "search:\n\tepisodes: 3\n",
    "search:\n  episodes: 3\n candidates: 2\n",
    '"a',
    "a: *b",
    "&a [*a]",
    "search: &a {space: *a}",
    "experiment: !!python/object/apply:os.getcwd []",
    "experiment: !!python/name:os.system",
    "experiment: !mine x",
    "experiment: !!binary =",
    "experiment: !!set {a}",
    "experiment: !!int a",
    "experiment: !!float ''",
    "experiment: !!bool x",
    "experiment: !!timestamp x",
    "experiment: !!null x",
    "experiment: 2024-13-45",
    "experiment: 2024-01-02",
    "experiment: 0b",
    "seeds: [0o7, 0x1f, 1:30, 1_0]",
    f"seeds: [{'9' * 5000}]",
    f"0x{'f' * 5000}: 1",
    "? [a]\n: 1",
    "? {a: 1}\n: 1",
    "<<: 3",
    "<<: {experiment: a}",
    "=: 1",
    "~: 1",
    "1.5: 1",
    "true: 1",
    "2024-01-02: 1",
    "[" * 5000,
    "{a: " * 2000,
    "- " * 3000,
    '{"experiment": "a"}',
    '{\t"experiment": "a"}',
    '{"experiment": "a", "experiment": "b"}',
    '{"a": NaN}',
    '{"experiment": "\\ud800"}',
    'data: {source: local, path: "a\\0b"}',
    'teacher: {source: local, sha256: null, name: "\\ud800"}',
]


@pytest.mark.parametrize("text", ABSURD, ids=lambda text: ascii(text[:24]))
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_absurd_files(text, encoding):
    read(text.encode(encoding))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "seeds: [1]\nreward: {beta: 1}\nseeds: [2]\n",
            "line 3, is not valid YAML .the key seeds appears",
        ),
        ("reward: {beta: 1, beta: 2}\n", "line 1, is not valid YAML .the key beta appears twice"),
        ('{"seeds": [1], "seeds": [2]}', "the key seeds appears twice"),
        ("reward:\n\tbeta: 1\n", "line 2, is not valid YAML .*indented by spaces"),
        ("- 1\n", r"mine.yaml is \[1\]; allowed: keys"),
        ("", "mine.yaml is empty; allowed: keys"),
    ],
)
def test_what_is_wrong_with_a_file_is_told_with_its_line(tmp_path, text, words):
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=words):
        read_config(path)


def test_presets_are_read_as_yaml_reads_them():
    assert [read_config(path) for path in FILES] == PRESETS


MAPPINGS = st.recursive(
    st.dictionaries(st.sampled_from("abc"), st.none() | st.integers(0, 1) | st.lists(st.integers(0, 1))),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner | st.integers(0, 1)),
    max_leaves=6,
)


@mutations(300)
@given(st.lists(MAPPINGS, min_size=1, max_size=3))
def test_several_files_are_put_together_as_by_snakemake(mappings):
    expected: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / f"{number}.yaml" for number in range(len(mappings))]
        for file, mapping in zip(files, mappings, strict=True):
            file.write_text(yaml.safe_dump(mapping), encoding="utf-8")
            update_config(expected, copy.deepcopy(mapping))
        assert read_configs(files) == expected


def test_a_later_file_overrides_single_keys(tmp_path):
    files = [tmp_path / "preset.yaml", tmp_path / "mine.yaml"]
    files[0].write_text("seeds: [1, 2]\ndata: {source: local, path: glue}\n", encoding="utf-8")
    files[1].write_text("seeds: [3]\ndata: {path: mine}\n", encoding="utf-8")
    assert read_configs(files) == {"seeds": [3], "data": {"source": "local", "path": "mine"}}
    files[1].write_text("data: &data {path: *data}\n", encoding="utf-8")
    with pytest.raises(UserError, match="mine.yaml has a mapping that contains itself"):
        read_configs(files)


def test_merged_mappings_may_share_keys(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("a: &a {x: 1, y: 2}\nb: {<<: *a, x: 3}\n", encoding="utf-8")
    assert read_config(path)["b"] == {"x": 3, "y": 2}


def test_a_file_that_is_not_there_or_a_folder_is_refused(tmp_path):
    for path in (tmp_path / "none.yaml", tmp_path):
        with pytest.raises(UserError) as caught:
            read_config(path)
        assert str(path) in str(caught.value)
