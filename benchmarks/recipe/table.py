"""Rule table: a row for each variant, a column for each task, in points on the held-out rows."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))

from job import start  # noqa: E402

with start(snakemake):
    from statistics import fmean

    from kdnas.data.tasks import get_task
    from kdnas.files.artifacts import read_json, write_text

    tasks, variants = snakemake.params.tasks, snakemake.params.variants
    metrics = [read_json(path) for path in snakemake.input]
    scores = {(entry["model"], entry["task"]): entry["scores"] for entry in metrics}
    lines = [["variant", *tasks, "mean"], ["---", *["---:"] * (len(tasks) + 1)]]
    for variant in variants:
        points = []
        for name in tasks:
            task = get_task(name)
            points.append(100 * task.primary(scores[variant, name][task.evaluation_splits[0]]))
        lines.append([variant, *(f"{value:.1f}" for value in [*points, fmean(points)])])
    write_text(snakemake.output[0], "".join("| " + " | ".join(line) + " |\n" for line in lines))
