"""Groups of rows that share texts, so that a draw of whole groups leaves no text on both sides."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd


def text_groups(frame: pd.DataFrame, columns: Sequence[str], most: int) -> np.ndarray:
    """Return each row's group, (n,) int64, numbered from 0 in the order in which they appear.

    Rows that share a text, in whichever of the ``columns``, are in one group, and so is what shares a text
    with one of them. Texts join their rows one by one, those of few rows first; one that would make a group
    of more than ``most`` rows joins none, so it is the texts of many rows (a category, a popular passage)
    that may be in several groups. Rows with all texts the same, in either order, always are in one group.
    """
    texts = [frame[column].to_numpy(dtype=object) for column in columns]
    codes = pd.factorize(np.concatenate(texts))[0].reshape(len(columns), len(frame)).T  # (rows, columns)
    groups = pd.factorize(codes.min(axis=1) * (codes.max() + 1) + codes.max(axis=1))[0]  # unordered pairs
    sizes = np.bincount(groups)
    parents = list(range(len(sizes)))

    def find(group: int) -> int:
        while parents[group] != group:
            parents[group] = group = parents[parents[group]]
        return group

    for members in _by_text(codes, groups, sizes):
        roots = {find(group) for group in members}
        total = sum(int(sizes[root]) for root in roots)
        if total <= most:
            first = min(roots)
            for root in roots:
                parents[root] = first
            sizes[first] = total
    found = np.array([find(group) for group in range(len(parents))], dtype=np.int64)
    return pd.factorize(found[groups])[0]


def _by_text(codes: np.ndarray, groups: np.ndarray, sizes: np.ndarray) -> list[list[int]]:
    """Return the groups of every text that several have, the texts of the fewest rows first."""
    pairs = np.unique(codes.reshape(-1) * len(sizes) + groups.repeat(codes.shape[1]))
    texts, members = np.divmod(pairs, len(sizes))
    starts = np.flatnonzero(np.diff(texts, prepend=-1))
    rows = np.add.reduceat(sizes[members], starts)
    ends = np.append(starts[1:], len(pairs))
    several = np.flatnonzero(ends - starts > 1)
    several = several[np.argsort(rows[several], kind="stable")]
    return [members[starts[text] : ends[text]].tolist() for text in several]
