"""What a run found, for its first page: the students by quality and speed, and which one to take."""

from __future__ import annotations

import base64
import textwrap
from pathlib import Path

import pandas as pd

from kdnas.files.csv_file import read_csv
from kdnas.tables.table import mean_sd, number

HAND_CRAFTED = "hand_crafted"
SHARES = (100, 99, 98, 97, 95, 90)  # % of the teacher's average that a reader may ask for


def final_students(scores: str | Path, sizes: str | Path, device: str) -> pd.DataFrame:
    """Return a row a model, the teacher first, from the CSV forms of the tables ``glue`` and ``efficiency``.

    Columns: ``architecture``, ``origin``, ``parameters``, ``average`` (points) with its ``sd`` over seeds,
    ``share`` (% of the teacher's average), ``speedup`` on ``device`` (``cpu`` or ``gpu``) with the ends of
    its 95 % interval, and ``latency_ms``. Raises UserError for a missing or damaged file.
    """
    averages = read_csv(scores)
    averages = averages[averages["task"] == "average"].set_index("model")
    efficiency = read_csv(sizes).set_index("model")
    columns = {f"{device}_speedup{end}": f"speedup{end}" for end in ("", "_low", "_high")}
    columns |= {f"{device}_latency_ms": "latency_ms", "architecture": "architecture", "origin": "origin"}
    students = efficiency[["parameters", *columns]].rename(columns=columns)
    students["average"], students["sd"] = averages["score"], averages["sd"]
    students["share"] = 100 * students["average"] / students.at["teacher", "average"]
    return students


def choices(students: pd.DataFrame) -> pd.DataFrame:
    """Return for each share of the teacher that some student keeps the fastest student that does.

    ``students`` is what :func:`final_students` returns; a student that answers several shares has one row,
    with the highest.
    """
    timed = students.drop(index="teacher").dropna(subset=["speedup", "average"])
    rows: dict[str, dict[str, object]] = {}
    for share in SHARES:
        enough = timed[timed["share"] >= share]
        if enough.empty:
            continue
        name = str(enough["speedup"].idxmax())
        rows.setdefault(name, {"keeps": share, "student": name, **timed.loc[name].to_dict()})
    return pd.DataFrame(list(rows.values()))


def overview_text(
    students: pd.DataFrame, *, results: str, task: str, seed: int, device: str, synthetic: bool, figure: Path
) -> str:
    """Return the first page of a report in reStructuredText.

    Args:
        students: as :func:`final_students` returns them.
        results: the folder of results.
        task: of the model folders that are shown.
        seed: of these folders.
        device: whose speed-ups they are.
        synthetic: whether the data are generated.
        figure: the PNG form of the figure ``quality_speed``.
    """
    found = students.drop(index="teacher")
    parts = [_sentence(found, device)]
    if synthetic:
        parts = ["**The data are synthetic: no score in this report is a GLUE score.**", *parts]
    # docutils joins the lines of an address, and refuses a long one
    image = textwrap.wrap("data:image/png;base64," + base64.b64encode(figure.read_bytes()).decode(), 100)
    parts += ["\n   ".join([".. image::", *image, ":width: 640px", ":alt: quality against speed"])]
    parts += [
        "**The models.** Average of the tasks' scores; more in *Students* on the left.",
        _models(students),
    ]
    chosen = choices(students)
    if not chosen.empty:
        parts += ["**Which student to take.** The fastest that keeps so much of the teacher's average:"]
        parts += [
            f"- at least {row.keeps:g} %: **{row.student}**, {number(row.speedup, 2)} times as fast, in "
            f"``{results}/students/{row.student}/{task}/seed_{seed}/model``"
            for row in chosen.itertuples()
        ]
        parts += [
            "Every task has a folder of its own. ``AutoModelForSequenceClassification.from_pretrained`` and "
            "``AutoTokenizer.from_pretrained`` of transformers load it."
        ]
    return "\n\n".join(parts) + "\n"


def _sentence(found: pd.DataFrame, device: str) -> str:
    timed = found.dropna(subset=["speedup", "average"])
    searched = timed[timed["origin"] != HAND_CRAFTED]
    best = searched if not searched.empty else timed
    if best.empty:
        return "No student was timed on this device."
    row = best.loc[best["share"].idxmax()]
    return (
        f"The best student, **{row.name}** ({row['architecture']}), keeps {row['share']:.1f} % of the "
        f"teacher's average at {number(row['speedup'], 2)} times its speed on the {device.upper()}, with "
        f"{row['parameters'] / 1e6:.1f} million parameters."
    )


def _models(students: pd.DataFrame) -> str:
    rows = [
        [
            str(row.Index),
            row.architecture,
            f"{row.parameters / 1e6:.1f} M",
            mean_sd(row.average, row.sd, 1),
            f"{number(row.share, 1)} %",
            f"{number(row.speedup, 2)}x" if pd.notna(row.speedup) else "",
        ]
        for row in students.itertuples()
    ]
    return _rst_table(["Model", "Architecture", "Parameters", "Average", "Of the teacher", "Speed-up"], rows)


def _rst_table(head: list[str], rows: list[list[str]]) -> str:
    lines = [".. list-table::", "   :header-rows: 1", ""]
    for row in (head, *rows):
        lines += [f"   {'* -' if position == 0 else '  -'} {cell}" for position, cell in enumerate(row)]
    return "\n".join(lines)
