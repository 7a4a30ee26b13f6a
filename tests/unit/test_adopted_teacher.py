"""A finished classifier as the teacher of its task."""

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny import FAMILY, write_data, write_teacher
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer

from kdnas.data.frames import read_split
from kdnas.data.tasks import get_task
from kdnas.errors import UserError
from kdnas.files.artifacts import read_json, write_json
from kdnas.teachers import adoption
from kdnas.teachers.adoption import adopt_teacher
from kdnas.teachers.finetuned import finetuned_classifier
from kdnas.training import saving, scoring

MNLI = ("entailment", "neutral", "contradiction")
CPU = {"device": "cpu", "threads": 1}
SHUFFLED = ("CONTRADICTION", "Entailment", "neutral")  # as a model of somebody else may have them


def adopt(given, data, task, warn, folder, metrics, seed=1):
    adopt_teacher(
        given,
        data,
        task,
        max_length=32,
        seed=seed,
        **CPU,
        warn=warn,
        model_folder=folder,
        metrics_file=metrics,
    )


def write_classifier(folder, names=SHUFFLED, model_type="bert", **changes):
    """Write a random classifier whose head has the classes ``names``."""
    base = write_teacher(folder / "encoder", model_type)
    settings = AutoConfig.from_pretrained(base)
    settings.id2label = dict(enumerate(names))
    settings.label2id = {name: code for code, name in enumerate(names)}
    for key, value in changes.items():
        setattr(settings, key, value)
    torch.manual_seed(5)
    model = AutoModelForSequenceClassification.from_config(settings)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    model.save_pretrained(folder / "model")
    AutoTokenizer.from_pretrained(base).save_pretrained(folder / "model")
    return folder / "model"


def logits(folder, frame):
    """What transformers makes of every row of an mnli ``frame``, one by one."""
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    with torch.no_grad():
        return torch.cat(
            [
                model(**tokenizer(row.premise, row.hypothesis, return_tensors="pt")).logits
                for row in frame.itertuples()
            ]
        )


@pytest.mark.parametrize("model_type", FAMILY)
def test_its_outputs_come_in_the_order_of_the_task(model_type, tmp_path):
    given = write_classifier(tmp_path / "given", model_type=model_type)
    data, warned = write_data(tmp_path / "data", "mnli"), []
    for seed in (1, 2):
        places = tmp_path / f"{seed}/model", tmp_path / f"{seed}.json"
        adopt(given, data, "mnli", warned.append, *places, seed=seed)
    assert not warned  # it is not the search task
    frame = read_split(data, "validation_matched")
    expected = logits(given, frame)[:, [1, 2, 0]]
    adopted = logits(tmp_path / "1/model", frame)
    assert torch.allclose(adopted, expected, atol=1e-6)
    assert expected.std(0).min() > 0.01  # rows and classes can be told apart

    metrics = read_json(tmp_path / "1.json")
    accuracy = (expected.argmax(1).numpy() == frame["label"]).mean()
    assert metrics["scores"]["validation_matched"]["accuracy"] == pytest.approx(accuracy)
    assert metrics["rows"] == {"validation_matched": 64, "validation_mismatched": 64}
    assert metrics["train_rows"] is None
    assert read_json(tmp_path / "2.json") == metrics | {"seed": 2}
    assert AutoConfig.from_pretrained(tmp_path / "1/model").id2label == dict(enumerate(MNLI))
    weights = [(tmp_path / f"{seed}/model/model.safetensors").read_bytes() for seed in (1, 2)]
    assert weights[0] == weights[1]


def test_unnamed_classes_are_in_the_order_of_the_task(tmp_path):
    folder = write_classifier(tmp_path, ("LABEL_0", "LABEL_1", "LABEL_2"))
    adopted = finetuned_classifier(folder, get_task("mnli"))
    assert torch.equal(
        adopted.classifier.weight, load_file(folder / "model.safetensors")["classifier.weight"]
    )


@pytest.mark.parametrize("names", [("LABEL_0", "LABEL_1", "LABEL_2"), MNLI])
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)])
def test_classes_in_another_order_than_the_labels_say(names, order, tmp_path, monkeypatch):
    """An output of the head answers with the class in that place of ``order``, whatever its name is."""
    given, data = write_classifier(tmp_path / "given", names), write_data(tmp_path / "data", "mnli")

    def answers(model, data, device):
        return 5.0 * np.eye(3, dtype=np.float32)[[order.index(label) for label in data.labels]]

    monkeypatch.setattr(scoring, "predict", answers)
    monkeypatch.setattr(saving, "_compare", lambda *outputs: None)  # these are none of the model's
    places = tmp_path / "adopted", tmp_path / "adopted.json"
    if order == (0, 1, 2):
        adopt(given, data, "mnli", print, *places)
        return
    with pytest.raises(UserError, match="teacher.finetuned_on is .mnli., but") as error:
        adopt(given, data, "mnli", print, *places)
    assert str(error.value).endswith(
        "0% of its answers on validation_matched are right, and in another order 100%; allowed: an id2label "
        "that names the model's outputs, such as 0: contradiction, 1: entailment, 2: neutral"
    )
    assert not any(place.exists() for place in places)


def test_the_order_that_fits_is_that_of_the_head(tmp_path, monkeypatch):
    """The head's first two classes have each other's names; the task has them in a third order."""
    given = write_classifier(tmp_path / "given", ("contradiction", "entailment", "neutral"))
    data = write_data(tmp_path / "data", "mnli")
    answers = np.array([2, 1, 0])  # of an entailment: what is called contradiction
    monkeypatch.setattr(scoring, "predict", lambda model, data, device: np.eye(3)[answers[data.labels]])
    with pytest.raises(UserError, match=r"such as 0: entailment, 1: contradiction$"):
        adopt(given, data, "mnli", print, tmp_path / "adopted", tmp_path / "a.json")


@pytest.mark.parametrize("said", [False, True])
@pytest.mark.parametrize("with_types", [False, True])
def test_token_types_that_nothing_says_are_told_by_the_labels(with_types, said, tmp_path, monkeypatch):
    """Version 5's generic class says nothing and gives none; the head here is right in one way alone."""
    given, data = write_classifier(tmp_path / "given", MNLI), write_data(tmp_path / "data", "mnli")
    if said:
        settings = read_json(given / "tokenizer_config.json")
        names = ["input_ids", "attention_mask"]
        write_json(given / "tokenizer_config.json", settings | {"model_input_names": names})

    def answers(model, data, device):
        right = (data.token_types is not None) is with_types
        return np.eye(3, dtype=np.float32)[data.labels if right else np.zeros_like(data.labels)]

    for module in (scoring, adoption):
        monkeypatch.setattr(module, "predict", answers)
    monkeypatch.setattr(saving, "_compare", lambda *outputs: None)  # these are none of the model's
    places = tmp_path / "adopted", tmp_path / "adopted.json"
    if said or not with_types:
        adopt(given, data, "mnli", print, *places)
        return
    with pytest.raises(UserError, match="trained with token types, and .* its class, 0 for it; allowed"):
        adopt(given, data, "mnli", print, *places)
    assert not any(place.exists() for place in places)


@pytest.mark.parametrize("names", [("LABEL_0", "LABEL_1"), ("0", "1")])
def test_labels_may_be_the_names_in_the_models_config(tmp_path, names):
    definition = {"name": "own", "text_columns": ["a"], "labels": [*reversed(names)], "metrics": ["accuracy"]}
    folder = write_classifier(tmp_path, names)
    weight = load_file(folder / "model.safetensors")["classifier.weight"]
    assert torch.equal(finetuned_classifier(folder, get_task(definition)).classifier.weight, weight[[1, 0]])


def test_classes_that_differ_by_case_alone_are_told_apart(tmp_path):
    definition = {"name": "cases", "text_columns": ["a"], "labels": ["us", "US"], "metrics": ["accuracy"]}
    folder = write_classifier(tmp_path, ("US", "us"))
    weight = load_file(folder / "model.safetensors")["classifier.weight"]
    assert torch.equal(finetuned_classifier(folder, get_task(definition)).classifier.weight, weight[[1, 0]])


def test_teacher_of_a_regression_has_one_output_of_any_name(tmp_path):
    folder = write_classifier(tmp_path, ("likeness",), problem_type="regression")
    assert finetuned_classifier(folder, get_task("stsb")).config.problem_type == "regression"


@pytest.mark.parametrize(("scale", "fits"), [(0.8, True), (0.2, False)])
def test_scores_on_another_scale_than_the_labels_are_refused(scale, fits, tmp_path, monkeypatch):
    """Labels go from 0 to 2 here. No correlation sees it, but students would learn outputs and labels."""
    given = write_classifier(tmp_path / "given", ("likeness",), problem_type="regression")
    data = write_data(tmp_path / "data", "stsb")
    monkeypatch.setattr(scoring, "predict", lambda model, data, device: scale * data.labels[:, None])
    monkeypatch.setattr(saving, "_compare", lambda *outputs: None)  # these are none of the model's
    places = tmp_path / "adopted", tmp_path / "adopted.json"
    if fits:
        adopt(given, data, "stsb", print, *places)
        return
    with pytest.raises(UserError, match=r"range from 0\.00 to 0\.40 and the labels from 0 to 2; allowed"):
        adopt(given, data, "stsb", print, *places)
    assert not any(place.exists() for place in places)


@pytest.mark.parametrize(
    ("names", "changes", "task", "sentence"),
    [
        (
            MNLI[:2],
            {},
            "mnli",
            "has the outputs entailment, neutral and problem_type None; allowed: an id2label",
        ),
        (MNLI, {}, "stsb", "allowed: an id2label with one number"),
        (
            ("yes", "no", "maybe"),
            {},
            "mnli",
            "has the classes yes, no, maybe; allowed: an id2label with e",
        ),
        (("neutral",) * 3, {}, "mnli", "has the classes neutral, neutral, neutral; allowed"),
        (MNLI, {"problem_type": "multi_label_classification"}, "mnli", "problem_type multi_label_class"),
    ],
)
def test_classifier_of_another_task_is_refused(names, changes, task, sentence, tmp_path):
    folder = write_classifier(tmp_path, names, **changes)
    with pytest.raises(UserError, match=f'^teacher.finetuned_on is "{task}", but .*{sentence}'):
        finetuned_classifier(folder, get_task(task))


def test_encoder_without_a_head_is_refused(tmp_path):
    folder = write_teacher(tmp_path / "encoder")
    with pytest.raises(UserError, match=r"the teacher's weights lack classifier\.bias"):
        finetuned_classifier(folder, get_task("rte"))


def test_head_of_another_shape_than_its_config_is_refused(tmp_path):
    folder = write_classifier(tmp_path)
    tensors = load_file(folder / "model.safetensors")
    tensors["classifier.weight"] = tensors["classifier.weight"][:2].clone()
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(UserError, match=r"lack classifier\.weight, or have it in another shape"):
        finetuned_classifier(folder, get_task("mnli"))


def test_refused_teacher_leaves_nothing(tmp_path):
    given = write_classifier(tmp_path / "given", MNLI[:2])
    data = write_data(tmp_path / "data", "mnli")
    target = tmp_path / "teacher"
    with pytest.raises(UserError):
        adopt(given, data, "mnli", print, target / "model", target / "metrics.json")
    assert not target.exists()


@pytest.mark.parametrize(("heldout_from", "warnings"), [("train", 1), ("heldout", 0)])
def test_rows_that_it_may_remember_are_warned_of(heldout_from, warnings, tmp_path):
    given, data = write_classifier(tmp_path / "given"), write_data(tmp_path / "data", "mnli")
    write_json(data / "meta.json", read_json(data / "meta.json") | {"heldout_from": heldout_from})
    warned, target = [], tmp_path / "teacher"
    adopt(given, data, "mnli", warned.append, target, tmp_path / "metrics.json")
    assert len(warned) == warnings
    assert all("rows of the training split of mnli" in text for text in warned)
