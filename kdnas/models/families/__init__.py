"""Which models of transformers can be taught and narrowed: one class in one file each, and one line here."""

from __future__ import annotations

from pkgutil import resolve_name
from typing import Any

from kdnas.errors import UserError
from kdnas.models.families.base import Family
from kdnas.search.space import Architecture
from kdnas.sentences import shown

# by the model_type in config.json (docs/extending.md)
FAMILIES = {
    "bert": "kdnas.models.families.bert:Bert",
    "camembert": "kdnas.models.families.roberta:Roberta",
    "distilbert": "kdnas.models.families.distilbert:DistilBert",
    "electra": "kdnas.models.families.electra:Electra",
    "modernbert": "kdnas.models.families.modernbert:ModernBert",
    "mpnet": "kdnas.models.families.mpnet:MPNet",
    "roberta": "kdnas.models.families.roberta:Roberta",
    "xlm-roberta": "kdnas.models.families.roberta:Roberta",
}


def check_family(model_type: Any, described: str) -> None:
    """Raise UserError unless ``model_type`` names a model of the BERT family."""
    if model_type not in FAMILIES:
        raise UserError(
            f"{described} has model_type {shown(model_type)}; allowed: one of the BERT family, "
            f"{', '.join(FAMILIES)}"
        )


def family_of(model_type: str) -> Family:
    """Return the family of a ``model_type`` that :func:`check_family` lets pass."""
    found: type[Family] = resolve_name(FAMILIES[model_type])
    return found()


def shape_of(config: Any) -> Architecture:
    """Read a model's shape off its ``config``: a transformers configuration, or config.json as attributes."""
    keys = family_of(config.model_type).keys
    return Architecture(**{dimension: getattr(config, key) for dimension, key in keys.items()})


__all__ = ["FAMILIES", "Family", "check_family", "family_of", "shape_of"]
