"""What a run found, for its first page: the students by quality and speed, and which one to take."""

from __future__ import annotations

import base64
import textwrap
from functools import partial
from pathlib import Path

import pandas as pd

from kdnas.files.csv_file import read_csv
from kdnas.runtimes import TORCH, runtime_class
from kdnas.runtimes.base import COPY
from kdnas.tables.deployment import WHOLE_SCORE
from kdnas.tables.table import mean_sd, number

TEACHER = "teacher"  # as an origin too, where the teacher is among others
HAND_CRAFTED = "hand_crafted"
_WHICH = "**Which student to take.** The fastest that keeps so much of the teacher's average:"
_IN_TORCH = (
    "``AutoModelForSequenceClassification.from_pretrained`` and ``AutoTokenizer.from_pretrained`` of "
    "transformers load it."
)
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


def deployed_models(students: pd.DataFrame, deployment: str | Path) -> pd.DataFrame:
    """Return a row a model and runtime, from the CSV form of the table ``deployment``.

    The columns of ``students`` (:func:`final_students`) are there, with the ``average``, the ``share`` of the
    teacher in torch, the ``speedup`` over it and the latency in the row's ``runtime``; ``model`` names it,
    and ``copied`` tells whether it is a copy with fewer word pieces.
    """
    table = read_csv(deployment)
    known = students[["parameters", "architecture", "origin"]].fillna({"origin": TEACHER})
    found = table.join(known, on="model").rename(columns={"score": "average", "teacher_share": "share"})
    found.index = pd.Index([f"{row.model} in {row.runtime}" for row in found.itertuples()])
    found["copied"] = WHOLE_SCORE in table
    return found[["model", "runtime", "copied", *students.columns]]


def choices(students: pd.DataFrame) -> pd.DataFrame:
    """Return for each share of the teacher that some student keeps the fastest student that does.

    ``students`` is what :func:`final_students` returns, or the students' rows of :func:`deployed_models`; a
    student that answers several shares has one row, with the highest.
    """
    timed = students.drop(index=TEACHER, errors="ignore").dropna(subset=["speedup", "average"])
    rows: dict[str, dict[str, object]] = {}
    for share in SHARES:
        enough = timed[timed["share"] >= share]
        if enough.empty:
            continue
        name = str(enough["speedup"].idxmax())
        rows.setdefault(name, {"keeps": share, "student": name, **timed.loc[name].to_dict()})
    return pd.DataFrame(list(rows.values()))


def deployed_choices(models: pd.DataFrame) -> pd.DataFrame:
    """Return :func:`choices` among the students in all runtimes, from :func:`deployed_models`."""
    chosen = choices(models[models["model"] != TEACHER])
    return chosen.assign(student=chosen["model"]) if not chosen.empty else chosen


def overview_text(
    students: pd.DataFrame,
    *,
    results: str,
    task: str,
    seed: int,
    timed_in: str,
    synthetic: bool,
    figure: Path,
    deployed: pd.DataFrame | None = None,
) -> str:
    """Return the first page of a report in reStructuredText.

    Args:
        students: as :func:`final_students` returns them.
        results: the folder of results.
        task: of the model folders that are shown.
        seed: of these folders.
        timed_in: where their speed-ups were measured, in words (:func:`kdnas.latency.protocol.timed_in`).
        synthetic: whether the data are generated.
        figure: the PNG form of the figure ``quality_speed``.
        deployed: as :func:`deployed_models` returns them, where models were timed in several runtimes.
    """
    found = students.drop(index="teacher")
    parts = [_sentence(found, timed_in) if deployed is None else _deployed_sentence(deployed, students)]
    if synthetic:
        parts = ["**The data are synthetic: no score in this report is a GLUE score.**", *parts]
    # docutils joins the lines of an address, and refuses a long one
    image = textwrap.wrap("data:image/png;base64," + base64.b64encode(figure.read_bytes()).decode(), 100)
    parts += ["\n   ".join([".. image::", *image, ":width: 640px", ":alt: quality against speed"])]
    parts += [
        "**The models.** Average of the tasks' scores; more in *Students* on the left.",
        _models(students, timed_in),
    ]
    place = f"{task}/seed_{seed}"
    parts += _advice(students, results, place) if deployed is None else _deployed(deployed, results, place)
    return "\n\n".join(parts) + "\n"


def _advice(students: pd.DataFrame, results: str, place: str) -> list[str]:
    """Return which student to take in torch."""
    chosen = choices(students)
    if chosen.empty:
        return []
    lines = [
        f"- at least {row.keeps:g} %: **{row.student}**, {number(row.speedup, 2)} times as fast, in "
        f"``{results}/students/{row.student}/{place}/model``"
        for row in chosen.itertuples()
    ]
    return [_WHICH, *lines, f"Every task has a folder of its own. {_IN_TORCH}"]


def _deployed(models: pd.DataFrame, results: str, place: str) -> list[str]:
    """Return which student to take in which runtime, and what the teacher does in the others."""
    chosen = deployed_choices(models)
    file = partial(_file, results=results, place=place, copied=bool(models["copied"].any()))
    lines = [
        f"- at least {row.keeps:g} %: **{row.student}** in {row.runtime}, {number(row.speedup, 2)} times as "
        f"fast as the teacher in torch, in ``{file(row.student, row.runtime)}``"
        for row in chosen.itertuples()
    ]
    teachers = models[(models["model"] == "teacher") & (models["runtime"] != TORCH)]
    same = [
        f"in {row.runtime} {number(row.speedup, 2)} times as fast, {number(row.share, 1)} % of its average"
        for row in teachers.itertuples()
    ]
    parts = [_WHICH, *lines] if lines else []
    parts += [f"The teacher itself is {', '.join(same)}."] if same else []
    if lines:
        parts += [
            "Every task has files of its own. An ONNX file needs the ``tokenizer.json`` beside it and "
            f"nothing else. For torch there is ``{file('<student>', TORCH)}``. {_IN_TORCH}"
        ]
    return parts


def _file(student: str, runtime: str, *, results: str, place: str, copied: bool) -> str:
    """Return what a runtime reads of a student: its transformers folder or its ONNX file."""
    reads = runtime_class(runtime)
    if not reads.in_onnx and not copied:
        return f"{results}/students/{student}/{place}/model"
    return f"{results}/deployment/{place}/{student}/{reads.file if reads.in_onnx else COPY}"


def _sentence(found: pd.DataFrame, timed_in: str) -> str:
    timed = found.dropna(subset=["speedup", "average"])
    searched = timed[timed["origin"] != HAND_CRAFTED]
    best = searched if not searched.empty else timed
    if best.empty:
        return "No student was timed on this device."
    row = best.loc[best["share"].idxmax()]
    return (
        f"The best student, **{row.name}** ({row['architecture']}), keeps {row['share']:.1f} % of the "
        f"teacher's average at {number(row['speedup'], 2)} times its speed on the {timed_in}, with "
        f"{row['parameters'] / 1e6:.1f} million parameters, the embeddings of the whole vocabulary included."
    )


def _deployed_sentence(models: pd.DataFrame, students: pd.DataFrame) -> str:
    """Return what the best searched student is in the runtime that is fastest for it."""
    timed = models[models["model"] != TEACHER].dropna(subset=["speedup", "average"])
    searched = timed[timed["origin"] != HAND_CRAFTED]
    best = searched if not searched.empty else timed
    if best.empty:
        return "No student was timed."
    fastest = best.loc[best.groupby("model")["speedup"].idxmax()]
    row = fastest.loc[fastest["share"].idxmax()]
    same = models.loc[f"{TEACHER} in {row['runtime']}", "speedup"]
    return (
        f"The best student, **{row['model']}** ({students.at[row['model'], 'architecture']}), keeps "
        f"{row['share']:.1f} % of the teacher's average in {row['runtime']}. It is "
        f"{number(row['speedup'], 1)} times as fast as the teacher in {TORCH} and "
        f"{number(row['speedup'] / same, 1)} times as fast as the teacher in {row['runtime']}."
    )


def _models(students: pd.DataFrame, timed_in: str) -> str:
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
    heads = ["Model", "Architecture", "Parameters", "Average", "Of the teacher", f"Speed-up ({timed_in})"]
    return _rst_table(heads, rows)


def _rst_table(head: list[str], rows: list[list[str]]) -> str:
    lines = [".. list-table::", "   :header-rows: 1", ""]
    for row in (head, *rows):
        lines += [f"   {'* -' if position == 0 else '  -'} {cell}" for position, cell in enumerate(row)]
    return "\n".join(lines)
