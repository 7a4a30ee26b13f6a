"""Print the main table of a finished run: models against size, speed-up and average score."""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

from kdnas.config.reading import read_config
from kdnas.files.checksums import check
from kdnas.files.csv_file import read_csv
from kdnas.latency.protocol import TORCH, place
from kdnas.tables.glue import data_title
from kdnas.tables.table import mean_sd, number

SUMMARIES = {
    "average": "average",
    "average_without_cola": "without CoLA",
    "teacher_share": "% of teacher",
}
_WITHOUT_COLA = "_without_cola"


def headline(folder: str | Path) -> str:
    """Return the table of models against size, speed-up and average score, from the tables in ``folder``.

    Where the run's configuration has the paper's claims judged, the overall verdicts follow.
    Raises UserError if the tables are missing or damaged.
    """
    check(folder, [Path(folder) / "tables" / f"{name}.csv" for name in ("glue", "efficiency", "claims")])
    scores = read_csv(Path(folder) / "tables" / "glue.csv")
    sizes = read_csv(Path(folder) / "tables" / "efficiency.csv").set_index("model")
    with_cola = bool(scores.loc[scores["task"] == "cola", "in_average"].any())
    summary = {
        name: scores[scores["task"] == name].set_index("model")
        for name in SUMMARIES
        if name in set(scores["task"]) and (with_cola or not name.endswith(_WITHOUT_COLA))
    }
    config = read_config(Path(folder) / "config.yaml")
    runtime = config.get("latency", {}).get("runtime", TORCH)  # results of earlier versions name none
    places = {"cpu": place("cpu", runtime), "gpu": place("gpu", TORCH)}
    rows = []
    for model, size in sizes.iterrows():
        row = {
            "model": model,
            "architecture": size["architecture"],
            "parameters": f"{size['parameters'] / 1e6:.1f} M",
        }
        for device, where in places.items():
            if sizes[f"{device}_speedup"].notna().any():
                row[f"{where} speed-up"] = f"{number(size[f'{device}_speedup'], 2)}x"
        for name, values in summary.items():
            row[SUMMARIES[name]] = mean_sd(values.loc[model, "score"], values.loc[model, "sd"], 1)
        rows.append(row)
    table = pd.DataFrame(rows)
    synthetic = bool(scores["synthetic"].any())
    title = "Synthetic data: these are not GLUE scores." if synthetic else f"{data_title(scores)}."
    judged = config["claims"]["baseline"] is not None
    verdicts = _verdicts(Path(folder) / "tables" / "claims.csv", with_cola) if judged else []
    return "\n".join([title, table.to_string(index=False), *verdicts])


def _verdicts(path: Path, with_cola: bool) -> list[str]:
    """Return one line a claim and strategy; no reason names CoLA where no average has it."""
    claims = read_csv(path)
    overall = claims[claims["quantity"].str.startswith("overall")]
    unsaid = "" if with_cola else _WITHOUT_COLA
    return [
        f"Claim {row.claim}, {row.strategy} against {row.baseline}"
        + (", but for the GPU" if row.quantity == "overall_without_gpu" else "")
        + f": {row.verdict}"
        + ("" if pd.isna(row.reason) else f" ({row.reason.replace(unsaid, '').replace('_', ' ')})")
        for row in overall.itertuples()
    ]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the folder."""
    parser.add_argument("results", help="results/<experiment> of a run")


def run(options: argparse.Namespace) -> str:
    """Return the headline of a folder of results."""
    return headline(options.results)
