import pytest

from kdnas.data.tasks import TASKS, get_task
from kdnas.errors import UserError

# Typed in from the GLUE paper's table 1 and the card of nyu-mll/glue, not derived from the registry.
OFFICIAL = {
    "cola": (8551, [1043], "unacceptable acceptable"),
    "sst2": (67349, [872], "negative positive"),
    "mrpc": (3668, [408], "not_equivalent equivalent"),
    "stsb": (5749, [1500], None),
    "qqp": (363846, [40430], "not_duplicate duplicate"),
    "mnli": (392702, [9815, 9832], "entailment neutral contradiction"),
    "qnli": (104743, [5463], "entailment not_entailment"),
    "rte": (2490, [277], "entailment not_entailment"),
    "wnli": (635, [71], "not_entailment entailment"),
}


def test_the_registry_holds_the_nine_tasks():
    assert set(TASKS) == set(OFFICIAL)


@pytest.mark.parametrize("name", OFFICIAL)
def test_rows_and_label_order_are_the_official_ones(name):
    train, evaluation, labels = OFFICIAL[name]
    task = get_task(name)
    assert list(task.splits.values()) == [train, *evaluation]
    assert [task.splits[split] for split in task.evaluation_splits] == evaluation
    assert task.labels == (tuple(labels.split()) if labels else None)
    assert set(task.display_names) == set(task.evaluation_splits)


def test_regression_has_one_output_and_the_range_of_the_scores():
    assert (TASKS["stsb"].regression, TASKS["stsb"].num_labels, TASKS["stsb"].label_range) == (
        True,
        1,
        (0, 5),
    )
    assert (TASKS["mnli"].regression, TASKS["mnli"].num_labels, TASKS["mnli"].label_range) == (
        False,
        3,
        (0, 2),
    )


@pytest.mark.parametrize(
    ("name", "scores", "expected"),
    [
        ("mnli", {"accuracy": 0.8}, 0.8),
        ("cola", {"matthews": -0.1}, -0.1),
        ("stsb", {"pearson": 0.9, "spearman": 0.8}, 0.85),
        ("mrpc", {"accuracy": 0.8, "f1": 0.9}, 0.85),
        ("qqp", {"accuracy": 0.6, "f1": 0.5, "loss": 7.0}, 0.55),
    ],
)
def test_primary_is_the_mean_of_the_metrics(name, scores, expected):
    assert TASKS[name].primary(scores) == pytest.approx(expected)


@pytest.mark.parametrize("scores", [{"accuracy": 0.8}, {"accuracy": 0.8, "f1": float("nan")}])
def test_primary_never_comes_from_half_of_the_metrics(scores):
    with pytest.raises(ValueError, match="mrpc is scored by accuracy and f1"):
        TASKS["mrpc"].primary(scores)


def test_an_unknown_task_is_named_with_what_is_allowed():
    with pytest.raises(UserError, match='unknown task "sst-2"; allowed: cola, sst2, mrpc'):
        get_task("sst-2")


def test_a_task_cannot_be_changed():
    with pytest.raises(TypeError):
        TASKS["rte"].splits["train"] = 1
