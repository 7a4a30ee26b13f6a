"""Made-up rows: words of training rows replaced by near ones.

After TinyBERT (Jiao et al. 2020, arXiv 1909.10351), where GloVe and a masked language model say what is near.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
import pandas as pd

WORD = re.compile(r"[a-z]+", re.IGNORECASE)


def neighbours(vocabulary: Mapping[str, int], embeddings: np.ndarray, count: int) -> dict[str, list[str]]:
    """Return the ``count`` nearest words of each whole word of a vocabulary, by cosine of their embeddings.

    ``embeddings`` has a row a token, (tokens, dimensions). Pieces of words, numbers and signs are left out.
    """
    words = sorted(word for word in vocabulary if WORD.fullmatch(word) and len(word) > 1)
    vectors = embeddings[[vocabulary[word] for word in words]]
    vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    near = {}
    for start in range(0, len(words), 1024):
        similarity = vectors[start : start + 1024] @ vectors.T
        rows = np.arange(len(similarity))
        similarity[rows, start + rows] = -np.inf  # a word is no neighbour of itself
        nearest = np.argpartition(-similarity, count, axis=1)[:, :count]
        near |= {words[start + row]: [words[other] for other in nearest[row]] for row in rows}
    return near


def replace_words(
    frame: pd.DataFrame,
    columns: list[str],
    near: Mapping[str, list[str]],
    share: float,
    copies: int,
    seed: int,
) -> pd.DataFrame:
    """Return ``copies`` rows for each row of ``frame``, in which about ``share`` of the words are replaced.

    A word that a row's texts share is replaced in all of them, by the same one: whether they share it is what
    tasks of two texts ask.
    """
    generator = np.random.default_rng(seed)
    made = []
    for _ in range(copies):
        for row in frame[columns].itertuples(index=False, name=None):
            chosen: dict[str, str] = {}
            for word in dict.fromkeys(WORD.findall(" ".join(row).lower())):
                if word in near and generator.random() < share:
                    chosen[word] = near[word][generator.integers(len(near[word]))]
            made.append([_replaced(text, chosen) for text in row])
    return pd.DataFrame(made, columns=columns)


def _replaced(text: str, chosen: Mapping[str, str]) -> str:
    return WORD.sub(lambda match: chosen.get(match[0].lower(), match[0]), text)
