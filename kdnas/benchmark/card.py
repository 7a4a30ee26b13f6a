"""The data card of a benchmark's table: what a reader has to know before using or citing it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from kdnas.analysis.ranking import MIN_PAIRS, kendall_tau, tau_interval
from kdnas.errors import UserError
from kdnas.search.space import DIMENSIONS
from kdnas.tables.markdown import plain_table

_ORIGIN = ("what", "from")
FULL = "full_accuracy_seed_"
_HELD_OUT = "on the held-out rows, by the proxy `{0}`"
_IN_FULL = "on the first development split, distilled in full with seed {0}"
_COLUMNS = {  # pattern of a column's name: what it holds
    "|".join(DIMENSIONS): "dimension of the architecture",
    "parameters": "parameters of the classifier, embeddings included",
    "(.+)_status": "`ok` or `failed`, by the proxy `{0}`",
    "(.+)_seconds": "seconds of initialisation and training by the proxy `{0}`",
    f"{FULL}(.+)": f"the task's metric {_IN_FULL}",
    "full_loss_seed_(.+)": f"1 − distillation loss {_IN_FULL}",
    "full_agreement_seed_(.+)": f"agreement with the teacher {_IN_FULL}",
    "(.+)_accuracy": f"the task's metric {_HELD_OUT}",
    "(.+)_loss": f"1 − distillation loss {_HELD_OUT}",
    "(.+)_agreement": f"agreement with the teacher {_HELD_OUT}",
    "latency_ratio_(.+)": "latency over the teacher's in `{0}`",
    "ratio_(low|high)_(.+)": "{0} end of its 95 % interval in `{1}`",
}
_CARD = """# Data card: {title}

{rows} architectures of one search space, each evaluated once. docs/benchmark.md says how it is made and used.

## Columns

{columns}

## Origin

{origin}

## Noise ceiling

Kendall's τ-b of the first full distillation with the others and with the proxies, and its 95 % bootstrap
interval over architectures. How well two seeds of full distillation agree, if there are two, is the ceiling:
no proxy can be expected to rank better.

{rankings}

## Limits

- Each architecture is evaluated once: the best rows are lucky ones, and regret is against what was measured.
- Latencies are those of the hardware above. Another orders architectures differently.
- One task, one teacher and one recipe.

## Licence and citation

Apache-2.0, as the code. The table holds measurements and no row of a data set. Cite the repository
(`CITATION.cff`) with the newest commit above.
"""


def card(title: str, table: pd.DataFrame, origin: Mapping[str, str]) -> str:
    """Return the card as Markdown; ``origin`` is what :func:`origin` returns, of all columns."""
    return _CARD.format(
        title=title,
        rows=len(table),
        columns=plain_table(("column", "known of", "what it holds"), _described(table)),
        origin=plain_table(_ORIGIN, origin.items()),
        rankings=_rankings(table),
    )


def origin(
    sources: Mapping[str, Path], *, hardware: Mapping[str, Iterable[str]], versions: Mapping[str, Any]
) -> dict[str, str]:
    """Return where a table's columns come from, by what they are.

    ``sources`` are the results behind each proxy and seed, ``hardware`` what each runtime was timed on;
    ``versions`` are those of :func:`kdnas.workflow.provenance.versions`.
    """
    commit = f"commit `{versions['commit']}`" + (" with later changes" if versions["changed"] else "")
    code = ", ".join([commit, *(f"{name} {versions[name]}" for name in ("python", "torch", "transformers"))])
    found = {what: f"`{source}`, {code}" for what, source in sources.items()}
    return found | {f"latencies in `{name}`": "; ".join(sorted(kinds)) for name, kinds in hardware.items()}


def origin_of(path: Path) -> dict[str, str]:
    """Return what the card at ``path`` says of where its columns come from; UserError if there is none."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    _, head, rest = text.partition(plain_table(_ORIGIN, []) + "\n")
    if not head:
        raise UserError(f"{path} is no data card; allowed: the one that was made with its table")
    lines = rest.partition("\n\n")[0].splitlines()
    return dict(line.strip("| ").split(" | ", maxsplit=1) for line in lines)


def _described(table: pd.DataFrame) -> list[tuple[str, str, str]]:
    rows = []
    for name in table.columns:
        matches = ((text, re.fullmatch(pattern, name)) for pattern, text in _COLUMNS.items())
        what = next((text.format(*found.groups()) for text, found in matches if found), "")
        rows.append((f"`{name}`", str(table[name].notna().sum()), what))
    return rows


def _rankings(table: pd.DataFrame) -> str:
    full = [name for name in table.columns if name.startswith(FULL)]
    if not full:
        return "Nothing was distilled in full."
    qualities = [name for name in table.columns if re.search("_(accuracy|loss|agreement)$", name)]
    rows = []
    for name in [*full[1:], *qualities]:
        pairs = table[[full[0], name]].dropna().astype(float)
        text = f"none: fewer than {MIN_PAIRS} architectures"
        if len(pairs) >= MIN_PAIRS:
            tau = kendall_tau(pairs[full[0]], pairs[name])
            low, high, _ = tau_interval(pairs[full[0]], pairs[name])
            text = "none: all equal" if math.isnan(tau) else f"{tau:.2f} [{low:.2f}, {high:.2f}]"
        rows.append((f"`{full[0]}`", f"`{name}`", str(len(pairs)), text))
    return plain_table(("between", "and", "architectures", "τ"), rows)
