"""Fine-tuning a teacher and distilling students, end to end on disk, for every model type."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny import (
    DISTILLATION,
    FAMILY,
    STAGE,
    distil,
    evaluate,
    finetune,
    recipe,
    signals_of,
    student_job,
    write_data,
    write_frame,
    write_teacher,
)
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from kdnas.data.frames import TRAIN_ROW, fingerprint, read_split, write_split, write_task
from kdnas.data.kinds import Classes
from kdnas.data.sources.custom import scale_of
from kdnas.data.tasks import Definition, get_task
from kdnas.errors import UserError
from kdnas.files.artifacts import read_json, write_json
from kdnas.files.store import Store
from kdnas.models.loading import load_classifier
from kdnas.search.space import Architecture
from kdnas.teachers import finetune as finetune_module
from kdnas.teachers.answers import query_teacher
from kdnas.training import students
from kdnas.training.candidates import _shared_key
from kdnas.training.learner import Learner
from kdnas.training.lesson import Sample
from kdnas.training.rows import Answers, Rows

TEACHER = {"max_length": 32, "training": STAGE | {"epochs": 8, "learning_rate": 3e-3, "dropout": 0.0}}
SMALL = Architecture(2, 12, 3, 24, "gelu")
SHAPE = Architecture(4, 24, 6, 48, "gelu")  # the teacher's


def teach(base: Path, data: Path, name: Definition, run, folder: Path, seed: int = 1) -> Path:
    store = Store(folder / "store")
    finetune(base, data, name, TEACHER, seed, run, store, folder / "model", folder / "metrics.json")
    return folder / "model"


@pytest.mark.parametrize("model_type", FAMILY)
def test_every_family_is_taught_and_distilled(model_type, tmp_path, make_run):
    base = write_teacher(tmp_path / "base", model_type)
    data = write_data(tmp_path / "data", "mnli")
    model = teach(base, data, "mnli", make_run(), tmp_path / "teacher")
    scores = read_json(tmp_path / "teacher" / "metrics.json")["scores"]
    assert scores["validation_matched"]["accuracy"] > 0.9  # the first word gives the label away
    job = student_job("small", SMALL, "mnli", 1, "student", None, model, data, 32, DISTILLATION)
    distil(job, make_run(), Store(tmp_path / "store"), tmp_path / "s", tmp_path / "s.json")
    assert load_classifier(tmp_path / "s").config.model_type == model_type


def test_teacher_of_a_regression_learns_the_scores(teacher_base, tmp_path, make_run):
    data = write_data(tmp_path / "data", "stsb")
    teach(teacher_base, data, "stsb", make_run(), tmp_path / "teacher")
    metrics = read_json(tmp_path / "teacher" / "metrics.json")
    assert metrics["scores"]["validation"]["pearson"] > 0.7
    assert metrics["official_rows"] == {"validation": 1500}
    assert metrics["rows"] == {"validation": 64}
    weights = tmp_path / "teacher" / "model" / "model.safetensors"
    assert metrics["size_mb"] == weights.stat().st_size / 1_000_000


PRICES = {"name": "prices", "text_columns": ["a"], "labels": None, "metrics": ["pearson"]}


def write_prices(folder: Path, factor: float, shift: float) -> Path:
    """Write a task of 64 rows a split whose labels are 0, 1 and 2, times ``factor`` plus ``shift``."""
    frames = {split: write_frame(get_task(PRICES), 64, seed) for seed, split in enumerate(SPLITS)}
    for frame in frames.values():
        frame["label"] = (frame["label"] * factor + shift).astype("float32")
    meta = {"task": "prices", "synthetic": False, "fingerprint": fingerprint(frames)}
    meta |= {"splits": {split: {"rows": 64, "official_rows": None} for split in frames}}
    meta |= {"found": {"scale": scale_of(frames["train"]["label"])}, "unlabelled_fingerprint": "none"}
    write_task(folder, frames, meta)
    return folder


SPLITS = ("train", "validation", "heldout", "unlabelled")


def test_numbers_of_any_range_are_learned_alike_and_answered_in_their_own(teacher_base, tmp_path, make_run):
    """Opened by transformers alone, a teacher or student of other units gives the same answers in them."""
    units = {"plain": (1.0, 0.0), "points": (50.0, 0.0), "years": (8.0, 2000.0)}
    outputs, evaluations = {}, {}
    for unit, change in units.items():
        folder = tmp_path / unit
        data, store = write_prices(folder / "data", *change), Store(folder / "store")
        teacher = teach(teacher_base, data, PRICES, make_run(), folder / "teacher")
        query_teacher(
            teacher, data, PRICES, max_length=32, device=torch.device("cpu"), file=folder / "answers"
        )
        answers = Answers.read(folder / "answers")
        job = student_job(
            "small", SMALL, PRICES, 1, "student", None, teacher, data, 32, DISTILLATION, answers
        )
        assert (len(job.rows.train), job.rows.labelled) == (128, 64)  # the others get pseudo-labels
        distil(job, make_run(), store, folder / "student", folder / "student.json")
        for model in ("teacher/model", "student"):
            outputs[unit, model] = opened(folder / model, read_split(data, "validation")["a"].tolist())
        train = read_split(data, "train").assign(**{TRAIN_ROW: range(64)})
        write_split(folder / "proxy.parquet", train)
        rows = Rows.of_proxy(PRICES, folder / "proxy.parquet", data, max_length=32, answers=answers)
        entry = {"candidate": 1, "architecture": SMALL.to_dict()}
        (evaluations[unit],) = evaluate([entry], teacher, rows, DISTILLATION, 1, make_run(), store)
    for unit, (factor, shift) in units.items():
        for model in ("teacher/model", "student"):
            expected = outputs["plain", model] * factor + shift
            assert outputs[unit, model] == pytest.approx(expected, abs=2e-3 * factor)
            assert outputs[unit, model].std() > 0.1 * factor
        for quality in ("quality_accuracy", "quality_loss"):
            assert evaluations[unit][quality] == pytest.approx(evaluations["plain"][quality], abs=2e-3)


def opened(folder: Path, texts: list[str]) -> np.ndarray:
    """Return what a saved model says of texts, as one who has transformers alone sees it."""
    batch = AutoTokenizer.from_pretrained(folder)(texts, padding=True, truncation=True, return_tensors="pt")
    with torch.no_grad():
        model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
        return model(**batch).logits.squeeze(-1).numpy()


def test_class_weights_reach_every_training(teacher_base, tmp_path, make_run, monkeypatch):
    """Rows of a rare class weigh more in the teacher's loss and in the student's."""
    seen = []
    monkeypatch.setattr(
        Classes, "balanced_weights", lambda self, labels: seen.append(len(labels)) or (1.0, 2.0)
    )
    definition = {"name": "t", "text_columns": ["a"], "labels": ["x", "y"], "metrics": ["macro_f1"]}
    weighted = definition | {"class_weights": "balanced"}
    frames = {split: write_frame(get_task(definition), 24, seed) for seed, split in enumerate(SPLITS[:2])}
    splits = {split: {"rows": 24, "official_rows": None} for split in frames}
    meta = {"task": "t", "synthetic": False, "fingerprint": "same", "splits": splits}
    write_task(tmp_path / "data", frames, meta)
    weights = []
    for task in (definition, weighted):
        teacher = teach(teacher_base, tmp_path / "data", task, make_run(), tmp_path / f"t{len(weights)}")
        job = student_job(
            "small", SMALL, task, 1, "student", None, teacher, tmp_path / "data", 32, DISTILLATION
        )
        folder = tmp_path / f"s{len(weights)}"
        distil(job, make_run(), Store(tmp_path / "store"), folder, tmp_path / "s.json")
        weights.append([(path / "model.safetensors").read_bytes() for path in (teacher, folder)])
    assert seen == [24, 24]
    assert all(plain != other for plain, other in zip(*weights, strict=True))


def test_seed_decides_the_teacher(teacher_base, tmp_path, make_run):
    data = write_data(tmp_path / "data", "rte")
    weights = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        model = teach(teacher_base, data, "rte", make_run(), tmp_path / name, seed)
        weights.append((model / "model.safetensors").read_bytes())
    assert weights[0] == weights[1] != weights[2]


def test_every_seed_is_trained_though_the_store_is_one(teacher_base, tmp_path, make_run):
    data, store, lines, weights = write_data(tmp_path / "data", "rte"), Store(tmp_path / "store"), [], {}
    for seed in (1, 2):
        run = make_run(lines=lines)
        files = {name: tmp_path / f"{name}_{seed}" for name in ("teacher", "student")}
        metrics = {name: folder.with_suffix(".json") for name, folder in files.items()}
        finetune(teacher_base, data, "rte", TEACHER, seed, run, store, files["teacher"], metrics["teacher"])
        # of one teacher, so that the student's own seed tells
        job = student_job(
            "s", SMALL, "rte", seed, "student", None, tmp_path / "teacher_1", data, 32, DISTILLATION
        )
        distil(job, run, store, files["student"], metrics["student"])
        for name, folder in files.items():
            weights[name, seed] = (folder / "model.safetensors").read_bytes()
            assert read_json(metrics[name])["seed"] == seed
    assert "taken from the store" not in lines
    assert len(set(weights.values())) == 4


@pytest.mark.parametrize("initialisation", ["teacher", "random"])
def test_a_student_is_initialised_as_the_config_says(initialisation, teacher_folder, tmp_path):
    teacher = load_classifier(teacher_folder)
    settings = DISTILLATION | {"initialisation": initialisation}
    settings["student"] = STAGE | {"dropout": 0.0}
    data = write_data(tmp_path / "data", "mnli")
    job = student_job("s", SHAPE, "mnli", 1, "student", None, teacher_folder, data, 32, settings)
    sample = Sample([], None, teacher, seed=1, refit_rows=0)
    sample.signals = signals_of(teacher, rows=8)
    student = students._initialised(job, sample, get_task("mnli"))
    pairs = zip(student.parameters(), teacher.parameters(), strict=True)
    same = [torch.equal(one, other) for one, other in pairs if one.dim() == 2]  # biases may both be 0
    assert all(same) if initialisation == "teacher" else not any(same)


def test_teacher_of_the_store_is_not_trained_again(teacher_base, tmp_path, make_run, monkeypatch):
    data = write_data(tmp_path / "data", "rte")
    model = teach(teacher_base, data, "rte", make_run(), tmp_path / "teacher")
    trained = [(model / "model.safetensors").read_bytes(), (tmp_path / "teacher/metrics.json").read_bytes()]
    shutil.rmtree(model)
    (tmp_path / "teacher/metrics.json").unlink()
    monkeypatch.setattr(Learner, "step", None)
    teach(teacher_base, data, "rte", make_run(), tmp_path / "teacher")
    assert trained == [
        (model / "model.safetensors").read_bytes(),
        (tmp_path / "teacher/metrics.json").read_bytes(),
    ]


@pytest.mark.parametrize(
    ("file", "changes", "same"),
    [
        ("tokenizer.json", {"normalizer": {"type": "Lowercase"}}, False),
        ("config.json", {"num_attention_heads": 3}, False),
        ("config.json", {"transformers_version": "0.0", "_name_or_path": "elsewhere"}, True),
    ],
)
def test_a_model_is_more_than_its_weights(file, changes, same, tmp_path, make_run, monkeypatch):
    base = write_teacher(tmp_path / "base")
    data = write_data(tmp_path / "data", "rte")
    seen = []

    def stop(key):
        seen.append(key)
        raise UserError("seen")

    monkeypatch.setattr(finetune_module, "_train", lambda *rest, key, **others: stop(key))
    job = student_job("s", SMALL, "rte", 1, "glue", base, base, data, 32, DISTILLATION)
    monkeypatch.setattr(students, "_train", lambda job, key, *rest: stop(key))
    rows = Rows("rte", None, 0, {}, 32, {"data": "fingerprint"})
    for _ in range(2):
        for attempt in (
            lambda: teach(base, data, "rte", make_run(), tmp_path / "teacher"),
            lambda: distil(job, make_run(), Store(tmp_path / "store"), tmp_path / "s", tmp_path / "s.json"),
        ):
            with pytest.raises(UserError, match="seen"):
                attempt()
        seen.append(_shared_key(rows, recipe(), teacher=base, seed=1, run=make_run()))
        write_json(base / file, read_json(base / file) | changes)
    before, after = seen[:3], seen[3:]
    assert [old == new for old, new in zip(before, after, strict=True)] == [same] * 3
    assert same or before[1]["start"] != after[1]["start"]


def test_diverging_teacher_is_one_sentence_and_leaves_nothing(teacher_base, tmp_path, make_run, monkeypatch):
    monkeypatch.setattr(
        Learner, "step", lambda self, *rest: setattr(self, "failed", "the loss is not finite")
    )
    data = write_data(tmp_path / "data", "rte")
    with pytest.raises(UserError, match=r"rte failed.*teacher\.training\.learning_rate"):
        teach(teacher_base, data, "rte", make_run(), tmp_path / "teacher")
    assert not (tmp_path / "teacher").exists()


@pytest.fixture
def chain(teacher_base, tmp_path, make_run):
    """Distil a named student on mnli and then on stsb; return both model folders."""
    data = {name: write_data(tmp_path / name, name) for name in ("mnli", "stsb")}
    teachers = {
        name: teach(teacher_base, data[name], name, make_run(), tmp_path / f"teacher_{name}") for name in data
    }
    store = Store(tmp_path / "store")

    def make(student, lines=None, settings=DISTILLATION):
        folders, start = [], None
        for name, stage in (("mnli", "student"), ("stsb", "glue")):
            folder = tmp_path / student / name
            job = student_job(student, SMALL, name, 1, stage, start, teachers[name], data[name], 32, settings)
            distil(job, make_run(lines=lines), store, folder / "model", folder / "metrics.json")
            folders.append(folder)
            start = folder / "model"
        return folders

    return make


def test_two_names_of_one_architecture_are_trained_once(chain):
    first, lines = chain("one"), []
    second = chain("other", lines)
    assert lines == ["taken from the store"] * 2
    for one, other in zip(first, second, strict=True):
        assert (one / "model/model.safetensors").read_bytes() == (
            other / "model/model.safetensors"
        ).read_bytes()
        metrics = read_json(other / "metrics.json")
        assert metrics["model"] == "other"
        assert {**metrics, "model": "one"} == read_json(one / "metrics.json")


def test_without_its_store_a_student_is_the_same_bytes(chain, tmp_path):
    before = [(folder / "model/model.safetensors").read_bytes() for folder in chain("one")]
    shutil.rmtree(tmp_path / "store")
    after = [(folder / "model/model.safetensors").read_bytes() for folder in chain("one")]
    assert before == after


def test_damaged_store_entry_is_made_anew(chain, tmp_path):
    first = [(folder / "model/model.safetensors").read_bytes() for folder in chain("one")]
    for path in (tmp_path / "store").rglob("model.safetensors"):
        path.unlink()
        path.write_bytes(b"damaged")
    lines = []
    second = [(folder / "model/model.safetensors").read_bytes() for folder in chain("one", lines)]
    assert first == second
    assert "taken from the store" not in lines


def test_second_stage_starts_from_the_first(chain, tmp_path):
    still = DISTILLATION | {"glue": STAGE | {"learning_rate": 1e-12, "weight_decay": 0.0}}
    mnli, stsb = chain("still", settings=still)
    one = load_classifier(mnli / "model").bert.embeddings.word_embeddings.weight
    other = load_classifier(stsb / "model").bert.embeddings.word_embeddings.weight
    assert (one - other).abs().max() < 1e-6
