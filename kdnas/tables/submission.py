"""A model's predictions of a test split, as the GLUE leaderboard takes them.

The format is that of GLUE's authors (github.com/nyu-mll/jiant, ``write_glue_preds`` of version 1 and
``scripts/postproc/glue`` of version 2): tab-separated, the header ``index<tab>prediction``, class names for
MNLI, QNLI, RTE and AX, codes for the other classes, STS-B cut to 0..5 and rounded to three decimals.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from kdnas.data.frames import read_split
from kdnas.data.leaderboard import LEADERBOARD
from kdnas.data.tasks import Task, get_task
from kdnas.files.artifacts import write_text
from kdnas.models.loading import load_classifier
from kdnas.models.tokenizer import load_tokenizer
from kdnas.training.data import encode
from kdnas.training.device import claim
from kdnas.training.scoring import predict

NAMED = ("mnli", "qnli", "rte")  # tasks whose classes have names on the leaderboard; WNLI's have codes


def predict_test(
    name: str,
    model_folder: Path,
    data_folder: Path,
    *,
    max_length: int,
    device: str,
    threads: int,
    file: Path,
) -> None:
    """Write a file of the leaderboard with one model's predictions.

    Raises UserError for a damaged model or split.

    Args:
        name: of the leaderboard's file, without ``.tsv``.
        model_folder: the model.
        data_folder: holds the test split.
        max_length: tokens that texts are cut to, as in training.
        device: the config's ``training.device``.
        threads: the config's ``training.threads``.
        file: the file to write.
    """
    task = get_task(LEADERBOARD[name].task)
    frame = read_split(data_folder, LEADERBOARD[name].split)
    data = encode(frame, task, load_tokenizer(model_folder), max_length=max_length)
    with claim(device, threads) as claimed:
        logits = predict(load_classifier(model_folder).to(claimed), data, claimed)
    write_submission(file, task, frame["idx"].to_numpy(), logits)


def write_submission(file: Path, task: Task, idx: np.ndarray, logits: np.ndarray) -> None:
    """Write the predictions of ``logits`` (rows, labels) under their ``idx`` (rows,), in ascending order."""
    order = np.argsort(idx, kind="stable")
    lines = [
        f"{index}\t{prediction}\n"
        for index, prediction in zip(idx[order], _predictions(task, logits[order]), strict=True)
    ]
    write_text(file, "".join(["index\tprediction\n", *lines]))


def _predictions(task: Task, logits: np.ndarray) -> list[str]:
    if task.regression:
        return [f"{score:.3f}" for score in logits.squeeze(-1).clip(*task.label_range)]
    codes = logits.argmax(axis=-1)
    return [task.classes[code] if task.name in NAMED else str(code) for code in codes]
