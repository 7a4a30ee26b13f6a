"""Generated tasks of GLUE's shape, for runs without the data: see docs/synthetic.md.

They are synthetic: scores on them say nothing of GLUE.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

TASKS = ("mnli", "rte", "mrpc", "qqp", "qnli", "sst2", "cola", "stsb")


def generate(task: str, seed: int, train_rows: int, validation_rows: int) -> dict[str, pd.DataFrame]:
    """Generate the splits of one GLUE task, with the columns and label codes of ``nyu-mll/glue``.

    Returns a frame for each split: ``train`` (``train_rows`` rows), then the validation split or splits
    (``validation_rows`` rows each). Same arguments, same frames, on any machine. Raises UserError for a
    task outside ``TASKS``, a number of rows below 1, and more rows than there are distinct texts.
    """
    from kdnas.synthetic import generator  # here, as the check of a configuration needs the names alone

    return generator.generate(task, seed, train_rows, validation_rows)
