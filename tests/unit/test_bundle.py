"""Bundles: what is in them, what their card says, that clients get the promised scores, and the upload."""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import json
import random
import re
import shutil
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch
from huggingface_hub import ModelCard, constants
from safetensors.torch import load_file, save_file
from scipy.special import softmax
from tiny import WORDS, write_data, write_student, write_teacher
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from kdnas.__main__ import main
from kdnas.data.tasks import get_task
from kdnas.deployment import verify as verifying
from kdnas.deployment.bundle import write_bundle
from kdnas.deployment.card import Facts, card
from kdnas.deployment.scoring import deploy_models
from kdnas.deployment.verify import (
    NODE,
    ONNXRUNTIME,
    TRANSFORMERS,
    logits_of,
    node_folder,
    verify,
    why_no_node,
)
from kdnas.files.artifacts import read_json, write_json
from kdnas.runtimes import RUNTIMES
from kdnas.search.space import Architecture

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = ROOT / "kdnas" / "deployment" / "clients"
SHAPE = Architecture(2, 12, 3, 24, "gelu", 6)
MAX_LENGTH = 12  # cuts some rows
FLOAT, INT8 = "onnx/model.onnx", "onnx/model_quantized.onnx"
LATENCY = {
    "protocol": {"batch_size": 1, "sequence_length": 64, "threads": 1},
    "hardware": {"device_name": "Some CPU", "onnxruntime": "1.32"},
    "models": [
        {"model": "small", "runtime": "torch", "latency_ms": 3.0, "rounds": 20, "memory_mb": 250.4}
        | {"ratio": 0.25, "ratio_low": 0.2, "ratio_high": 0.5}
        | {"ratio_same_runtime": 0.25, "ratio_same_runtime_low": 0.2, "ratio_same_runtime_high": 0.5}
    ],
}

needs_node = pytest.mark.skipif(why_no_node() is not None, reason=f"transformers.js: {why_no_node()}")


def make_facts(model: Path, task: str, exported: dict, **changes) -> Facts:
    """Return the facts of the student in ``model``, as rule bundle_student finds them."""
    scores = next(row["scores"] for row in exported["models"] if row["runtime"] == "torch")
    rows = dict.fromkeys(scores, 64)
    own = {"seed": 1, "scores": scores, "rows": rows, "parameters": 5000, "train_rows": 1064}
    facts = Facts(
        student="small",
        task=get_task(task),
        seed=1,
        max_length=MAX_LENGTH,
        licence=None,
        timed_on=task,
        architecture={"architecture": SHAPE.to_dict(), "origin": "lstm", "rule": "best"},
        metrics=[own | {"unlabelled_rows": 0}],
        model_type=read_json(model / "config.json")["model_type"],
        inputs=read_json(model / "tokenizer_config.json")["model_input_names"],
        teacher={"source": "local", "name": "big", "revision": None, "sha256": "0" * 64},
        teacher_metrics={"parameters": 20_000},
        source="local",
        exported=exported,
        latency=None,
    )
    return dataclasses.replace(facts, **changes)


def make(
    place: Path,
    task: str,
    family: str = "bert",
    runtimes: tuple[str, ...] = tuple(RUNTIMES),
    shape: Architecture = SHAPE,
) -> dict:
    """Train nothing, but export, check, quantise and bundle a student of a family of teachers."""
    model = write_student(place / "model", write_teacher(place / "base", family), shape, task, MAX_LENGTH)
    data = write_data(place / "data" / task, task)
    deploy_models(
        {"small": model},
        task,
        data_folder=data,
        folder=place / "exported",
        seed=1,
        max_length=MAX_LENGTH,
        runtimes=runtimes,
        vocabulary="teacher",
        int8_margin=100.0,
        threads=1,
    )
    facts = make_facts(model, task, read_json(place / "exported" / "scores.json"))
    folder = place / "bundles" / "small" / task / "seed_1"
    write_bundle(folder, model=model, exported=place / "exported" / "small", data=data, facts=facts)
    return {"folder": folder, "data": data, "facts": facts, "model": model, "exported": place / "exported"}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make(tmp_path_factory.mktemp("mnli"), "mnli")


@pytest.fixture
def copied(made, tmp_path):
    """A copy of the bundle that a test may damage."""
    return Path(shutil.copytree(made["folder"], tmp_path / "copy"))


# The folder


def test_folder_has_what_each_client_looks_for_and_nothing_twice(made):
    folder = made["folder"]
    names = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    tokenizer = {"tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"}
    assert names - tokenizer == {"README.md", "scores.json", "config.json", "model.safetensors", FLOAT, INT8}
    assert {"tokenizer.json", "tokenizer_config.json"} <= names
    for own, source in (
        ("model.safetensors", made["model"] / "model.safetensors"),
        ("tokenizer.json", made["exported"] / "small" / "tokenizer.json"),
        (INT8, made["exported"] / "small" / "model_quantized.onnx"),
    ):
        assert (folder / own).samefile(source)
    assert not any(path.is_symlink() for path in folder.rglob("*"))


def test_scores_are_those_of_the_export_by_file(made):
    promised = read_json(made["folder"] / "scores.json")
    exported = {row["runtime"]: row["scores"] for row in made["facts"].exported["models"]}
    files = {"torch": "model.safetensors", "onnxruntime": FLOAT, "onnxruntime_int8": INT8}
    assert {row["runtime"]: row["file"] for row in promised["models"]} == files
    assert {row["runtime"]: row["scores"] for row in promised["models"]} == exported
    assert {split: values["rows"] for split, values in promised["splits"].items()} == {
        "validation_matched": 64,
        "validation_mismatched": 64,
    }


def test_run_without_onnx_files_has_bundles_for_transformers_alone(tmp_path):
    made = make(tmp_path, "stsb", runtimes=("torch",))
    assert not (made["folder"] / "onnx").exists()
    text = (made["folder"] / "README.md").read_text()
    assert "AutoTokenizer.from_pretrained" in text and "onnx" not in text and "transformers.js" not in text


# The card


def test_card_has_the_scores_where_the_hub_reads_them(made):
    read = ModelCard.load(made["folder"] / "README.md").data
    assert (read.library_name, read.pipeline_tag) == ("transformers", "text-classification")
    scores = made["facts"].scores_of("small")["torch"]
    expected = {(split, "accuracy"): round(values["accuracy"], 4) for split, values in scores.items()}
    found = {(entry.dataset_split, entry.metric_type): entry.metric_value for entry in read.eval_results}
    assert found == expected
    assert all("development set, seed 1" in entry.metric_name for entry in read.eval_results)
    assert read.base_model is None and read.license is None


def test_card_says_what_is_known_and_what_is_not(made):
    text = str(card(made["facts"], {"fp32": FLOAT, "q8": INT8}))
    assert "2 transformer layers of hidden size 12, each with 3 attention heads of width 4" in text
    assert "a feed-forward network of 24 (gelu), and embedding tables of width 6" in text
    assert "5,000 parameters, 25 % of the teacher's" in text
    assert "one of the classes entailment, neutral, contradiction" in text
    assert "1,064 training rows; scored on 64 of validation_matched, 64 of validation_mismatched" in text
    assert "of the teacher: not stated" in text
    assert "It is the only seed" in text and "Not measured" in text and "Synthetic" not in text
    value = made["facts"].scores_of("small")["onnxruntime_int8"]["validation_matched"]["accuracy"]
    assert re.search(rf"\| small \| onnxruntime_int8 \| {value:.4f} \|", text)


def test_card_of_another_run_says_the_rest(made):
    facts = made["facts"]
    first = facts.metrics[0]
    other = {split: {"accuracy": 1.0} for split in first["scores"]}
    scores = {split: {"accuracy": 0.5} for split in first["scores"]}
    changed = dataclasses.replace(
        facts,
        licence="apache-2.0",
        source="hub",
        timed_on="sst2",
        latency=LATENCY,
        teacher={"source": "hub", "name": "somebody/bert", "revision": "c" * 40, "sha256": "0" * 64},
        architecture=facts.architecture | {"origin": "hand_crafted", "rule": "hand_crafted"},
        metrics=[first | {"scores": scores, "unlabelled_rows": 30}, first | {"seed": 2, "scores": other}],
        exported=facts.exported
        | {"synthetic": True, "vocabulary": {"small": {"whole": 30_000, "pieces": 29_900}}},
    )
    made_card = card(changed, {})
    text = str(made_card)
    assert "of the teacher: apache-2.0" in text and "revision " + "c" * 40 in text
    assert "Over the seeds 1, 2 of its run, in torch, with all word pieces: validation_matched, " in text
    assert "validation_matched, accuracy: 0.7500 ± 0.3536" in text
    assert "It knows 29,900 of its teacher's 30,000 word pieces" in text
    assert "4,400 parameters, 22 % of the teacher's" in text  # 100 pieces fewer, of width 6
    assert "1,064 training rows, 30 rows without labels" in text
    assert "| torch | 3.00 | 4.00 [2.00, 5.00] | 4.00 [2.00, 5.00] | 250 |" in text
    assert "Some CPU, onnxruntime 1.32. Batch size 1, 64 tokens, threads: 1. Medians of 20 rounds" in text
    assert "student's model of sst2" in text and "hand-crafted" in text and "Synthetic" in text
    assert made_card.data.base_model == "somebody/bert" and made_card.data.datasets == ["nyu-mll/glue"]
    assert "mnli from `nyu-mll/glue` on the hub: " in text
    own = dataclasses.replace(facts.task, name="own")
    of_user = card(dataclasses.replace(changed, task=own), {})
    assert "own from the Hugging Face hub: " in str(of_user) and of_user.data.datasets is None


def test_card_says_that_another_model_answered(made):
    plain, given = (
        str(card(dataclasses.replace(made["facts"], given_answers=flag), {})) for flag in (False, True)
    )
    assert "another model" not in plain and "`big` from a local folder" in plain
    assert "**Teacher**: another model, whose answers were given" in given
    assert "starts from `big` from a local folder, SHA-256" in given


def snippets(folder: Path, language: str) -> list[str]:
    """Return the code of the card in a language, for the folder where it lies."""
    text = (folder / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)
    return [code.replace("FOLDER", str(folder)) for code in blocks]


def numbers(printed: str) -> list[float]:
    return [float(number) for number in re.findall(r"-?\d+\.\d+", printed)]


def test_code_of_the_card_runs_and_gives_the_same_logits(made, capsys):
    found = []
    for code in snippets(made["folder"], "python"):
        exec(compile(code, "README.md", "exec"), {})
        found.append(numbers(capsys.readouterr().out))
    assert len(found) == 2 and len(found[0]) == len(found[1]) == 3
    assert found[1] == pytest.approx(found[0], abs=0.2)  # int8 against float32


@needs_node
def test_code_of_the_card_runs_in_node(made, tmp_path):
    (tmp_path / "node_modules").symlink_to(node_folder() / "node_modules")
    (code,) = snippets(made["folder"], "js")
    (tmp_path / "card.mjs").write_text(code)
    process = subprocess.run(["node", tmp_path / "card.mjs"], capture_output=True, text=True, check=True)
    expected = logits_of(ONNXRUNTIME, made["folder"], INT8, [["a first text", "a second text"]])
    assert numbers(process.stdout) == pytest.approx(expected[0], abs=1e-5)


# Clients


def long_and_short_rows(columns: int, rows: int = 40) -> list[list[str]]:
    draw = random.Random(1)
    lengths = range(1, 2 * MAX_LENGTH)
    return [
        [" ".join(draw.choices(WORDS, k=draw.choice(lengths))) for _ in range(columns)] for _ in range(rows)
    ]


def in_transformers(folder: Path, rows: list[list[str]]) -> np.ndarray:
    """Return the logits of transformers, imported here already."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    with torch.inference_mode():
        found = [model(**tokenizer(*row, truncation=True, return_tensors="pt")).logits for row in rows]
    return torch.cat(found).numpy()


@pytest.mark.parametrize(
    ("task", "family"),
    [
        ("mnli", "bert"),
        ("stsb", "roberta"),
        ("sst2", "electra"),
        ("mnli", "distilbert"),
        ("stsb", "mpnet"),
        ("mnli", "modernbert"),
    ],
)
def test_clients_without_torch_cut_and_answer_as_torch_does(task, family, tmp_path):
    whole = Architecture(2, 12, 3, 24, "gelu")  # of the family itself, not an ELECTRA
    own = {"shape": whole} if family in ("distilbert", "mpnet", "modernbert") else {}
    folder = make(tmp_path, task, family, **own)["folder"]
    rows = long_and_short_rows(len(get_task(task).text_columns))
    expected = in_transformers(folder, rows)
    assert expected.std(axis=0).min() > 1e-3  # so a row that is cut elsewhere shows
    assert logits_of(ONNXRUNTIME, folder, FLOAT, rows) == pytest.approx(expected, abs=1e-5)
    if why_no_node() is not None:
        pytest.skip(f"onnxruntime agrees, but transformers.js was left out: {why_no_node()}")
    in_node = logits_of(NODE, folder, FLOAT, rows)
    assert in_node == pytest.approx(expected, abs=1e-5)
    assert softmax(in_node, axis=1) == pytest.approx(softmax(expected, axis=1), abs=1e-3)
    int8 = logits_of(NODE, folder, INT8, rows)
    assert (int8.argmax(1) == logits_of(ONNXRUNTIME, folder, INT8, rows).argmax(1)).all()


@needs_node
def test_node_reads_a_folder_with_a_space_in_its_name(made, tmp_path):
    folder = Path(shutil.copytree(made["folder"], tmp_path / "my bundle"))
    texts = [["a text", "another one"]]
    assert logits_of(NODE, folder, FLOAT, texts) == pytest.approx(
        logits_of(NODE, made["folder"], FLOAT, texts)
    )


def test_where_node_is_missing_is_said(monkeypatch, tmp_path):
    monkeypatch.setenv("KDNAS_NODE", str(tmp_path))
    monkeypatch.setattr(verifying.shutil, "which", lambda name: "/usr/bin/node")
    assert why_no_node() == f"{tmp_path} has no @huggingface/transformers, which make node installs"
    monkeypatch.setattr(verifying.shutil, "which", lambda name: None)
    assert why_no_node() == "there is no program node"


def test_packages_of_node_are_pinned_without_an_address():
    wanted = read_json(PROGRAMS / "package.json")["dependencies"]
    lock = read_json(PROGRAMS / "package-lock.json")["packages"]
    assert {name: lock[f"node_modules/{name}"]["version"] for name in wanted} == wanted
    assert all("resolved" not in package for package in lock.values())
    assert all("integrity" in package for path, package in lock.items() if path)


# verify


def said(arguments: list[str], capsys) -> str:
    """Return the one sentence that a command ends with."""
    assert main(arguments) == 1
    printed = capsys.readouterr().err  # with transformers' progress
    (sentence,) = (line for line in printed.splitlines() if line.startswith("kdnas: "))
    assert printed.endswith(f"{sentence}\n")
    return sentence


@pytest.fixture
def faster(made, monkeypatch):
    """verify without Node, and with transformers as it is imported here."""

    def read(client, folder, file, rows):
        if client is TRANSFORMERS:
            return in_transformers(folder, rows)
        return logits_of(client, folder, file, rows)

    monkeypatch.setattr(verifying, "why_no_node", lambda: "there is no program node")
    monkeypatch.setattr(verifying, "logits_of", read)


def test_verify_finds_the_rows_of_the_bundles_own_run(made, faster):
    found = verify(made["folder"], None)
    assert len(found) == 3 * 2  # files and splits
    assert found["score"].tolist() == pytest.approx(found["promised"].tolist(), abs=1e-9)
    differences = found.groupby("file")["largest_difference"].max()
    assert differences["model.safetensors"] == 0 < differences[FLOAT] < 1e-4 < differences[INT8]


def test_other_weights_are_found_out(copied, made, capsys):
    weights = load_file(copied / "model.safetensors")
    (name,) = (name for name in weights if name.endswith(("out_proj.weight", "classifier.weight")))
    save_file({**weights, name: -weights[name]}, copied / "model.safetensors", {"format": "pt"})
    sentence = said(["verify", str(copied), "--rows", str(made["data"])], capsys)
    assert "transformers finds another score with model.safetensors" in sentence
    assert re.search(r"accuracy 0\.\d{4} on validation_matched instead of 0\.\d{4}; allowed", sentence)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda bundle: promise_more(bundle), f"onnxruntime finds another score with {INT8}"),
        (lambda bundle: damage(bundle / FLOAT), f"onnxruntime cannot read {FLOAT}"),
        (lambda bundle: (bundle / "scores.json").write_text("{}"), "scores.json is damaged"),
        (lambda bundle: (bundle / "scores.json").unlink(), "is no bundle, as it has no scores.json"),
    ],
)
def test_bundles_that_break_their_promise_are_one_sentence(change, sentence, copied, made, faster, capsys):
    change(copied)
    assert sentence in said(["verify", str(copied), "--rows", str(made["data"])], capsys)


def promise_more(bundle: Path) -> None:
    promised = read_json(bundle / "scores.json")
    promised["models"][2]["scores"]["validation_mismatched"]["accuracy"] += 0.01
    write_json(bundle / "scores.json", promised)


def damage(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:2000])


def test_other_rows_are_refused(made, tmp_path, capsys):
    other = Path(shutil.copytree(made["data"], tmp_path / "other"))
    shutil.copyfile(other / "validation_mismatched.parquet", other / "validation_matched.parquet")
    command = ["verify", str(made["folder"]), "--rows"]
    assert "other rows in validation_matched" in said([*command, str(other)], capsys)
    assert "there are no rows in" in said([*command, str(tmp_path / "none")], capsys)


# push


@contextlib.contextmanager
def hub(status: int = 200):
    """A hub on this machine that takes a repository and a commit; yields its address and what it was sent."""
    sent: dict[str, bytes] = {}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def reply(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            sent[self.path] = body
            answer = {
                "url": f"{address}/somebody/small",
                "commitUrl": f"{address}/somebody/small/commit/1",
                "errors": [],
            }
            answer |= {"commitOid": "a" * 40, "warnings": []}
            if "/preupload/" in self.path:
                files = [file["path"] for file in json.loads(body)["files"]]
                modes = {"uploadMode": "regular", "shouldIgnore": False}
                answer = {"files": [{"path": path, **modes} for path in files]}
            content = json.dumps(answer).encode()
            self.send_response(status if self.command == "POST" else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = reply

        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    address = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield address, sent
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def push(monkeypatch, tmp_path, capsys):
    """Return a function that pushes to the hub at an address and returns what the command printed."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "none"))

    def pushed(bundle, address, *options, token="hf_made_up", repository="somebody/small"):
        monkeypatch.setattr(constants, "ENDPOINT", address)
        monkeypatch.setenv("HF_TOKEN", token)
        status = main(["push", str(bundle), repository, *options])
        printed = capsys.readouterr()
        return printed.out if status == 0 else printed.err

    return pushed


@pytest.mark.parametrize(("options", "visibility"), [([], "private"), (["--public"], "public")])
def test_push_sends_the_whole_bundle_to_a_private_repository(options, visibility, copied, push):
    (copied / ".snakemake_timestamp").touch()
    with hub() as (address, sent):
        assert push(copied, address, *options) == f"Uploaded: {address}/somebody/small/commit/1\n"
    assert json.loads(sent["/api/repos/create"])["visibility"] == visibility
    lines = [json.loads(line) for line in sent["/api/models/somebody/small/commit/main"].splitlines()]
    files = {line["value"]["path"]: line["value"]["content"] for line in lines if line["key"] == "file"}
    there = {str(path.relative_to(copied)): path for path in copied.rglob("*") if path.is_file()}
    assert set(files) == set(there) - {".snakemake_timestamp"}
    assert all(base64.b64decode(content) == there[name].read_bytes() for name, content in files.items())


def test_push_that_fails_is_one_sentence(copied, push):
    with hub(status=403) as (address, _):
        refused = push(copied, address)
    found = {
        "the hub refused somebody/small with status 403": refused,
        'the repository is "some body"': push(copied, address, repository="some body"),
        "could not be uploaded to somebody/small (ConnectError": push(copied, "http://127.0.0.1:9"),
        "there is no token for the hub": push(copied, address, token=""),
    }
    (copied / "scores.json").unlink()
    found["is no bundle, as it has no scores.json"] = push(copied, address)
    for sentence, printed in found.items():
        assert printed.startswith("kdnas: ") and sentence in printed
        assert printed.count("\n") == 1


def test_no_rule_uploads_anything():
    for file in [ROOT / "Snakefile", *(ROOT / "rules").glob("*.smk"), *(ROOT / "scripts").glob("*.py")]:
        assert "push" not in file.read_text(encoding="utf-8"), file.name
