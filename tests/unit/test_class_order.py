"""Classes in another order than the task's: told from answers, with care for chance."""

import numpy as np
import pytest

from kdnas.teachers.class_order import better_order


def order_of(answers, labels, classes):
    return better_order(*(np.eye(classes, dtype=int)[codes] for codes in (answers, labels)))


def answers_of(labels, order, right, generator, classes):
    """Answers that are right with probability ``right`` before classes are renamed by ``order``."""
    guesses = generator.integers(0, classes, len(labels))
    return np.asarray(order)[np.where(generator.random(len(labels)) < right, labels, guesses)]


@pytest.mark.parametrize(
    ("classes", "rows", "right"),
    [(2, 40, 1.0), (3, 60, 0.95), (3, 400, 0.5), (77, 770, 0.7), (150, 750, 0.8)],
)
def test_another_order_is_found(classes, rows, right):
    generator = np.random.default_rng(classes)
    labels = np.arange(rows) % classes
    order = np.roll(np.arange(classes), 1)
    answers = answers_of(labels, order, right, generator, classes)
    found = order_of(answers, labels, classes)
    assert found is not None
    assert (found[order] == np.arange(classes)).mean() > 0.95


def test_two_of_many_classes_in_each_other_s_place():
    generator = np.random.default_rng(1)
    labels = np.arange(600) % 10
    order = np.array([0, 1, 2, 7, 4, 5, 6, 3, 8, 9])
    found = order_of(answers_of(labels, order, 0.8, generator, 10), labels, 10)
    assert found.tolist() == order.tolist()


@pytest.mark.parametrize("right", [0.0, 0.1, 0.5, 1.0])
@pytest.mark.parametrize(("classes", "rows"), [(2, 20), (2, 2000), (3, 9), (3, 300), (20, 100), (150, 750)])
def test_the_right_order_stays_however_weak_the_teacher(classes, rows, right):
    for seed in range(20):
        generator = np.random.default_rng(seed)
        labels = generator.integers(0, classes, rows)
        answers = answers_of(labels, np.arange(classes), right, generator, classes)
        assert order_of(answers, labels, classes) is None


@pytest.mark.parametrize("rows", [10, 1000])
def test_one_answer_for_all_rows_is_no_order(rows):
    """Most labels are 1 and all answers are 0: no order of the classes is behind that."""
    labels = (np.arange(rows) % 10 > 0).astype(int)
    assert order_of(np.zeros(rows, int), labels, 2) is None
    rare = (np.arange(rows) % 50 == 0).astype(int)  # answers without any relation to the labels
    assert order_of(rare, labels, 2) is None


def test_too_few_rows_tell_nothing():
    labels = np.arange(12) % 3
    assert order_of((labels + 1) % 3, labels, 3) is None


def test_rows_in_the_order_of_their_classes_tell_as_much():
    labels = np.repeat([0, 1, 2], 40)
    assert order_of((labels + 1) % 3, labels, 3).tolist() == [2, 0, 1]


@pytest.mark.parametrize("right", [0.6, 1.0])
def test_labels_of_sets_in_another_order_are_found_and_the_right_order_stays(right):
    generator = np.random.default_rng(2)
    labels = (generator.random((400, 6)) < np.linspace(0.05, 0.6, 6)).astype(int)
    guesses = (generator.random(labels.shape) < labels.mean(0)).astype(int)
    answers = np.where(generator.random(labels.shape) < right, labels, guesses)
    assert better_order(answers, labels) is None
    order = np.array([0, 1, 4, 3, 2, 5])  # output 2 stands for label 4, and the other way round
    assert better_order(answers[:, order], labels).tolist() == order.tolist()
    assert better_order(np.zeros_like(labels), labels) is None
