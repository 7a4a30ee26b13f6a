"""Opening a model folder with transformers alone, as somebody does who has never heard of kdnas."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import nn

Row = dict[str, list[int]]


def open_tokenizer(folder: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder)


def last_linear(model: nn.Module) -> nn.Linear:
    """Return the output layer of a classifier."""
    return [module for module in model.classifier.modules() if isinstance(module, nn.Linear)][-1]


def texts_of(frame: pd.DataFrame, texts: int) -> list[list[str]]:
    return [frame[f"text{place}"].tolist() for place in range(1, texts + 1)]


def tokenised(
    tokenizer: Any, frame: pd.DataFrame, texts: int, max_length: int | None, types: bool = False
) -> list[Row]:
    """Return what the tokenizer makes of each row alone, cut to ``max_length`` or where the folder says."""
    limit = {} if max_length is None else {"max_length": max_length}
    asked = {"return_token_type_ids": True} if types else {}
    return [
        dict(tokenizer(*row, truncation=True, **limit, **asked))
        for row in zip(*texts_of(frame, texts), strict=True)
    ]


@torch.no_grad()
def unpadded(
    model: nn.Module, rows: list[Row], kept: Callable[[torch.Tensor], torch.Tensor] = lambda logits: logits
) -> torch.Tensor:
    """Return the logits (rows, outputs) of rows that nobody padded: those of one length go together."""
    by_length: dict[int, list[int]] = {}
    for place, row in enumerate(rows):
        by_length.setdefault(len(row["input_ids"]), []).append(place)
    found: list[torch.Tensor] = [torch.empty(0)] * len(rows)
    for places in by_length.values():
        inputs = {name: torch.tensor([rows[place][name] for place in places]) for name in rows[places[0]]}
        output = kept(model(**inputs, return_dict=True).logits)
        for place, values in zip(places, output, strict=True):
            found[place] = values
    return torch.stack(found)


@torch.no_grad()
def padded(model: nn.Module, tokenizer: Any, frame: pd.DataFrame, texts: int) -> torch.Tensor:
    """Return the logits of all rows in one padded batch."""
    inputs = tokenizer(*texts_of(frame, texts), padding=True, truncation=True, return_tensors="pt")
    return model(**inputs, return_dict=True).logits
