"""Deployment: exports against torch, int8, the gate, clients without torch, timing, table and figure."""

from __future__ import annotations

import errno
import json
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import fabricate
import numpy as np
import onnx
import pandas as pd
import pytest
import torch
from tiny import FACTORISABLE, FAMILY, write_data, write_student, write_teacher
from tokenizers import Tokenizer

from kdnas.config.check import check_config
from kdnas.data.frames import read_split
from kdnas.data.tasks import get_task
from kdnas.deployment import scoring
from kdnas.deployment.gate import LARGEST, Difference, check_same
from kdnas.deployment.scoring import deploy_models
from kdnas.deployment.timing import time_deployed
from kdnas.errors import UserError
from kdnas.figures.quality_speed import quality_speed_figure
from kdnas.files.artifacts import read_json, write_json
from kdnas.models.tokenizer import load_tokenizer
from kdnas.plan import jobs, table_names
from kdnas.runtimes import RUNTIMES, base, export, open_runtime, runtime_class
from kdnas.runtimes.base import Deployed
from kdnas.runtimes.instructions import cpu_flags
from kdnas.runtimes.onnx_runtime import ONNX, ONNX_INT8
from kdnas.runtimes.quantise import needs_reduced_range, quantise
from kdnas.search.space import Architecture
from kdnas.tables.deployment import deployment_table
from kdnas.tables.efficiency import efficiency_table
from kdnas.tables.glue import glue_table
from kdnas.tables.overview import deployed_choices, deployed_models, final_students, overview_text
from kdnas.tables.writing import csv_text

STUDENT = Architecture(2, 12, 3, 24, "gelu")
FACTORISED = Architecture(2, 12, 3, 24, "relu", 6)
ALL = list(RUNTIMES)
MAX_LENGTH = 12  # cuts some rows
LATENCY = {"runtime": "torch", "batch_size": 1, "sequence_length": 16, "cpu_threads": 1}
LATENCY |= {"warmup": 1, "min_rounds": 6, "max_rounds": 6, "interval": 0.5}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return {name: write_data(tmp_path_factory.mktemp("data") / name, name) for name in ("mnli", "stsb")}


@pytest.fixture(scope="module")
def student(teacher_base, tmp_path_factory):
    folder = tmp_path_factory.mktemp("student") / "model"
    return write_student(folder, teacher_base, STUDENT, "mnli", MAX_LENGTH)


def deploy(models, data, folder, task="mnli", names=ALL, int8_margin=100.0):
    deploy_models(
        models,
        task,
        data_folder=data[task],
        folder=folder,
        seed=1,
        max_length=MAX_LENGTH,
        runtimes=names,
        vocabulary="teacher",
        int8_margin=int8_margin,
        threads=1,
    )
    return read_json(folder / "scores.json")


@pytest.fixture(scope="module")
def deployed(student, data, tmp_path_factory):
    """The folder of the student, exported, with its scores."""
    folder = tmp_path_factory.mktemp("deployed") / "seed_1"
    deploy({"small": student}, data, folder)
    return folder


def graph_of(file: Path) -> onnx.ModelProto:
    return onnx.load(file)


# Export


@pytest.mark.parametrize(
    ("task", "family", "architecture"),
    [
        *((task, "bert", shape) for task in ("stsb", "mnli") for shape in (STUDENT, FACTORISED)),
        *(("mnli", family, STUDENT) for family in FAMILY[1:]),
        *(("mnli", family, FACTORISED) for family in FACTORISABLE[1:]),
    ],
)
def test_every_family_goes_through_export_gate_and_int8(task, family, architecture, data, tmp_path):
    base = write_teacher(tmp_path / "base", family)
    model = write_student(tmp_path / "model", base, architecture, task, MAX_LENGTH)
    found = deploy({"small": model}, data, tmp_path / "deployed", task)
    by_runtime = {row["runtime"]: row for row in found["models"]}
    assert list(by_runtime) == ALL
    assert by_runtime["onnxruntime"]["largest_difference"] <= LARGEST
    assert by_runtime["onnxruntime"]["changed_rows"] == (0 if task == "mnli" else None)
    for split, scores in by_runtime["onnxruntime"]["scores"].items():
        assert scores == pytest.approx(by_runtime["torch"]["scores"][split], abs=1e-4)
    assert 0 < by_runtime["onnxruntime_int8"]["largest_difference"] < 3
    assert sum(found["rows"].values()) == 64 * len(found["rows"])


def test_file_says_its_inputs_opset_and_producer(deployed, student):
    graph = graph_of(deployed / "small" / ONNX)
    names = json.loads((student / "tokenizer_config.json").read_text())["model_input_names"]
    assert [value.name for value in graph.graph.input] == names
    shapes = [[size.dim_param for size in value.type.tensor_type.shape.dim] for value in graph.graph.input]
    assert shapes == [["batch", "tokens"]] * len(names)
    assert [value.name for value in graph.graph.output] == ["logits"]
    metadata = {entry.key: entry.value for entry in graph.metadata_props}
    assert metadata["opset"] == "17" == str(graph.opset_import[0].version)
    assert metadata["producer"].startswith("kdnas with torch")
    assert metadata["classes"] == ", ".join(get_task("mnli").labels)
    assert "Dropout" not in {node.op_type for node in graph.graph.node}


def test_the_same_model_gives_the_same_bytes(deployed, student, tmp_path):
    export.export_classifier(student, tmp_path / ONNX)
    assert (tmp_path / ONNX).read_bytes() == (deployed / "small" / ONNX).read_bytes()


def test_operator_that_cannot_be_exported_is_one_sentence(student, data, tmp_path, monkeypatch):
    class Bessel(torch.nn.Module):
        def forward(self, states):
            return torch.special.bessel_j0(states)[:, :3]

    def load(folder):
        model = runtimes_load(folder)
        model.classifier = Bessel()
        return model

    runtimes_load = export.load_classifier
    monkeypatch.setattr(export, "load_classifier", load)
    with pytest.raises(UserError, match=r"model cannot be exported to ONNX \(.*bessel_j0") as error:
        deploy({"small": student}, data, tmp_path / "deployed")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "deployed").exists()


def test_full_disk_is_one_sentence(student, data, tmp_path, monkeypatch):
    def save(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(onnx, "save", save)
    with pytest.raises(UserError, match="cannot write .*deployed: No space left on device"):
        deploy({"small": student}, data, tmp_path / "deployed")
    assert not (tmp_path / "deployed").exists()


# int8


def test_int8_has_weights_by_channel_and_embeddings_in_float(deployed):
    graph = graph_of(deployed / "small" / ONNX_INT8).graph
    kinds = {value.name: value.data_type for value in graph.initializer}
    sizes = {value.name: list(value.dims) for value in graph.initializer}
    quantised = [
        name for name, kind in kinds.items() if kind == onnx.TensorProto.INT8 and len(sizes[name]) == 2
    ]
    assert len(quantised) >= 6 * STUDENT.layers
    for name in quantised:
        assert sizes[name.replace("_quantized", "_scale")] == sizes[name][1:]
    tables = [name for name in kinds if "embeddings" in name and name.endswith("weight")]
    assert {kinds[name] for name in tables if "LayerNorm" not in name} == {onnx.TensorProto.FLOAT}


def products(file: Path) -> list[str]:
    """Where the matrix products that an ONNX file has in float32 stand: by layer, or the head."""
    nodes = [node.name for node in graph_of(file).graph.node if node.op_type in ("MatMul", "Gemm")]
    # without weights: of attention, which stands beside the output's scope where it is of the first token
    attention = tuple(
        f"/{place}/{name}" for place in ("self", "attention/output") for name in ("MatMul", "MatMul_1")
    )
    of_weights = [name for name in nodes if not name.endswith(attention)]
    return sorted({found[1] if (found := re.search(r"layer\.(\d)", name)) else "head" for name in of_weights})


def test_layers_that_are_left_in_float_are_the_last_and_the_head(deployed, tmp_path):
    for layers, left in ((0, []), (1, ["1", "head"]), (2, ["0", "1", "head"])):
        quantise(deployed / "small" / ONNX, tmp_path / "q.onnx", reduce_range=False, float_layers=layers)
        assert products(tmp_path / "q.onnx") == left


@pytest.mark.parametrize(
    ("points", "margin", "kept"),
    [
        ({0: 80.0}, 0.5, 0),  # loses nothing
        ({0: 60.0, 1: 79.8}, 0.5, 1),
        ({0: 60.0, 1: 70.0}, 0.5, 1),  # half of two layers is one: there is no other to try
        ({0: 70.0, 1: 60.0}, 0.5, 0),  # the better one, although it loses too much
        ({0: 60.0}, 30.0, 0),
    ],
)
def test_int8_that_loses_too_much_keeps_its_last_layers_in_float(
    points, margin, kept, student, data, tmp_path, monkeypatch
):
    """Two rows of 64 or more change their class, which explains no more than five points."""
    tried = []

    def quantised(source, target, *, reduce_range, float_layers):
        tried.append(float_layers)
        quantise(source, target, reduce_range=reduce_range, float_layers=float_layers)

    def points_of(logits, *rest):
        return 80.0 if not tried else points[tried[-1]]

    monkeypatch.setattr(scoring, "quantise", quantised)
    monkeypatch.setattr(scoring, "_points", points_of)
    monkeypatch.setattr(Difference, "chance", property(lambda self: 0.1))
    found = deploy({"small": student}, data, tmp_path / "deployed", int8_margin=margin)
    assert tried == list(points)
    by_runtime = {row["runtime"]: row["float_layers"] for row in found["models"]}
    assert by_runtime == {"torch": None, "onnxruntime": None, "onnxruntime_int8": kept}
    assert bool(products(tmp_path / "deployed" / "small" / ONNX_INT8)) == bool(kept)
    assert not (tmp_path / "deployed" / "small" / "tried").exists()


def test_what_chance_explains_are_two_standard_errors():
    """Of 400 rows 16 change: right or wrong as a coin falls, the sum's standard error is 4 rows."""
    logits = np.tile([0.0, 1.0], (400, 1))
    other = logits.copy()
    other[:16] = [1.0, 0.0]
    assert Difference.between(
        {"a": logits}, {"a": other}, kind=get_task("sst2").kind
    ).chance == pytest.approx(100 * 2 * 4 / 400)
    assert Difference(0.2, None, 400).chance == 0


def test_int8_gives_a_row_the_same_logits_in_any_company(student, deployed, data):
    """It is scored row by row, so that the score is one of the file alone."""
    found = open_runtime("onnxruntime_int8", Deployed(student, deployed / "small"), threads=1)
    assert found.rows_at_once == 1
    ids = np.array([[4, 9, 30, 5], [5, 50, 61, 7]])
    batch = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
    alone = found.logits({name: value[:1] for name, value in batch.items()})
    assert found.logits(batch)[:1] == pytest.approx(alone, abs=0.2)


@pytest.mark.parametrize(
    ("text", "reduced"),
    [
        ("processor : 0\nflags\t\t: fpu avx2 fma\n", True),
        ("flags : avx2 avx512f\n", True),
        ("flags : avx2 avx512f avx512_vnni\nflags : avx2\n", False),
        ("flags : avx2 avx_vnni\n", False),
        ("Features : fp asimd asimddp\n", False),  # an Arm CPU
        ("", False),
    ],
)
def test_weights_keep_to_7_bits_where_an_x86_cpu_has_no_vnni(text, reduced, tmp_path):
    (tmp_path / "cpuinfo").write_text(text)
    assert needs_reduced_range(cpu_flags(tmp_path / "cpuinfo")) == reduced
    assert cpu_flags(tmp_path / "none") == set()


# The gate


def test_gate_tells_a_changed_class_and_a_logit_that_differs():
    logits = {"a": np.array([[1.0, 2.0], [3.0, 1.0]]), "b": np.array([[0.0, 1.0]])}
    kind = get_task("mnli").kind
    same = Difference.between(logits, {name: value + 5e-5 for name, value in logits.items()}, kind=kind)
    check_same("small", get_task("mnli"), same)
    flipped = logits | {"b": np.array([[1.00001, 1.0]])}
    with pytest.raises(UserError, match=r"small on mnli .* up to 1, another class on 1 rows"):
        check_same("small", get_task("mnli"), Difference.between(logits, flipped, kind=kind))
    with pytest.raises(UserError, match=r"up to 0\.001; allowed: 0\.0001"):
        check_same("small", get_task("stsb"), Difference(1e-3, None, 3))
    with pytest.raises(UserError, match="inf"):
        check_same(
            "small",
            get_task("mnli"),
            Difference.between(logits, logits | {"b": np.array([[np.nan, 1.0]])}, kind=kind),
        )


def test_gate_holds_label_sets_to_the_same_labels():
    task = get_task(
        {
            "name": "t",
            "text_columns": ["a"],
            "labels": ["x", "y"],
            "metrics": ["micro_f1"],
            "multi_label": True,
        }
    )
    logits = {"a": np.array([[1.0, 2.0], [-1.0, -2.0]])}
    swapped = {"a": np.array([[2.0, 1.0], [-2.0, -1.0]])}  # another likeliest label, the same sets
    assert Difference.between(logits, swapped, kind=task.kind).changed_rows == 0
    near = {"a": np.array([[1e-5, 1.0]])}
    found = Difference.between(near, {"a": np.array([[-1e-5, 1.0]])}, kind=task.kind)
    with pytest.raises(UserError, match="up to 2e-05, other labels on 1 rows; allowed: .* no other label"):
        check_same("small", task, found)


def test_gate_measures_numbers_by_the_spread_of_their_labels():
    prices = {"name": "prices", "text_columns": ["a"], "labels": None, "metrics": ["pearson"]}
    check_same("small", get_task(prices | {"scale": [0.0, 30.0]}), Difference(2.9e-3, None, 3))
    with pytest.raises(UserError, match=r"up to 0\.0031; allowed: 0\.003 "):
        check_same("small", get_task(prices | {"scale": [0.0, 30.0]}), Difference(3.1e-3, None, 3))
    with pytest.raises(UserError, match=r"up to 2e-05; allowed: 1e-05 "):
        check_same("small", get_task(prices | {"scale": [0.0, 0.1]}), Difference(2e-5, None, 3))


@pytest.mark.parametrize("factor", [1.01, -1.0])
def test_an_export_with_other_weights_ends_the_job(factor, student, data, tmp_path, monkeypatch):
    def tampered(folder, file):
        export.export_classifier(folder, file)
        model = graph_of(file)
        weights = next(value for value in model.graph.initializer if value.name.endswith("classifier.weight"))
        weights.CopyFrom(
            onnx.numpy_helper.from_array(factor * onnx.numpy_helper.to_array(weights), weights.name)
        )
        onnx.save(model, file)

    monkeypatch.setattr(scoring, "export_classifier", tampered)
    with pytest.raises(
        UserError, match="the ONNX file of small on mnli does not give what torch gives"
    ) as error:
        deploy({"small": student}, data, tmp_path / "deployed")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "deployed").exists()


# Runtimes


def test_runtime_that_is_not_installed_is_one_sentence(student, data, tmp_path, monkeypatch):
    monkeypatch.setattr(base.util, "find_spec", lambda name: None)
    sentence = (
        "the runtime onnxruntime needs the package onnx, which is not installed; install "
        "requirements/requirements.txt, or choose latency.runtime and deployment.runtimes without it"
    )
    with pytest.raises(UserError) as error:
        deploy({"small": student}, data, tmp_path / "deployed")
    assert str(error.value) == sentence


@pytest.mark.parametrize("name", ["onnxruntime", "onnxruntime_int8"])
def test_damaged_file_is_one_sentence(name, student, deployed, tmp_path):
    file = runtime_class(name).path(Deployed(student, deployed / "small"))
    (tmp_path / "small").mkdir()
    (tmp_path / "small" / file.name).write_bytes(file.read_bytes()[:2000])
    with pytest.raises(UserError, match=rf"{file.name} is damaged .*; delete {tmp_path} and run") as error:
        open_runtime(name, Deployed(student, tmp_path / "small"), threads=1)
    assert "\n" not in str(error.value)


CLIENT = """
import json, sys
sys.modules["torch"] = sys.modules["transformers"] = None  # not there
import numpy, onnxruntime, tokenizers
folder, file, rows = json.load(sys.stdin)
tokenizer = tokenizers.Tokenizer.from_file(folder + "/tokenizer.json")
session = onnxruntime.InferenceSession(folder + "/" + file, providers=["CPUExecutionProvider"])
right = 0
for texts, label in rows:
    row = tokenizer.encode(*texts)
    given = {"input_ids": row.ids, "attention_mask": row.attention_mask, "token_type_ids": row.type_ids}
    feed = {value.name: numpy.array([given[value.name]]) for value in session.get_inputs()}
    right += int(session.run(["logits"], feed)[0].argmax()) == label
print(right / len(rows))
"""


def test_tokenizer_cuts_as_in_training_and_pads_nothing(student, tmp_path):
    """That of MiniLM pads all texts to 128 tokens by itself."""
    tokenizer = load_tokenizer(student)
    tokenizer.backend_tokenizer.enable_padding(length=20)
    export.write_tokenizer(tokenizer, tmp_path / "tokenizer.json", MAX_LENGTH)
    written = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    assert len(written.encode("w1 w2").ids) == 4
    assert len(written.encode(" ".join(["w1"] * 30), "w2").ids) == MAX_LENGTH


@pytest.mark.parametrize("file", [ONNX, ONNX_INT8])
def test_client_without_torch_gets_the_printed_score(file, deployed, data):
    frame = read_split(data["mnli"], "validation_matched")
    columns = get_task("mnli").text_columns
    rows = [([row[column] for column in columns], row["label"]) for row in frame.to_dict("records")]
    given = json.dumps([str(deployed / "small"), file, rows])
    process = subprocess.run(
        [sys.executable, "-c", CLIENT], input=given, capture_output=True, text=True, check=False
    )
    assert process.returncode == 0, process.stderr
    runtime = {ONNX: "onnxruntime", ONNX_INT8: "onnxruntime_int8"}[file]
    entries = read_json(deployed / "scores.json")["models"]
    printed = next(entry["scores"] for entry in entries if entry["runtime"] == runtime)
    assert float(process.stdout) == pytest.approx(printed["validation_matched"]["accuracy"])


def test_all_models_are_timed_in_all_runtimes_in_the_same_rounds(student, deployed, capsys):
    models = dict.fromkeys(("teacher", "small"), Deployed(student, deployed / "small"))
    found = time_deployed(models, ALL, LATENCY)
    assert [(row["model"], row["runtime"]) for row in found["models"]] == [
        (model, runtime) for model in models for runtime in ALL
    ]
    reference, same = found["models"][0], found["models"][1]
    assert reference["ratio"] == reference["ratio_low"] == reference["ratio_same_runtime"] == 1
    assert same["ratio_same_runtime"] == 1 and same["latency_ms"] > 0
    assert {row["rounds"] for row in found["models"]} == {6}
    memory = {row["runtime"]: row["memory_mb"] for row in found["models"]}
    # a client without torch needs a fraction of the memory
    assert 20 < memory["onnxruntime_int8"] < 0.6 * memory["torch"]
    assert found["hardware"]["onnxruntime"] == metadata.version("onnxruntime")
    assert "teacher in onnxruntime_int8" in capsys.readouterr().out


# The configuration


def test_without_runtimes_nothing_is_exported():
    config = check_config({"deployment": {"runtimes": []}})
    rules = {job.rule for job in jobs(config)}
    assert not rules & {"export_models", "profile_deployment", "table_deployment"}


def test_with_a_latency_table_nothing_is_timed():
    config = check_config({"latency": {"table": "latency.csv"}})
    rules = {job.rule for job in jobs(config)}
    assert "deployment" in table_names(config)
    assert {"export_models", "profile_deployment"} & rules == {"export_models"}


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (["onnxruntime"], "deployment.runtimes is onnxruntime; allowed: an empty list, or torch among them"),
        (["torch", "tvm"], "deployment.runtimes"),
    ],
)
def test_runtimes_are_registered_ones_and_torch_is_among_them(names, sentence):
    with pytest.raises(UserError, match=sentence):
        check_config({"deployment": {"runtimes": names}})


def test_smaller_vocabulary_of_nothing_is_refused():
    with pytest.raises(
        UserError, match=r"^deployment.vocabulary is used; allowed with .*runtimes \[\]: teacher"
    ):
        check_config({"deployment": {"runtimes": [], "vocabulary": "used"}})


# Table, figure, first page

SPEEDS = {"torch": 1.0, "onnxruntime": 1.25, "onnxruntime_int8": 2.5}
LOST = {"torch": 0.0, "onnxruntime": 0.0, "onnxruntime_int8": 0.004}


@pytest.fixture(scope="module")
def made_up(tmp_path_factory):
    """A made-up run with a deployment stage: its tables, and the forms that the figure reads."""
    folder = tmp_path_factory.mktemp("run")
    run = fabricate.run(folder, tasks=["sst2", "stsb"], seeds=(1, 2))
    records = [read_json(path) for path in run["metrics"]]
    models = list(dict.fromkeys(record["model"] for record in records))
    folders = []
    for task, seed in {(record["task"], record["seed"]): None for record in records}:
        found = {
            record["model"]: record for record in records if (record["task"], record["seed"]) == (task, seed)
        }
        entries = []
        for model in models:
            for runtime, lost in LOST.items():
                of_model = 3 * lost if model == models[1] else lost
                scores = {
                    split: {name: value - of_model for name, value in values.items()}
                    for split, values in found[model]["scores"].items()
                }
                entry = {
                    "model": model,
                    "runtime": runtime,
                    "scores": scores,
                    "largest_difference": 10 * lost,
                }
                changed = None if task == "stsb" else 8 * (lost > 0)
                entries.append(entry | {"size_mb": 90.0 if lost == 0 else 60.0, "changed_rows": changed})
                entries[-1]["float_layers"] = (model == models[1]) if runtime == "onnxruntime_int8" else None
        shared = {
            key: found[models[0]][key] for key in ("task", "seed", "synthetic", "rows", "official_rows")
        }
        folders.append(folder / f"deployment/{task}/seed_{seed}")
        write_json(folders[-1] / "scores.json", shared | {"reduce_range": False, "models": entries})
    rows = []
    for position, model in enumerate(models):
        for runtime, speed in SPEEDS.items():
            own = 1 - 0.13 * position
            row = {"model": model, "runtime": runtime, "latency_ms": 20 * own / speed, "rounds": 20}
            for name, ratio in (("ratio", own / speed), ("ratio_same_runtime", own)):
                row |= {name: ratio, f"{name}_low": 0.98 * ratio, f"{name}_high": 1.02 * ratio}
            rows.append(row)
    protocol = {"batch_size": 1, "sequence_length": 128, "threads": 1}
    content = {"protocol": protocol, "hardware": {"device_name": "Some CPU", "onnxruntime": "1.32"}}
    write_json(folder / "latency/deployment.json", content | {"models": rows})
    latency = folder / "latency/deployment.json"
    tasks = ["sst2", "stsb"]
    table = deployment_table(folders, tasks, latency=latency, margin=0.5)
    first = {
        kind: next(path for path in run["metrics"] if path.parts[-4] == kind)
        for kind in ("teacher", *models[1:])
    }
    forms = {
        "glue": glue_table(run["metrics"], tasks),
        "efficiency": efficiency_table(
            first["teacher"],
            [first[model] for model in models[1:]],
            architectures=run["architectures"],
            latencies=run["latencies"],
        ),
        "deployment": table,
    }
    for name, form in forms.items():
        (folder / f"{name}.csv").write_text(csv_text(form))
    return {"table": table, "models": models, "folder": folder, "folders": folders, "tasks": tasks}


def test_table_says_scores_speeds_and_who_loses_too_much(made_up):
    table, models = made_up["table"], made_up["models"]
    assert len(table.data) == len(table.shown) == 3 * len(models)
    by_pair = table.data.set_index(["model", "runtime"])
    scores = (
        pd.read_csv(made_up["folder"] / "glue.csv").query("task == 'average'").set_index("model")["score"]
    )
    for model in models:
        assert by_pair.loc[(model, "torch"), "score"] == pytest.approx(scores[model])
    teacher = by_pair.loc[("teacher", "onnxruntime_int8")]
    assert teacher["speedup"] == pytest.approx(2.5) and teacher["speedup_same_runtime"] == pytest.approx(1)
    assert teacher["speedup_low"] == pytest.approx(2.5 / 1.02)
    assert teacher["lost"] == pytest.approx(0.4) and teacher["changed_share"] == pytest.approx(2)
    last = by_pair.loc[(models[-1], "onnxruntime_int8")]
    own = 1 - 0.13 * (len(models) - 1)
    assert last["speedup"] == pytest.approx(2.5 / own)
    assert last["speedup_same_runtime"] == pytest.approx(1 / own)
    losers = [note for note in table.notes if "LOSES" in note]
    assert losers == [
        f"{models[1]} LOSES 1.20 points of its average in onnxruntime_int8, more than "
        "deployment.int8_margin (0.5)."
    ]


def test_table_of_a_run_that_was_not_timed_has_no_times(made_up):
    table = deployment_table(made_up["folders"], made_up["tasks"], latency=None, margin=5)
    assert "CPU (ms)" not in table.shown and table.data["speedup"].isna().all()
    assert any(note.startswith("Not timed") for note in table.notes)
    assert any(note.startswith("No model loses more") for note in table.notes)


def test_figure_shows_every_model_in_every_runtime(made_up):
    csv = {name: made_up["folder"] / f"{name}.csv" for name in ("glue", "efficiency", "deployment")}
    figure = quality_speed_figure(csv["glue"], csv["efficiency"], "cpu", deployment=csv["deployment"])
    (axes,) = figure.axes
    points = [line for line in axes.lines if line.get_linestyle() == "None"]
    assert len(points) == 3 * len(made_up["models"])
    filled = [line for line in points if line.get_markerfacecolor() != "white"]
    assert len(filled) == len(made_up["models"]) and {line.get_marker() for line in filled} == {"o"}
    assert (2.5, "white") in {
        (round(float(line.get_xdata()[0]), 2), line.get_markerfacecolor()) for line in points
    }
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert set(ALL) <= set(legend) and "teacher" in legend
    plain = quality_speed_figure(csv["glue"], csv["efficiency"], "cpu")
    assert "in torch" not in plain.axes[0].get_xlabel()


def test_figure_of_a_latency_table_has_no_intervals(made_up, tmp_path):
    table = pd.read_csv(made_up["folder"] / "efficiency.csv").assign(
        cpu_speedup_low=None, cpu_speedup_high=None
    )
    table.to_csv(tmp_path / "efficiency.csv", index=False)
    figure = quality_speed_figure(made_up["folder"] / "glue.csv", tmp_path / "efficiency.csv", "cpu")
    assert len(figure.axes[0].texts) == len(made_up["models"]) - 1


def test_first_page_names_the_file_of_the_fastest_runtime(made_up, tmp_path):
    folder = made_up["folder"]
    students = final_students(folder / "glue.csv", folder / "efficiency.csv", "cpu")
    models = deployed_models(students, folder / "deployment.csv")
    chosen = deployed_choices(models)
    assert "teacher" not in set(chosen["student"])
    timed = models[models["model"] != "teacher"]
    for row in chosen.itertuples():
        assert row.speedup == timed.loc[timed["share"] >= row.keeps, "speedup"].max()
    (tmp_path / "figure.png").write_bytes(b"\x89PNG")
    pages = [
        overview_text(
            students,
            results="results/mine",
            task="sst2",
            seed=3,
            timed_in="CPU, onnxruntime_int8",
            synthetic=True,
            figure=tmp_path / "figure.png",
            deployed=models.assign(copied=copied),
        )
        for copied in (False, True)
    ]
    page = pages[0]
    assert not models["copied"].any()
    assert "For torch there is ``results/mine/students/<student>/sst2/seed_3/model``." in page
    assert "For torch there is ``results/mine/deployment/sst2/seed_3/<student>/model``." in pages[1]
    int8 = chosen[chosen["runtime"] == "onnxruntime_int8"].iloc[0]["student"]
    assert f"``results/mine/deployment/sst2/seed_3/{int8}/model_quantized.onnx``" in page
    assert "The teacher itself is in onnxruntime 1.25 times as fast" in page
