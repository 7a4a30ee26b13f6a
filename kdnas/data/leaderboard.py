"""GLUE's test splits, and the file that the leaderboard takes for each.

Apart from the registry of tasks on purpose: nothing that trains or scores imports this module. A test split
is predicted and never scored, as its labels are not public.

Sources. File names: the submission formatters of GLUE's authors, github.com/nyu-mll/jiant
(``scripts/postproc/glue``; jiant-dev pull requests 115 and 134). AX is predicted by the MNLI model:
github.com/microsoft/DeBERTa issue 65. Rows: the card of the data set ``nyu-mll/glue``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

DIAGNOSTIC = "AX"


@dataclass(frozen=True)
class LeaderboardSplit:
    """One test split: ``rows`` of ``split`` in ``subset``, predicted by the models of ``task``.

    ``subset`` is the configuration of ``nyu-mll/glue`` and the folder of a local copy. It is the task's own
    name, except for the diagnostic set.
    """

    task: str
    subset: str
    split: str
    rows: int


LEADERBOARD: dict[str, LeaderboardSplit] = {
    "CoLA": LeaderboardSplit("cola", "cola", "test", 1063),
    "SST-2": LeaderboardSplit("sst2", "sst2", "test", 1821),
    "MRPC": LeaderboardSplit("mrpc", "mrpc", "test", 1725),
    "STS-B": LeaderboardSplit("stsb", "stsb", "test", 1379),
    "QQP": LeaderboardSplit("qqp", "qqp", "test", 390965),
    "MNLI-m": LeaderboardSplit("mnli", "mnli", "test_matched", 9796),
    "MNLI-mm": LeaderboardSplit("mnli", "mnli", "test_mismatched", 9847),
    "QNLI": LeaderboardSplit("qnli", "qnli", "test", 5463),
    "RTE": LeaderboardSplit("rte", "rte", "test", 3000),
    "WNLI": LeaderboardSplit("wnli", "wnli", "test", 146),
    DIAGNOSTIC: LeaderboardSplit("mnli", "ax", "test", 1104),
}


def leaderboard_files(tasks: Sequence[str], diagnostic: bool) -> list[str]:
    """Return the names, without ``.tsv``, of the files of ``tasks``, with the diagnostic set if asked for."""
    return [
        name
        for name, split in LEADERBOARD.items()
        if split.task in tasks and (diagnostic or name != DIAGNOSTIC)
    ]
