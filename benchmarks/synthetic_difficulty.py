"""How hard the synthetic tasks are: majority class, bag of words, and the teacher that the workflow tuned.

    snakemake --cores all teachers --configfile benchmarks/synthetic_difficulty.yaml
    python benchmarks/synthetic_difficulty.py results/synthetic_difficulty

Prints a Markdown table of primary metrics in points, one row a validation split.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from kdnas.data.frames import read_split  # noqa: E402
from kdnas.data.metrics import compute  # noqa: E402
from kdnas.data.tasks import TRAIN, Task, get_task  # noqa: E402
from kdnas.files.artifacts import read_json  # noqa: E402


def majority(task: Task, train: pd.DataFrame, rows: int) -> np.ndarray:
    """Predict the training set's most frequent label, or for regression its mean, shape (rows,)."""
    value = train["label"].mean() if task.regression else train["label"].mode()[0]
    return np.full(rows, value)


def bag_of_words(task: Task, train: pd.DataFrame, validation: pd.DataFrame) -> np.ndarray:
    """Logistic (regression: ridge) regression on uni- and bigrams of each text, and of all texts together."""
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.pipeline import make_pipeline, make_union
    from sklearn.preprocessing import FunctionTransformer

    columns = list(task.text_columns)
    views = [[column] for column in columns] + ([columns] if len(columns) > 1 else [])

    def words(view: list[str]):
        join = FunctionTransformer(lambda frame: frame[view].agg(" ".join, axis=1))
        return make_pipeline(join, CountVectorizer(ngram_range=(1, 2), binary=True))

    model = Ridge(alpha=1.0) if task.regression else LogisticRegression(max_iter=1000)
    pipeline = make_pipeline(make_union(*map(words, views)), model)
    return pipeline.fit(train, train["label"]).predict(validation)


def measure(results: Path, task: Task) -> list[dict[str, str]]:
    """Return the table's rows for one task."""
    data = results / "data" / task.name
    metrics = read_json(results / "teacher" / task.name / "seed_1" / "metrics.json")
    train = read_split(data, TRAIN)
    rows = []
    for split in task.evaluation_splits:
        validation = read_split(data, split)
        labels = validation["label"].to_numpy()
        scores = {
            "majority": compute(task.name, majority(task, train, len(labels)), labels),
            "bag of words": compute(task.name, bag_of_words(task, train, validation), labels),
            "teacher": metrics["scores"][split],
        }
        points = {name: f"{100 * task.primary(values):.1f}" for name, values in scores.items()}
        rows.append({"task": task.name, "split": split, **points})
    return rows


def main() -> None:
    """Print the table of the results folder in the first argument."""
    if len(sys.argv) != 2 or not (Path(sys.argv[1]) / "teacher").is_dir():
        sys.exit("usage: python benchmarks/synthetic_difficulty.py results/synthetic_difficulty")
    results = Path(sys.argv[1])
    table = []
    for name in sorted(path.name for path in (results / "teacher").iterdir() if path.name != "base"):
        table += measure(results, get_task(name))
    lines = [list(table[0]), ["---"] * len(table[0]), *(list(row.values()) for row in table)]
    print("".join("| " + " | ".join(line) + " |\n" for line in lines), end="")


if __name__ == "__main__":
    main()
