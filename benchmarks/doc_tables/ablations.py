"""Tables of docs/measurements/ablations.md: what single choices of the study are worth."""

from __future__ import annotations

import pandas as pd

from benchmarks.doc_tables.layout import table
from benchmarks.doc_tables.study import LABELS, STUDY, TEACHER

BASE = ("study", "bert_medium")
CHOICES = {  # experiment and model: in words
    BASE: "**as in the study**: refit, one epoch at 2e-4, logits and labels",
    ("ablation_narrowed", "bert_medium"): "narrowed, not refitted",
    ("ablation_random", "bert_medium"): "random initialisation",
    ("ablation_labels_alone", "bert_medium"): "labels alone, no teacher",
    ("ablation_shapes", "bert_medium_128e"): "embedding tables of width 128",
}
HEADS = {"whole_heads": "6 heads of 32, the teacher's", "narrowed_heads": "12 heads of 16"}
ROWS = {
    "ablation_few_labels": "8,000 labelled, four epochs",
    "ablation_pseudo_labels": "8,000 labelled, the others pseudo-labelled, one epoch",
}


def _scores() -> pd.Series:
    found = pd.read_csv(STUDY / "ablations.csv").query("seed == 1 and split != 'validation_mismatched'")
    return found.set_index(["experiment", "model", "task"])["score"].sort_index()


def choices() -> str:
    """Return what BERT-Medium's shape scores on MNLI with one choice changed."""
    scores = _scores()
    base = scores[(*BASE, "mnli")]
    rows = [
        (
            name,
            f"{scores[(*key, 'mnli')]:.1f}",
            "" if key == BASE else f"{scores[(*key, 'mnli')] - base:+.1f}",
        )
        for key, name in CHOICES.items()
    ]
    return table(("choice", "MNLI-m", "difference"), rows)


def heads() -> str:
    """Return what whole and narrowed heads score on MNLI."""
    scores = _scores()
    rows = [(name, f"{scores['ablation_shapes', model, 'mnli']:.1f}") for model, name in HEADS.items()]
    return table(("6L-192H-384F with", "MNLI-m"), rows)


def pseudo_labels() -> str:
    """Return what rows without labels add."""
    scores = _scores()
    rows = [
        (name, *(f"{scores[experiment, model, 'mnli']:.1f}" for model in (TEACHER, "bert_medium")))
        for experiment, name in ROWS.items()
    ]
    return table(("rows of MNLI", "teacher", "student"), rows)


def intermediate() -> str:
    """Return what intermediate-task training gives the teachers."""
    scores = _scores()
    rows = []
    for task in ("rte", "mrpc", "stsb"):
        alone, after = (scores[name, TEACHER, task] for name in ("ablation_single_tasks", "study"))
        rows.append((LABELS[task], f"{alone:.1f}", f"{after:.1f}", f"{after - alone:+.1f}"))
    return table(
        ("task", "fine-tuned from the pretrained encoder", "from MNLI's teacher", "difference"), rows
    )


TABLES = {
    "ablations/choices": choices,
    "ablations/heads": heads,
    "ablations/pseudo_labels": pseudo_labels,
    "ablations/intermediate": intermediate,
}
