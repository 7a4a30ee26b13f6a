"""The latencies of some architectures and their teacher: from a table, or from the store or measured."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from kdnas.files.store import Store
from kdnas.latency.protocol import Protocol
from kdnas.latency.table import LatencyTable, profile_by_table
from kdnas.models.config_file import read_config_file
from kdnas.models.families import shape_of
from kdnas.search.space import Architecture


def profile_from_config(
    models: dict[Any, Architecture],
    teacher_folder: str | Path,
    *,
    latency: dict[str, Any],
    device: str,
    store: str | Path,
    together: bool = False,
    needed: bool = True,
    warn: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Return the content of ``latency.json`` (docs/artifacts.md).

    Raises UserError for a table that is wrong or lacks a row, and where a GPU is needed and there is none.

    Args:
        models: architectures by the name of their model.
        teacher_folder: holds the teacher's ``config.json``.
        latency: the config's section.
        device: ``cpu`` or ``gpu``.
        store: the folder of the store.
        together: see :func:`kdnas.latency.clock.profile_by_clock`, like the next two.
        needed: whether a GPU that is not there is an error.
        warn: is called with a sentence on ratios whose interval stayed too wide.
    """
    protocol = Protocol.from_config(latency, device)
    if latency["table"]:
        teacher = shape_of(read_config_file(teacher_folder))
        return profile_by_table(models, teacher, protocol=protocol, table=LatencyTable(latency["table"]))
    # torch and transformers take seconds to import, which a table does without
    from kdnas.latency.clock import profile_by_clock
    from kdnas.models.loading import load_config

    teacher = load_config(teacher_folder)
    return profile_by_clock(
        models, teacher, protocol=protocol, store=Store(store), together=together, needed=needed, warn=warn
    )
