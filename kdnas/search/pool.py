"""The architectures that the searches of all strategies evaluated, each once."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from kdnas.search.history import check_any_succeeded
from kdnas.search.space import DIMENSIONS


def pool(histories: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return one row for every architecture in ``histories`` (strategy to its whole history).

    Columns are those of a history and ``strategies``, the names of those that evaluated it, joined by commas.
    An architecture that failed in one search and worked in another counts as one that worked. Where the
    results of two searches differ (a latency that missed its interval may), the first strategy's counts. Rows
    keep their order. Raises UserError if nothing worked.
    """
    frames = [history.assign(strategy=strategy) for strategy, history in histories.items()]
    rows = pd.concat(frames, ignore_index=True)
    check_any_succeeded(rows, "every search")
    rows = rows.sort_values("status", key=lambda status: status != "ok", kind="stable")
    same = rows.groupby([*DIMENSIONS, "status"], sort=False)
    rows["strategies"] = same["strategy"].transform(lambda names: ", ".join(dict.fromkeys(names)))
    return rows.drop_duplicates(list(DIMENSIONS)).drop(columns="strategy").sort_index()
