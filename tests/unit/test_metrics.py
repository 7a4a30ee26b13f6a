import math
from pathlib import Path

import numpy as np
import pytest

from kdnas.data.kinds import Classes, LabelSets, Numbers
from kdnas.data.metrics import compute
from kdnas.data.tasks import TASKS

# 3 true positives, 1 false positive, 2 false negatives, 4 true negatives
REFERENCES = np.array([1, 1, 1, 0, 1, 1, 0, 0, 0, 0])
PREDICTIONS = np.array([1, 1, 1, 1, 0, 0, 0, 0, 0, 0])


@pytest.mark.parametrize("name", TASKS)
def test_every_task_gets_exactly_its_metrics_and_full_marks_for_its_labels(name):
    labels = np.array([0.5, 2.0, 4.5]) if name == "stsb" else np.array([0, 1, 1, 0])
    scores = compute(name, labels, labels)
    assert tuple(scores) == TASKS[name].metrics
    assert TASKS[name].primary(scores) == pytest.approx(1.0)
    assert all(type(score) is float for score in scores.values())


def test_classification_metrics_against_the_confusion_matrix():
    assert compute("rte", PREDICTIONS, REFERENCES) == pytest.approx({"accuracy": 7 / 10})
    assert compute("mrpc", PREDICTIONS, REFERENCES) == pytest.approx({"accuracy": 7 / 10, "f1": 6 / 9})
    matthews = (3 * 4 - 1 * 2) / math.sqrt((3 + 1) * (3 + 2) * (4 + 1) * (4 + 2))
    assert compute("cola", PREDICTIONS, REFERENCES) == pytest.approx({"matthews": matthews})


OWN = {"name": "own", "text_columns": ["a"], "labels": ["x", "y", "z"]}


def test_means_over_classes_against_the_confusion_matrix():
    """x: 1 of 2 found, 1 of 1 right; y: 2 of 3 found, 2 of 4 right; z: 0 of 1 found, 0 of 1 right."""
    references = np.array([0, 0, 1, 1, 1, 2])
    predictions = np.array([0, 1, 1, 1, 2, 1])
    f1 = [2 * 1 / (2 + 1), 2 * 2 / (3 + 4), 0.0]
    scores = compute(
        OWN | {"metrics": ["macro_f1", "weighted_f1", "balanced_accuracy"]}, predictions, references
    )
    assert scores == pytest.approx(
        {
            "macro_f1": sum(f1) / 3,
            "weighted_f1": (2 * f1[0] + 3 * f1[1] + f1[2]) / 6,
            "balanced_accuracy": (1 / 2 + 2 / 3 + 0) / 3,
        }
    )


@pytest.mark.filterwarnings("error")
def test_a_class_that_is_predicted_and_does_not_occur_is_no_class_to_find():
    balanced = compute(OWN | {"metrics": ["balanced_accuracy"]}, np.array([0, 2, 1]), np.array([0, 0, 1]))
    assert balanced == {"balanced_accuracy": 0.75}


@pytest.mark.filterwarnings("error")
def test_area_under_the_roc_curve_counts_pairs_in_order():
    """Of the 2 * 3 pairs of a row of each class 4 are in order and 1 is tied."""
    two = OWN | {"labels": ["x", "y"], "metrics": ["accuracy", "roc_auc"]}
    references, margins = np.array([1, 1, 0, 0, 0]), np.array([3.0, -1.0, -1.0, -2.0, 0.5])
    scores = compute(two, (margins > 0).astype(int), references, margins=margins)
    assert scores == pytest.approx({"accuracy": 3 / 5, "roc_auc": (4 + 1 / 2) / 6})
    constant = compute(two, np.zeros(5, dtype=int), references, margins=np.zeros(5))
    assert constant["roc_auc"] == 0.5
    with pytest.raises(ValueError, match="own: accuracy, roc_auc needs margins"):
        compute(two, references, references)
    with pytest.raises(ValueError, match=r"margins \(4,\)"):
        compute(two, references, references, margins=margins[:4])


def test_agreement_asks_the_teacher_alone():
    teacher = np.array([[2.0, 1.0], [0.0, 3.0], [5.0, 4.0], [1.0, 0.0]])
    student = np.array([[0.2, 0.1], [0.9, 0.1], [9.0, 0.0], [0.0, 0.1]])
    assert Classes(("a", "b")).agreement(student, teacher) == 0.5
    # deviations (-1, 0, 1) and (-1, -2, 3), as below
    scores = np.array([[1], [2], [3]], dtype=np.float32), np.array([[1], [0], [5]], dtype=np.float32)
    assert Numbers().agreement(*scores) == pytest.approx(4 / math.sqrt(28))
    assert Numbers().agreement(scores[0], np.ones((3, 1))) == 0.0


def test_three_classes():
    assert compute("mnli", np.array([0, 1, 2, 2]), np.array([0, 1, 1, 2])) == pytest.approx(
        {"accuracy": 0.75}
    )


def test_correlations_by_hand():
    # Deviations (-1, 0, 1) and (-1, -2, 3): 4 / sqrt(2 * 14); the ranks 1 2 3 and 2 1 3 correlate by 1/2.
    scores = compute("stsb", np.array([1, 2, 3], dtype=np.float32), np.array([1.0, 0.0, 5.0]))
    assert scores == pytest.approx({"pearson": 4 / math.sqrt(28), "spearman": 0.5})


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("stsb", {"pearson": 0.0, "spearman": 0.0}),
        ("cola", {"matthews": 0.0}),
        ("mrpc", {"accuracy": 0.5, "f1": 0.0}),
    ],
)
@pytest.mark.filterwarnings("error")
def test_a_constant_prediction_scores_no_relation(name, expected):
    assert compute(name, np.zeros(4, dtype=int), np.array([0, 1, 1, 0])) == expected


@pytest.mark.parametrize(
    ("name", "predictions", "references", "message"),
    [
        ("stsb", np.zeros((3, 1)), np.zeros(3), r"predictions have the shape \(3, 1\)"),
        ("stsb", np.zeros(3), np.zeros((3, 1)), r"references have the shape \(3, 1\)"),
        ("rte", np.zeros((3, 2), dtype=int), np.zeros(3, dtype=int), r"the shape \(3, 2\)"),
        ("rte", np.zeros(2, dtype=int), np.zeros(3, dtype=int), r"predictions \(2,\), references \(3,\)"),
        ("rte", np.zeros(0, dtype=int), np.zeros(0, dtype=int), r"the shape \(0,\)"),
        ("rte", np.array([0.2, 0.8]), np.array([0, 1]), "predictions must be whole numbers 0 to 1"),
        ("rte", np.array([0, 2]), np.array([0, 1]), "predictions must be whole numbers 0 to 1"),
        ("mnli", np.array([0, 1]), np.array([0, -1]), "references must be whole numbers 0 to 2"),
        ("stsb", np.array([1.0, np.nan]), np.array([1.0, 2.0]), "not finite"),
    ],
)
def test_what_would_be_silently_wrong_is_refused(name, predictions, references, message):
    with pytest.raises(ValueError, match=message):
        compute(name, predictions, references)


def test_no_file_stays_behind(tmp_path, monkeypatch):
    import evaluate

    monkeypatch.setattr("evaluate.config.HF_METRICS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert Path(evaluate.config.HF_METRICS_CACHE).parent == tmp_path
    compute("rte", PREDICTIONS, REFERENCES)
    assert list(tmp_path.iterdir()) == []


SETS = {
    "name": "tags",
    "text_columns": ["text"],
    "labels": ["a", "b", "c"],
    "metrics": ["micro_f1", "macro_f1", "weighted_f1", "samples_f1", "subset_accuracy"],
    "multi_label": True,
    "threshold": 0.5,
}


def test_label_sets_by_hand():
    """Label a: 2 right, 1 missing; b: 1 right, 1 too many; c: neither has it. Row 3 rightly has none."""
    references = np.array([[1, 0, 0], [1, 1, 0], [1, 0, 0], [0, 0, 0]], dtype=np.float32)
    predictions = np.array([[1, 1, 0], [1, 1, 0], [0, 0, 0], [0, 0, 0]], dtype=np.float32)
    a, b = 2 * 2 / (2 * 2 + 1), 2 * 1 / (2 * 1 + 1)
    assert compute(SETS, predictions, references) == pytest.approx(
        {
            "micro_f1": 2 * 3 / (2 * 3 + 2),
            "macro_f1": (a + b) / 2,  # c occurs nowhere
            "weighted_f1": (3 * a + 1 * b) / 4,
            "samples_f1": (2 / 3 + 1 + 0 + 1) / 4,
            "subset_accuracy": 2 / 4,
        }
    )


@pytest.mark.parametrize(
    ("predictions", "words"),
    [
        (np.zeros((2, 2)), r"predictions have the shape \(2, 2\); it must be \(n, 3\)"),
        (np.zeros(3), r"predictions have the shape \(3,\)"),
        (np.full((2, 3), 0.7), "predictions must be 0 or 1"),
        (np.zeros((3, 3)), r"predictions \(3, 3\), references \(2, 3\)"),
    ],
)
def test_label_sets_of_another_shape_are_refused(predictions, words):
    with pytest.raises(ValueError, match=words):
        compute(SETS, predictions, np.eye(3)[:2])


def test_labels_are_those_above_the_threshold():
    logits = np.array([[0.0, 0.1, -1.0], [-3.0, 2.0, 1.0]], dtype=np.float32)
    assert LabelSets(("a", "b", "c")).answers(logits).tolist() == [[0, 1, 0], [0, 1, 1]]
    unsure = LabelSets(("a", "b", "c"), threshold=0.8)  # 0.8 is the sigmoid of log(4) = 1.386
    assert unsure.answers(logits).tolist() == [[0, 0, 0], [0, 1, 0]]
    sure = LabelSets(("a", "b", "c"), threshold=0.2)
    assert sure.answers(logits).tolist() == [[1, 1, 1], [0, 1, 1]]


def test_two_models_agree_on_a_row_where_they_give_the_same_labels():
    kind = LabelSets(("a", "b"))
    teacher = np.array([[1.0, -1.0], [2.0, 3.0], [-1.0, -1.0], [1.0, 1.0]])
    student = np.array([[9.0, -9.0], [1.0, -1.0], [-2.0, -3.0], [0.1, 0.1]])
    assert kind.agreement(student, teacher) == 3 / 4
    assert kind.changed(student, teacher).tolist() == [False, True, False, False]
    assert kind.distance(student, np.array([[1, 0], [0, 1], [1, 1], [1, 1]])).tolist() == [0, 2, 2, 0]
