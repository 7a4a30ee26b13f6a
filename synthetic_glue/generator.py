"""The generator of each task, and its labels and vocabularies."""

from __future__ import annotations

import pandas as pd

from kdnas.errors import UserError
from kdnas.sentences import shown
from synthetic_glue import (
    acceptability,
    answers,
    nli,
    paraphrase,
    questions,
    rte,
    sentiment,
    similarity,
)
from synthetic_glue.lexicon import AWAY, HOME
from synthetic_glue.tasks import Task, make_splits

_ALL = {"validation": HOME + AWAY}
_EVEN = {0: 1, 1: 1}

TASKS = {
    "mnli": Task(
        ("premise", "hypothesis"),
        {0: 1, 1: 1, 2: 1},
        nli.draw,
        {"validation_matched": HOME, "validation_mismatched": AWAY},
    ),
    "rte": Task(("sentence1", "sentence2"), _EVEN, rte.draw, _ALL),
    "mrpc": Task(("sentence1", "sentence2"), {0: 0.32, 1: 0.68}, paraphrase.draw, _ALL),
    "qqp": Task(("question1", "question2"), _EVEN, questions.draw, _ALL),
    "qnli": Task(("question", "sentence"), _EVEN, answers.draw, _ALL),
    "sst2": Task(("sentence",), _EVEN, sentiment.draw, _ALL),
    "cola": Task(("sentence",), {0: 0.3, 1: 0.7}, acceptability.draw, _ALL),
    "stsb": Task(("sentence1", "sentence2"), dict.fromkeys(similarity.SCORES, 1), similarity.draw, _ALL),
}


def generate(task: str, seed: int, train_rows: int, validation_rows: int) -> dict[str, pd.DataFrame]:
    """Generate the splits of one GLUE task, with the columns and label codes of ``nyu-mll/glue``.

    Returns a frame for each split: ``train`` (``train_rows`` rows), then the validation split or splits
    (``validation_rows`` rows each). Same arguments, same frames, on any machine. Raises UserError for a
    task outside ``TASKS``, a number of rows below 1, and more rows than there are distinct texts.
    """
    if task not in TASKS:
        raise UserError(f"task {shown(task)} cannot be generated: the synthetic tasks are {', '.join(TASKS)}")
    for key, rows in (("train_rows", train_rows), ("validation_rows", validation_rows)):
        if not isinstance(rows, int) or isinstance(rows, bool) or rows < 1:
            raise UserError(f"data.synthetic.{key} is {shown(rows)}: it must be a whole number of at least 1")
    return make_splits(task, TASKS[task], seed, train_rows, validation_rows)
