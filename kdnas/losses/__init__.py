"""Distillation losses: one class in one file each, and one line here (docs/extending.md)."""

from __future__ import annotations

from pkgutil import resolve_name
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kdnas.losses.base import Loss

# by the name of the key in distillation.losses; as text, because torch takes seconds to import
LOSSES = {
    "hidden": "kdnas.losses.hidden:HiddenStates",
    "logits": "kdnas.losses.logits:Logits",
    "relations": "kdnas.losses.relations:Relations",
    "labels": "kdnas.losses.labels:Labels",
}
LABELS = "labels"  # the one that asks no teacher


def loss_class(name: str) -> type[Loss]:
    """Return the class of the loss ``name``."""
    return resolve_name(LOSSES[name])
