"""The configuration: defaults, every refusal with its sentence, and the generated reference."""

import copy
import datetime
import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from kdnas.commands.reference import PAGE, with_reference
from kdnas.config.check import check_config, check_run_config
from kdnas.config.cross_checks import cross_check
from kdnas.config.schema import SCHEMA_FILE, load_schema
from kdnas.config.validation import key_paths, validate
from kdnas.data.tasks import TASKS
from kdnas.errors import UserError
from kdnas.search.strategies import STRATEGIES
from kdnas.teachers.config_check import check_against_teacher

ROOT = Path(__file__).resolve().parents[2]
EMBEDDED = yaml.safe_load((ROOT / "config" / "config.yaml").read_text(encoding="utf-8"))
COMMIT = "0123456789abcdef0123456789abcdef01234567"
DEFAULTS = validate({})
STUDENT = DEFAULTS["students"]["hand_crafted"][0]
MINILM = {
    "model_type": "bert",
    "hidden_size": 384,
    "num_hidden_layers": 6,
    "num_attention_heads": 12,
    "intermediate_size": 1536,
    "max_position_embeddings": 512,
}
MODERN = {"model_type": "modernbert"}
WHOLE_HEADS = {  # of MiniLM's sizes
    "search__space__hidden_size": [192, 384],
    "search__space__attention_heads": [6, 12],
    "search__space__head_size": 32,
}


def nested(path, value):
    """Return ``{"a": {"b": value}}`` for the path ``a.b``."""
    for name in reversed(path.split(".")):
        value = {name: value}
    return value


def changed(**changes):
    """Return the validated default with the keys of ``a__b=value`` set to values."""
    config = validate({})
    for path, value in changes.items():
        *parents, name = path.split("__")
        section = config
        for parent in parents:
            section = section[parent]
        section[name] = value
    return config


def refusal(check, *arguments):
    with pytest.raises(UserError) as caught:
        check(*arguments)
    text = str(caught.value)
    assert "\n" not in text
    return text


# The schema and the defaults


def test_schema_is_valid_and_every_key_is_described_closed_and_has_a_default():
    Draft202012Validator.check_schema(yaml.safe_load(SCHEMA_FILE.read_text(encoding="utf-8")))

    def visit(schema, path, has_default):
        if "properties" in schema:
            assert schema["additionalProperties"] is False, path
            for name, key in schema["properties"].items():
                assert key["description"], f"{path}.{name}"
                given = has_default or "default" in key or name in schema.get("default", {})
                visit(key, f"{path}.{name}", given)
        else:
            assert has_default, path
            if "properties" in schema.get("items", {}):
                assert schema["items"]["additionalProperties"] is False, path

    visit(load_schema(), "", False)


@pytest.mark.parametrize("path", sorted((ROOT / "config").rglob("*.yaml")), ids=lambda path: path.name)
def test_no_key_stands_twice(path):
    """YAML's loader would silently take the last."""
    waiting = [yaml.compose(path.read_text(encoding="utf-8"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, yaml.MappingNode):
            names = [key.value for key, _ in node.value]
            assert len(names) == len(set(names)), names
            waiting += [value for _, value in node.value]
        elif isinstance(node, yaml.SequenceNode):
            waiting += node.value


def test_defaults_and_the_embedded_configuration_pass_every_check():
    for config in (DEFAULTS, validate(EMBEDDED)):
        cross_check(config)
        check_against_teacher(config, MINILM)


def test_every_default_is_that_of_its_own_key():
    """A default that stood at the wrong key would show when that key alone is left out."""
    for section in DEFAULTS:
        config = {name: value for name, value in DEFAULTS.items() if name != section}
        assert validate(config) == DEFAULTS


def test_partial_mappings_are_filled_at_every_level():
    config = validate({"search": {"space": {"layers": [2]}}, "distillation": {"glue": {"epochs": 9}}})
    assert config["search"]["space"] == {**DEFAULTS["search"]["space"], "layers": [2]}
    assert config["search"]["proxy"] == DEFAULTS["search"]["proxy"]
    assert config["distillation"]["glue"] == {**DEFAULTS["distillation"]["glue"], "epochs": 9}
    assert config["distillation"]["student"] == DEFAULTS["distillation"]["student"]


def test_input_and_defaults_are_not_shared_with_the_result():
    given_config = {"data": {"tasks": ["mnli"]}}
    before = copy.deepcopy(given_config)
    config = validate(given_config)
    config["data"]["tasks"].append("rte")
    config["students"]["hand_crafted"].clear()
    assert given_config == before
    assert validate({}) == DEFAULTS


def test_whole_numbers_for_number_keys_become_floats():
    config = validate({"reward": {"beta": 1, "alpha": -1}})
    assert isinstance(config["reward"]["beta"], float)
    assert isinstance(config["reward"]["alpha"], float)
    assert isinstance(config["search"]["episodes"], int)


@pytest.mark.parametrize("value", [None, 100, {"mnli": 100, "rte": None}])
def test_max_train_rows_takes_a_number_or_one_a_task(value):
    assert validate({"data": {"max_train_rows": value}})["data"]["max_train_rows"] == value


# What the schema refuses


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("search.episodes", 0, "search.episodes is 0; allowed: a whole number (at least 1)"),
        ("search.episodes", True, "search.episodes is true;"),
        ("search.episodes", 2.0, "search.episodes is 2.0;"),
        ("search.episodes", None, "search.episodes is null;"),
        ("search.episodes", "3", "write 3, without quotes"),
        ("search.episodes", 2**64, "search.episodes is a number of more than 64 bits"),
        ("search.controller.learning_rate", "3e-4", "write 3.0e-4, without quotes"),
        ("search.controller.learning_rate", "3.5e4", "write 3.5e+4, without quotes"),
        ("search.controller.learning_rate", "fast", "allowed: a number (above 0, at most 1)"),
        ("reward.beta", float("nan"), "reward.beta is NaN; allowed: a number (above 0)"),
        ("reward.beta", float("inf"), "reward.beta is Infinity;"),
        ("reward.beta", 10**400, "reward.beta is a number of more than 64 bits"),
        ("reward.beta", 0, "reward.beta is 0; allowed: a number (above 0)"),
        ("reward.alpha", 0.06, "reward.alpha is 0.06; allowed: a number (at most 0)"),
        ("reward.quality", "f1", 'reward.quality is "f1"; allowed: one of accuracy, loss, agr'),
        ("distillation.proxy.dropout", 1.0, "distillation.proxy.dropout is 1.0;"),
        ("latency.interval", True, "latency.interval is true;"),
        ("experiment", "a/b", 'experiment is "a/b"; allowed: text of letters'),
        ("experiment", "..", 'experiment is "..";'),
        ("experiment", "a\n", r'experiment is "a\n";'),
        ("experiment", "", 'experiment is "";'),
        ("experiment", 2024, "put the value in quotes"),
        ("experiment", datetime.date(2024, 1, 2), "put the value in quotes"),
        ("environment", "rocm", 'environment is "rocm"; allowed: one of cpu, cuda'),
        ("seeds", [], "seeds is []; allowed: a list, not empty"),
        ("seeds", [1, 1], "seeds is [1, 1]; allowed: a list, not empty, without repeats"),
        ("seeds", [1, -1], "seeds[1] is -1; allowed: a whole number (at least 0"),
        ("seeds", 1, "seeds is 1; allowed: a list"),
        ("data.tasks", ["mnli", "mnli"], "without repeats"),
        ("data.tasks", ["mnli", "IMDB"], 'data.tasks[1] is "IMDB"; allowed: one of cola, sst2'),
        ("data.revision", "main", "data.revision is"),
        ("data.diagnostic", "AX", 'data.diagnostic is "AX"; allowed: true or false'),
        ("data.max_train_rows", 0, "data.max_train_rows is 0;"),
        ("data.max_train_rows", {"IMDB": 5}, 'data.max_train_rows has the key "IMDB"; allowed: one of cola'),
        ("data.max_train_rows", {"mnli": 0}, "data.max_train_rows.mnli is 0;"),
        ("teacher.revision", COMMIT[:-1], "allowed: a full commit of 40"),
        ("search.strategies", ["lstm", "annealing"], 'search.strategies[1] is "annealing"; allowed: one of'),
        ("search.space.activation", ["tanh"], "allowed: one of gelu, relu, silu"),
        ("search.space", None, "search.space is null; allowed: a mapping with the keys layers"),
        ("search", [1], "search is [1]; allowed: a mapping with the keys task"),
        ("students.budgets", [{"latency_ratio": 1.5}], "students.budgets[0].latency_ratio is 1.5;"),
        ("students.hand_crafted", [{**STUDENT, "name": "A b"}], "students.hand_crafted[0].name is"),
        ("students.hand_crafted", [{"name": "a"}], "students.hand_crafted[0].layers is missing; allowed:"),
        ("fidelity.proxy_epochs", [-1], "fidelity.proxy_epochs[0] is -1; allowed: a whole number (at le"),
        ("distillation.initialisation", "fit", 'is "fit"; allowed: one of teacher, refit, random'),
        ("distillation.refit_rows", 0, "distillation.refit_rows is 0; allowed: a whole number (at least 1)"),
        ("fidelity.initialisations", [], "fidelity.initialisations is []; allowed: a list, not empty"),
        ("search.episods", 3, "search.episods is not a key of the configuration; did you mean search.epi"),
        ("episodes", 3, "did you mean search.episodes?"),
        ("colour", 3, "colour is not a key of the configuration; allowed: experiment, environment"),
    ],
)  # fmt: skip
def test_schema_refuses(path, value, words):
    assert words in refusal(validate, nested(path, value))


def test_a_key_with_a_line_break_stays_within_its_sentence():
    assert r"data.a\n is not a key" in refusal(validate, {"data": {"a\n": None}})


@pytest.mark.parametrize("config", [None, [], "text", 3, {1: 2}, {"search": {True: 1}}, {None: {}}])
def test_absurd_configurations_are_refused_in_a_sentence(config):
    assert "allowed" in refusal(validate, config)


def test_a_mapping_that_holds_itself_is_refused():
    config = yaml.safe_load("search: &a {space: *a}")
    assert "nested too deep" in refusal(validate, config)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8) | st.integers(), inner),
    max_leaves=6,
)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(path=st.sampled_from(sorted(key_paths(load_schema()))), value=VALUES)
def test_any_value_at_any_key_is_taken_or_refused_in_a_sentence(path, value):
    try:
        config = validate(nested(path, value))
        cross_check(config)
        check_against_teacher(config, MINILM)
    except UserError as error:
        assert "\n" not in str(error)
    else:
        json.dumps(config, allow_nan=False)


def test_the_first_problem_in_the_order_of_the_schema_is_reported():
    problems = {"training": {"threads": 0}, "search": {"episodes": 0, "typo": 1}}
    reversed_problems = dict(reversed(problems.items()))
    assert refusal(validate, problems) == refusal(validate, reversed_problems)
    assert "search.typo" in refusal(validate, problems)


def test_long_values_are_shortened():
    assert len(refusal(validate, {"experiment": "x/" * 5000})) < 300


# What a schema cannot say


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"experiment": "Store"}, "results/store is the store"),
        ({"search__task": "qnli"}, 'search.task is "qnli"; allowed: one of data.tasks (mnli, cola'),
        ({"data__source": "local"}, "data.path is null"),
        ({"data__diagnostic": True}, "data.diagnostic is true with data.source synthetic"),
        (
            {"data__diagnostic": True, "data__source": "hub", "data__tasks": ["rte"], "search__task": "rte"},
            "data.tasks rte; allowed: data.source local or hub, and mnli",
        ),
        ({"teacher__name": "no-module"}, 'teacher.name is "no-module"'),
        ({"teacher__name": "package.module"}, 'teacher.name is "package.module"'),
        ({"teacher__revision": COMMIT}, f'teacher.revision is "{COMMIT}"; allowed with teacher.source'),
        (
            {"teacher__source": "hub", "teacher__name": "owner/name", "teacher__sha256": None},
            "teacher.revision is null",
        ),
        (
            {"teacher__source": "hub", "teacher__name": "../x", "teacher__revision": COMMIT},
            'teacher.name is "../x"',
        ),
        ({"teacher__source": "local", "teacher__name": "models/mine"}, "teacher.sha256 is that of the"),
        ({"teacher__finetuned_on": "qnli"}, 'teacher.finetuned_on is "qnli"; allowed: null, or one of'),
        (
            {"teacher__finetuned_on": "stsb", "teacher__intermediate_tasks": {"stsb": "mnli"}},
            'teacher.finetuned_on is "stsb"; allowed',
        ),
        ({"teacher__intermediate_tasks": {"cola": "mnli", "mnli": "stsb"}}, 'tasks.cola is "mnli"; allowed'),
        ({"teacher__intermediate_tasks": {"stsb": "stsb"}}, 'intermediate_tasks.stsb is "stsb"; allowed: an'),
        ({"teacher__intermediate_tasks": {"stsb": "qnli"}}, 'stsb is "qnli"; allowed: another one of data'),
        ({"search__cohorts": 5}, "search.cohorts is 5; allowed: at most search.candidates, 4"),
        # 4 layers x 3 hidden sizes x 2 heads x 3 FFN sizes x 2 activations
        ({"search__episodes": 10}, "is 40; allowed: at most the 36 architectures"),
        ({"search__exploration__start": 0.01}, "search.exploration.end is 0.05"),
        # of widths 192, 288 and 384 two, three and three
        (
            {"search__space__embedding_size": [96, 192, 288], "search__episodes": 30},
            "is 120; allowed: at most the 96 architectures",
        ),
        (
            {"students__hand_crafted": [{**STUDENT, "embedding_size": 385}]},
            "(minilm_l3) has embedding_size 385 and hidden_size 384; allowed: an embedding size of at most",
        ),
        ({"fidelity__architectures": 2}, "fidelity.architectures is 2; allowed: 0, or 3 to 36, the number"),
        ({"fidelity__architectures": 37}, "fidelity.architectures is 37; allowed: 0, or 3 to 36"),
        ({"search__space__attention_heads": [6, 7]}, "has 192 and search.space.attention_heads has 7"),
        (
            {"search__space__head_size": 32},
            "search.space.hidden_size[1] is 288; allowed with search.space.head_size 32 and these "
            "search.space.attention_heads: 192, 384",
        ),
        (
            {"search__space__head_size": 48, "search__space__hidden_size": [288]},
            "search.space.attention_heads[1] is 12; allowed with search.space.head_size 48: a number of",
        ),
        ({"students__hand_crafted": [{**STUDENT, "hidden_size": 100}]}, "size 100 and attention_heads 12"),
        ({"students__hand_crafted": [STUDENT, STUDENT]}, '[1].name is "minilm_l3" a second time'),
        ({"students__hand_crafted": [{**STUDENT, "name": "teacher"}]}, 'name is "teacher"'),
        ({"students__hand_crafted": [{**STUDENT, "name": "lstm_best"}]}, 'name is "lstm_best"'),
        ({"students__hand_crafted": [{**STUDENT, "name": "random_budget_05"}]}, 'name is "random_budget_05"'),
        ({"students__hand_crafted": [{**STUDENT, "name": "lstm_no_worse_than_b"}]}, 'name is "lstm_no_worse'),
        ({"students__matched": ["tiny"]}, 'students.matched[0] is "tiny"; allowed: a name in students.'),
        (
            {"search__strategies": [], "students__matched": ["minilm_l3"]},
            "students.matched is a list of 1; allowed with search.strategies empty: an empty list",
        ),
        (
            {"search__strategies": [], "students__budgets": [{"size_mb": 30}, {"latency_ratio": 0.31}]},
            "students.budgets is a list of 2; allowed with search.strategies empty",
        ),
        (
            {"search__strategies": ["random", "constrained"]},
            "students.budgets is an empty list; allowed with constrained in search.strategies: at least one",
        ),
        (
            {"search__strategies": [], "students__hand_crafted": []},
            "students.hand_crafted is empty; allowed with search.strategies empty: at least one",
        ),
        ({"claims__baseline": "minilm_l3"}, 'claims.baseline is "minilm_l3"; allowed: null, or a name'),
        (
            {"distillation__losses__relations": 1.0, "distillation__relation_heads": 9},
            "search.space.hidden_size[0] is 192 and distillation.relation_heads is 9",
        ),
        ({"distillation__losses": dict.fromkeys(DEFAULTS["distillation"]["losses"], 0.0)}, "0 for all of"),
        (
            {
                "distillation__losses": {"hidden": 0.0, "logits": 0.0, "relations": 0.0, "labels": 1.0},
                "reward__quality": "loss",
            },
            'reward.quality is "loss"',
        ),
        (
            {
                "distillation__losses": {"hidden": 0.0, "logits": 0.0, "relations": 0.0, "labels": 1.0},
                "reward__quality": "agreement",
            },
            'reward.quality is "agreement"; allowed with distillation.losses 0 for all of hidden, logits, ',
        ),
        (
            {"distillation__student__epochs": 0},
            "distillation.student.epochs is 0; allowed with distillation.student.min_steps 0: at least 1",
        ),
        ({"teacher__training__epochs": 0, "teacher__training__min_steps": 0}, "training.epochs is 0; all"),
        (
            {"distillation__proxy__epochs": 0, "distillation__initialisation": "random"},
            "distillation.proxy.epochs is 0 and distillation.initialisation random; allowed without any",
        ),
        (
            {
                "fidelity__architectures": 3,
                "fidelity__proxy_epochs": [0, 1],
                "fidelity__initialisations": ["refit", "random"],
            },
            "fidelity.proxy_epochs is 0 and fidelity.initialisations random; allowed without any",
        ),
        ({"latency__min_rounds": 61}, "latency.max_rounds is 60; allowed: at least"),
        # 0.2 of 1200 is held out, 0.3 of 960 is 288; 0.3 of 100 is 30
        ({"distillation__proxy__batch_size": 289}, "at most the 288 rows"),
        # 288.96 rows are rounded, as by build_proxy
        (
            {"distillation__proxy__batch_size": 290, "search__proxy__share": 0.301},
            "at most the 289 rows of the proxy set (search.proxy.share 0.301 of 960 rows)",
        ),
        ({"data__max_train_rows": {"mnli": 100}}, "proxy.batch_size is 32; allowed: at most the 30"),
        (
            {"data__max_unlabelled_rows": {"cola": 5}, "data__max_train_rows": {"mnli": 600}},
            "data.max_unlabelled_rows has cola; allowed with data.source synthetic: a task of whose",
        ),
        (
            {"data__max_unlabelled_rows": {"mnli": 5}, "data__max_train_rows": {"mnli": 1000}},
            "data.max_unlabelled_rows has mnli; allowed with data.source synthetic",
        ),  # 1,000 and the 200 held out are all 1,200 rows
    ],
)  # fmt: skip
def test_cross_check_refuses(changes, words):
    assert words in refusal(cross_check, changed(**changes))


def test_tasks_that_cannot_be_generated_are_refused(monkeypatch):
    monkeypatch.setattr("synthetic_glue.TASKS", ("mnli", "rte"))
    words = refusal(cross_check, validate({}))
    assert words == "data.tasks has cola; allowed with data.source synthetic: mnli, rte"
    cross_check(changed(data__tasks=["rte", "mnli"]))
    cross_check(changed(data__source="hub"))


@pytest.mark.parametrize(
    "changes",
    [
        {"search__episodes": 9},
        {"fidelity__architectures": 3},
        {"fidelity__architectures": 36},
        {"distillation__proxy__batch_size": 288},
        {"data__max_train_rows": {"rte": 10}},
        {"data__source": "hub", "data__max_train_rows": 10},
        {"data__max_unlabelled_rows": {"mnli": 5}, "data__max_train_rows": {"mnli": 999}},
        {"data__max_unlabelled_rows": {"stsb": None}, "data__max_train_rows": {"stsb": 1199}},
        {"data__max_unlabelled_rows": {"rte": 5}},  # not in data.tasks
        {"data__source": "local", "data__path": "x", "data__max_unlabelled_rows": {"mnli": 5}},
        {
            "teacher__source": "hub",
            "teacher__name": "a/b",
            "teacher__revision": COMMIT,
            "teacher__sha256": None,
        },
        {"teacher__source": "local", "teacher__name": "../mine", "teacher__sha256": "0" * 64},
        {"distillation__relation_heads": 9},
        {"distillation__losses__relations": 1.0, "distillation__relation_heads": 96},
        {"distillation__losses": {"hidden": 0.0, "logits": 0.0, "relations": 0.0, "labels": 1.0}},
        {"students__hand_crafted": [], "students__budgets": []},
        {"search__strategies": []},
        {"latency__min_rounds": 60},
        {"teacher__intermediate_tasks": {"stsb": "mnli", "cola": "mnli"}},
        {"teacher__intermediate_tasks": {"rte": "qnli"}},  # none of them in data.tasks
        {"teacher__intermediate_tasks": {"stsb": None, "cola": "stsb"}, "teacher__finetuned_on": "stsb"},
    ],
)
def test_cross_check_takes_what_is_just_inside(changes):
    cross_check(changed(**changes))


def test_null_takes_back_an_earlier_files_intermediate_task():
    tasks = {"rte": None, "cola": "mnli"}
    config = check_config({"teacher": {"intermediate_tasks": tasks}})
    assert config["teacher"]["intermediate_tasks"] == {"cola": "mnli"}


# What depends on the teacher


@pytest.mark.parametrize(
    ("changes", "teacher", "words"),
    [
        ({}, {"model_type": "gpt2"}, "has model_type gpt2 in its config.json; allowed: one of bert"),
        (
            {},
            {"position_embedding_type": "relative_key_query"},
            "has position_embedding_type relative_key_query in its config.json; allowed: absolute",
        ),
        ({}, {"hidden_size": None}, "config.json has hidden_size None"),
        ({}, {"hidden_size": 192}, "search.space.hidden_size[1] is 288; allowed with distillation.init"),
        ({}, {"intermediate_size": 1024}, "search.space.ffn_size[1] is 1536;"),
        (
            {"distillation__initialisation": "random", "fidelity__architectures": 3},
            {"intermediate_size": 1024},
            "search.space.ffn_size[1] is 1536; allowed with 'teacher' in fidelity.initialisations",
        ),
        ({}, {"num_hidden_layers": 3}, "search.space.layers[2] is 4; allowed with distillation.init"),
        (
            {"search__strategies": [], "fidelity__architectures": 3},
            {"num_hidden_layers": 3},
            "search.space.layers[2] is 4; allowed with distillation.init",
        ),
        (
            {"students__hand_crafted": [{**STUDENT, "layers": 7}]},
            {},
            "students.hand_crafted[0].layers is 7;",
        ),
        (
            {"distillation__initialisation": "random", "distillation__losses": {"hidden": 1.0}},
            {"num_hidden_layers": 3},
            "search.space.layers[2] is 4; allowed with distillation.losses.hidden above 0",
        ),
        (
            {"distillation__losses__relations": 1.0},
            {"hidden_size": 392},
            "distillation.relation_heads is 12; allowed: a divisor of the teacher's hidden_size 392",
        ),
        ({"teacher__max_length": 513}, {}, "teacher.max_length is 513; allowed: at most the teacher's 512"),
        (
            {"latency__sequence_length": 513},
            {"model_type": "xlm-roberta", "max_position_embeddings": 514},
            "latency.sequence_length is 513; allowed: at most the teacher's 512",
        ),
        (
            {"teacher__max_length": 511},
            {"model_type": "roberta", "max_position_embeddings": 514, "pad_token_id": 3},
            "teacher.max_length is 511; allowed: at most the teacher's 510 positions",
        ),
        ({}, {"pad_token_id": -1}, "has pad_token_id -1 in its config.json; allowed: the id of a token"),
        ({}, {"vocab_size": 99, "pad_token_id": 99}, "has pad_token_id 99 in its config.json"),
        ({}, {"pad_token_id": "0"}, 'has pad_token_id "0" in its config.json; allowed: the id'),
        ({}, {"model_type": "roberta", "pad_token_id": None}, "has pad_token_id null in its config.json"),
        (
            {},
            {"model_type": "electra", "hidden_size": 768, "embedding_size": 288},
            "search.space.hidden_size[1] is 288; allowed: any other size",
        ),
        (
            {"search__space__embedding_size": [128]},
            {"model_type": "electra", "embedding_size": 64},
            "search.space.embedding_size[0] is 128; allowed: null, because the teacher's",
        ),
        (
            {"search__space__embedding_size": [128]},
            {"model_type": "mpnet", "max_position_embeddings": 514},
            "search.space.embedding_size[0] is 128; allowed: null, because students with factorised",
        ),
        (
            {"teacher__max_length": 511},
            {"model_type": "mpnet", "pad_token_id": 0},
            "teacher.max_length is 511; allowed: at most the teacher's 510 positions",
        ),
        (
            {},
            {"model_type": "mpnet", "relative_attention_num_buckets": 16},
            "has relative_attention_num_buckets 16 in its config.json; allowed: 32, which is all",
        ),
        ({}, {"model_type": "distilbert"}, "the teacher's config.json has dim None; allowed"),
        (
            {},
            {**MODERN, "norm_bias": True},
            "has norm_bias true in its config.json; allowed: false, which is what all published ones have",
        ),
        (
            WHOLE_HEADS | {"search__space__head_size": None},
            MODERN,
            "search.space has hidden_size 192 and attention_heads 12; allowed: heads of the teacher's 32",
        ),
        (
            WHOLE_HEADS
            | {"students__hand_crafted": [{**STUDENT, "hidden_size": 192, "attention_heads": 12}]},
            MODERN,
            "students.hand_crafted[0] has hidden_size 192 and attention_heads 12; allowed: heads of the",
        ),
        (
            WHOLE_HEADS | {"search__space__embedding_size": [128]},
            MODERN,
            "search.space.embedding_size[0] is 128; allowed: null, because students with factorised",
        ),
        (
            {},
            {"model_type": "distilbert", "dim": 384, "n_layers": 3, "n_heads": 12, "hidden_dim": 1536},
            "search.space.layers[2] is 4; allowed with distillation.init",
        ),
        (
            {"students__hand_crafted": [{**STUDENT, "embedding_size": 128}]},
            {"model_type": "electra", "embedding_size": 64},
            "students.hand_crafted[0].embedding_size is 128; allowed: null",
        ),
    ],
)  # fmt: skip
def test_teacher_check_refuses(changes, teacher, words):
    assert words in refusal(check_against_teacher, changed(**changes), {**MINILM, **teacher})


@pytest.mark.parametrize(
    ("changes", "teacher"),
    [
        ({"distillation__initialisation": "random"}, {"hidden_size": 192, "intermediate_size": 384}),
        (
            {"distillation__initialisation": "random", "distillation__losses__hidden": 0.0},
            {"num_hidden_layers": 2},
        ),
        (
            {
                "distillation__initialisation": "random",
                "fidelity__architectures": 3,
                "students__hand_crafted": [{**STUDENT, "ffn_size": 3072}],
            },
            {},
        ),
        ({"search__strategies": []}, {"num_hidden_layers": 3}),  # nothing comes from the space, which has 4
        ({"teacher__max_length": 512}, {}),
        ({}, {"model_type": "electra", "embedding_size": 384}),
        ({}, {"model_type": "roberta"}),
        ({}, {"model_type": "distilbert", "dim": 384, "n_layers": 6, "n_heads": 12, "hidden_dim": 1536}),
        ({}, {"model_type": "mpnet", "max_position_embeddings": 514, "pad_token_id": None}),
        (
            {"teacher__max_length": 513},
            {"model_type": "roberta", "max_position_embeddings": 514, "pad_token_id": 0},
        ),
        (WHOLE_HEADS, MODERN),
        ({"search__strategies": []}, MODERN),  # nothing comes from the space, which has narrower heads
        ({}, {"pad_token_id": None}),
        ({}, {"position_embedding_type": "absolute"}),
    ],
)
def test_teacher_check_takes_what_is_just_inside(changes, teacher):
    check_against_teacher(changed(**changes), {**MINILM, **teacher})


def test_token_types_of_two_texts_are_among_those_of_the_model():
    config, texts = changed(), {"pair_token_types": 2}
    assert config["search"]["task"] == "mnli"
    check_against_teacher(config, MINILM, texts)
    check_against_teacher(config, {**MINILM, "type_vocab_size": 1})  # it was not fetched yet
    check_against_teacher(config, {**MINILM, "type_vocab_size": 1}, {"pair_token_types": 1})
    words = refusal(check_against_teacher, config, {**MINILM, "type_vocab_size": 1}, texts)
    assert "gives the second text of a row of mnli the token type 1, but its config.json has " in words
    alone = copy.deepcopy(config)
    alone["data"]["tasks"] = ["sst2", "cola"]
    check_against_teacher(alone, {**MINILM, "type_vocab_size": 1}, texts)


# The schema and the library


def test_a_run_needs_a_name():
    """A file with single keys alone would be a run of the embedded default's, into its folder."""
    with pytest.raises(
        UserError, match="^experiment is missing; allowed: a name .*config/laptop.yaml mine.yaml"
    ):
        check_run_config({"seeds": [1, 2]})
    assert check_run_config({"experiment": "mine"})["experiment"] == "mine"


def test_schema_names_every_strategy_and_task_of_the_registries():
    keys = load_schema()["properties"]
    named, _, rest = keys["search"]["properties"]["task"]["title"].removeprefix("one of ").partition(", or ")
    assert (named.split(", "), rest) == (list(TASKS), "a name in data.custom_tasks")
    assert set(keys["search"]["properties"]["strategies"]["items"]["enum"]) == set(STRATEGIES)


def test_validation_imports_nothing_heavy():
    code = (
        "import sys; from kdnas.config.cross_checks import cross_check; "
        "from kdnas.config.validation import validate; cross_check(validate({})); "
        "print(sorted({'torch', 'transformers', 'datasets', 'evaluate', 'sklearn'} & set(sys.modules)))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "[]"


def test_reference_of_keys_is_up_to_date():
    text = PAGE.read_text(encoding="utf-8")
    assert text == with_reference(text), "docs/configuration.md is stale: run `make config-reference`"
    for path in key_paths(load_schema()):
        assert f"`{path}`" in text
