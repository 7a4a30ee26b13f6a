"""RoBERTa (Liu et al. 2019, arXiv 1907.11692), XLM-RoBERTa and CamemBERT."""

from __future__ import annotations

from kdnas.models.families.base import Family


class Roberta(Family):
    """It numbers a text's positions from the id of its padding."""

    prefix = "roberta"
    pad_token_id = 1
    counts_from_padding = True
