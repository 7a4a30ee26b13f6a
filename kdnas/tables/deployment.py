"""The deployment table: every model in every runtime, by score, speed and size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from kdnas.analysis.scores import complete_tasks, scored_tasks, seed_averages, seed_scores
from kdnas.data.tasks import Definition
from kdnas.files.artifacts import read_json
from kdnas.latency.protocol import hardware_text
from kdnas.tables.table import Table, best_cells, mean_sd, number

TEACHER, TORCH = "teacher", "torch"
WHOLE = "torch with the whole vocabulary"  # stands for a runtime where copies with fewer pieces are scored
WHOLE_SCORE = "whole_score"  # the column of what that gives
_INVERSE = {  # a speed-up is one over a ratio, so the ends of its interval change places
    "speedup": "ratio",
    "speedup_low": "ratio_high",
    "speedup_high": "ratio_low",
    "speedup_same_runtime": "ratio_same_runtime",
    "speedup_same_runtime_low": "ratio_same_runtime_high",
    "speedup_same_runtime_high": "ratio_same_runtime_low",
}
Pair = tuple[str, str]  # a model and a runtime


def deployment_table(
    folders: Sequence[str | Path],
    definitions: Sequence[Definition],
    *,
    latency: str | Path | None,
    margin: float,
) -> Table:
    """Build the table; rows: the teacher, then the students, each in the order of the runtimes.

    ``folders`` are those of rule ``export_models``, one a task and seed, ``latency`` is
    ``latency/deployment.json``, None where nothing was timed. Averages are points, as in the table ``glue``;
    a model that loses more than ``margin`` points in a runtime, or by a smaller vocabulary, is named in the
    notes. With a smaller one there are more columns (docs/artifacts.md). Raises UserError for a missing or
    damaged file.
    """
    contents = [read_json(Path(folder) / "scores.json") for folder in folders]
    records = [record for content in contents for record in _records(content)]
    tasks = scored_tasks(definitions, records)
    pairs = [(entry["model"], entry["runtime"]) for entry in contents[0]["models"]]
    seeds = seed_scores(records, tasks)
    averaged = complete_tasks(seeds, [_name(pair) for pair in pairs], tasks)
    averages = {pair: seed_averages(seeds, _name(pair), averaged) for pair in pairs}
    smaller = "vocabulary" in contents[0]
    before = {model: seed_averages(seeds, _name((model, WHOLE)), averaged) for model, _ in pairs if smaller}
    timed = _timed(read_json(latency)) if latency else {}
    teacher = before.get(TEACHER, averages[TEACHER, TORCH]).mean()
    rows = []
    for pair in pairs:
        model, runtime = pair
        entries = [_entry(content, pair) for content in contents]
        changed = [entry["changed_rows"] for entry in entries]
        of_classes = [
            sum(content["rows"].values())
            for content, count in zip(contents, changed, strict=True)
            if count is not None
        ]
        found = timed.get(pair, {})
        rows.append(
            {
                "model": model,
                "runtime": runtime,
                "score": averages[pair].mean(),
                "sd": averages[pair].std(),
                "seeds": len(averages[pair]),
                "teacher_share": 100 * averages[pair].mean() / teacher if teacher > 0 else None,
                "lost": averages[model, TORCH].mean() - averages[pair].mean(),
                **(_cut(contents, model, before[model].mean()) if smaller else {}),
                "latency_ms": found.get("latency_ms"),
                **{name: 1 / found[ratio] if found else None for name, ratio in _INVERSE.items()},
                "size_mb": sum(entry["size_mb"] for entry in entries) / len(entries),
                "memory_mb": found.get("memory_mb"),
                "changed_share": 100 * sum(filter(None, changed)) / sum(of_classes) if of_classes else None,
                "largest_difference": max(entry["largest_difference"] for entry in entries),
                "synthetic": any(content["synthetic"] for content in contents),
            }
        )
    data = pd.DataFrame(rows)
    floats = ["score", "sd", "teacher_share", "lost", "latency_ms", *_INVERSE, "memory_mb", "changed_share"]
    data = data.astype(dict.fromkeys(floats, float))
    shown, numbers = _shown(data, bool(timed))
    synthetic = bool(data["synthetic"].any())
    return Table(
        name="deployment",
        title="The models in every runtime" + (" (synthetic data, not GLUE)" if synthetic else ""),
        data=data,
        shown=shown,
        notes=_notes(data, contents, read_json(latency) if latency else None, margin),
        bold=best_cells(numbers, [row for row in range(len(data)) if pairs[row][0] != TEACHER], shown),
        left=("Runtime",),
    )


def _records(content: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the scores of a task and seed as :func:`kdnas.analysis.scores.seed_scores` takes them."""
    shared = {key: content[key] for key in ("task", "seed", "rows", "official_rows")}
    return [
        shared | {"model": _name((entry["model"], entry["runtime"])), "scores": entry["scores"]}
        for entry in [*content["models"], *_whole(content)]
    ]


def _whole(content: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the scores of the models that copies were made of."""
    of_copies = content.get("vocabulary", {}).items()
    return [{"model": model, "runtime": WHOLE, "scores": entry["scores"]} for model, entry in of_copies]


def _cut(contents: Sequence[dict[str, Any]], model: str, whole_score: float) -> dict[str, float]:
    """Return the cells about a model's smaller vocabulary, over all tasks and seeds."""
    entries = [content["vocabulary"][model] for content in contents]
    rows = sum(sum(content["rows"].values()) for content in contents)
    pieces, whole, others = (
        sum(entry[name] for entry in entries) for name in ("pieces", "whole", "retokenised_rows")
    )
    return {
        WHOLE_SCORE: whole_score,
        "pieces_share": 100 * pieces / whole,
        "retokenised_share": 100 * others / rows,
    }


def _name(pair: Pair) -> str:
    return " in ".join(pair)


def _entry(content: Mapping[str, Any], pair: Pair) -> dict[str, Any]:
    return next(entry for entry in content["models"] if (entry["model"], entry["runtime"]) == pair)


def _timed(content: Mapping[str, Any]) -> dict[Pair, dict[str, Any]]:
    return {(entry["model"], entry["runtime"]): entry for entry in content["models"]}


def _shown(data: pd.DataFrame, timed: bool) -> tuple[pd.DataFrame, dict[str, list[float]]]:
    """Return the cells as text and, for the columns that have a best, the numbers behind them."""
    columns = {
        "Model": data["model"],
        "Runtime": data["runtime"],
        "Avg.": [mean_sd(row.score, row.sd, 1) for row in data.itertuples()],
    }
    if WHOLE_SCORE in data:
        columns["Whole vocabulary"] = [number(value, 1) for value in data[WHOLE_SCORE]]
    columns["% of teacher"] = [number(value, 1) for value in data["teacher_share"]]
    numbers = {"Avg.": list(data["score"]), "% of teacher": list(data["teacher_share"])}
    if timed:
        columns["CPU (ms)"] = [number(value, 2) for value in data["latency_ms"]]
        numbers["CPU (ms)"] = [-value for value in data["latency_ms"]]
        for label, name in (("Speed-up", "speedup"), ("In same runtime", "speedup_same_runtime")):
            columns[label] = [
                f"{value:.2f}×" + ("" if low == high else f" [{low:.2f}, {high:.2f}]")
                for value, low, high in data[[name, f"{name}_low", f"{name}_high"]].to_numpy()
            ]
            numbers[label] = list(data[name])
    columns["MB"] = [number(value, 1) for value in data["size_mb"]]
    numbers["MB"] = [-value for value in data["size_mb"]]
    if timed:
        columns["Memory (MB)"] = [number(value, 0) for value in data["memory_mb"]]
        numbers["Memory (MB)"] = [-value for value in data["memory_mb"]]
    return pd.DataFrame(columns), numbers


def _notes(
    data: pd.DataFrame, contents: Sequence[dict[str, Any]], latency: dict[str, Any] | None, margin: float
) -> list[str]:
    notes = []
    if data["synthetic"].any():
        notes.append("SYNTHETIC DATA, NOT GLUE: generated tasks of GLUE's shape.")
    notes.append(
        "Average of the development scores, and its share of the teacher's in torch. torch is float32 as in "
        "training. The float32 ONNX files give its class on every row. With int8 the weights of matrix "
        "products are int8 by channel, and embeddings stay float32."
    )
    lost = data[data["lost"] > margin]
    for row in lost.itertuples():
        notes.append(
            f"{row.model} LOSES {row.lost:.2f} points of its average in {row.runtime}, more than "
            f"deployment.int8_margin ({margin:g})."
        )
    if lost.empty:
        notes.append(f"No model loses more than deployment.int8_margin ({margin:g} points) in any runtime.")
    if WHOLE_SCORE in data:
        notes += _notes_on_pieces(data[data["runtime"] == TORCH], contents, margin)
    if contents[0]["reduce_range"]:
        notes.append("int8 weights keep to 7 bits here, as this CPU has no VNNI.")
    if latency is None:
        notes.append("Not timed: latency.table replaces measuring, and knows torch alone.")
    else:
        protocol = latency["protocol"]
        notes.append(
            f"CPU: {hardware_text(latency['hardware'])}; batch size {protocol['batch_size']}, sequence "
            f"length {protocol['sequence_length']} tokens, threads: {protocol['threads']}; speed-ups over "
            "the teacher in torch and over the teacher in the same runtime, with the 95 % interval of the "
            "median over rounds in which all models are timed in all runtimes."
        )
    if latency is not None:
        notes.append(
            "Memory: the most that a process needs which loads the model and runs one pass, Python included."
        )
    notes.append("1 MB is 10^6 bytes.")
    return notes


def _notes_on_pieces(in_torch: pd.DataFrame, contents: Sequence[dict[str, Any]], margin: float) -> list[str]:
    """Return the notes on smaller vocabularies; ``in_torch`` holds the rows of the models in torch."""
    counts = [content["vocabulary"][TEACHER] for content in contents]
    fewest, most = (f"{end(entry['pieces'] for entry in counts):,}" for end in (min, max))
    kept = f"{fewest} to {most}" if fewest != most else most
    first = in_torch.iloc[0]
    notes = [
        f"All models are copies with the word pieces of their task's training rows: {kept} "
        f"of {counts[0]['whole']:,} by task and seed. {first.retokenised_share:.1f} % of the development "
        "rows have other pieces, and are read as smaller ones. Whole vocabulary: the average in torch with "
        "all pieces; % of teacher: of the teacher's with all pieces."
    ]
    for row in in_torch.itertuples():
        if (lost := row.whole_score - row.score) > margin:
            notes.append(
                f"{row.model} LOSES {lost:.2f} points of its average by the smaller vocabulary, more than "
                f"deployment.int8_margin ({margin:g})."
            )
    return notes
