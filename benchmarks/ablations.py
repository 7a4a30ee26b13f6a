"""Keep what single choices of the study are worth (docs/measurements/study.md), in one small table.

    python benchmarks/ablations.py results/study results/ablation_*

Writes docs/measurements/data/study/ablations.csv: the scores in torch of every model in the results, by the
experiment's name. The files in benchmarks/ablations/ say what each experiment changes.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.doc_tables.layout import DATA
from kdnas.analysis.scores import seed_scores
from kdnas.data.tasks import TASKS
from kdnas.files.artifacts import read_json, write_text

TABLE = DATA / "study" / "ablations.csv"


COLUMNS = ["experiment", "model", "task", "seed", "split", "score"]


def scores(results: Path) -> pd.DataFrame:
    """Return one row a model, task, seed and development split; the task's score is in points."""
    paths = [*results.glob("students/*/*/*/metrics.json"), *results.glob("teacher/*/*/metrics.json")]
    found = seed_scores(map(read_json, sorted(paths)), TASKS)
    return found.assign(experiment=results.name)[COLUMNS]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path, nargs="+", help="results/<experiment> of each run")
    options = parser.parse_args()
    table = pd.concat(map(scores, options.results))
    write_text(TABLE, table.to_csv(index=False, lineterminator="\n"))
    print(f"{TABLE.name}: {len(table)} scores of {table['experiment'].nunique()} experiments")


if __name__ == "__main__":
    main()
