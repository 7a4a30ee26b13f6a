"""The proxy set: the share of the search task's training rows that candidates are distilled on."""

from __future__ import annotations

import numpy as np
import pandas as pd

from kdnas.data.frames import TRAIN_ROW
from kdnas.data.rows import proxy_rows
from kdnas.data.stratify import allocate, check_part, draw
from kdnas.data.tasks import Definition, get_task
from kdnas.errors import UserError


def build_proxy(frame: pd.DataFrame, task: Definition, *, share: float, seed: int) -> pd.DataFrame:
    """Return ``share`` of the training rows ``frame`` in their old order; ``train_row`` holds their numbers.

    They are drawn with ``seed``, stratified by label (kdnas.data.kinds), with at least one row of each class.
    The paper reports the share (30 %). Raises UserError for an impossible share and for one that leaves a
    class without rows.
    """
    task = get_task(task)
    if not 0 < share <= 1:
        raise UserError(f"search.proxy.share is {share}; allowed: a number above 0 and at most 1")
    targets = task.kind.targets(frame["label"])
    stratum = task.kind.strata(targets)
    quotas = allocate(np.bincount(stratum), proxy_rows(len(frame), share))
    rows = draw(stratum, quotas, np.random.default_rng(seed))
    setting = f"search.proxy.share is {share}"
    check_part(task, targets, rows, setting=setting, part="the proxy set", allowed="a larger share")
    return frame.iloc[rows].reset_index(drop=True).assign(**{TRAIN_ROW: rows})
