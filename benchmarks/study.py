"""Keep the raw results of the study (docs/measurements/study.md), a few hundred kilobytes.

    python benchmarks/study.py results/study

Writes into docs/measurements/data/study/, for each seed of the results: every model's predictions on the
development rows in int8 (``predictions_seed_{n}.parquet``), its scores in every runtime
(``scores_seed_{n}.csv``), and what the run cost. The first results also say which ``models.csv`` there are;
later ones may come from another machine and call a found student as they like, because it is known by its
architecture.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.doc_tables.layout import DATA
from kdnas.data.frames import read_meta, read_split
from kdnas.data.tasks import completed, get_task
from kdnas.deployment.scoring import predict_in
from kdnas.errors import UserError
from kdnas.files.artifacts import atomic_path, read_json, write_json, write_text
from kdnas.models.tokenizer import load_tokenizer
from kdnas.runtimes import INT8, open_runtime
from kdnas.runtimes.base import Deployed
from kdnas.training.data import encode

STUDY = DATA / "study"
SPLITS = {"mnli": ("validation_matched",)}  # the folder's mismatched rows are no random sample


def models_of(results: Path) -> pd.DataFrame:
    """Return the table ``efficiency`` by architecture; of several models of one, the first."""
    found = pd.read_csv(results / "tables" / "efficiency.csv")
    return found.drop_duplicates("architecture").set_index("architecture")


def predictions(results: Path, task_name: str, seed: int, names: dict[str, str]) -> pd.DataFrame:
    """Return one row a development row of a task: ``task``, ``label``, and by model what it predicts in int8.

    A prediction is a class's code, or the number. ``names`` has the models' names by the results' own.
    """
    config = yaml.safe_load((results / "config.yaml").read_text(encoding="utf-8"))
    folder = results / "data" / task_name
    task = get_task(completed(task_name, read_meta(folder)))
    splits = SPLITS.get(task_name, task.evaluation_splits)
    frames = {split: read_split(folder, split) for split in splits}
    columns: dict[str, Any] = {}
    for own, name in names.items():
        if own == "teacher":
            model = results / "teacher" / task_name / f"seed_{seed}" / "model"
        else:
            model = results / "students" / own / task_name / f"seed_{seed}" / "model"
        onnx = results / "deployment" / task_name / f"seed_{seed}" / own
        tokenizer = load_tokenizer(model)
        rows = {
            split: encode(frame, task, tokenizer, max_length=config["teacher"]["max_length"])
            for split, frame in frames.items()
        }
        logits = predict_in(open_runtime(INT8, Deployed.found(model, onnx), 1), rows)
        columns[name] = np.concatenate(
            [values.argmax(axis=1) if not task.regression else values[:, 0] for values in logits.values()]
        )
    label = np.concatenate([frame["label"].to_numpy() for frame in frames.values()])
    return pd.DataFrame({"task": task_name, "label": label.astype("float32")} | columns)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path, help="results/<experiment> of a run that is complete")
    parser.add_argument("--into", type=Path, default=STUDY)
    options = parser.parse_args()
    try:
        keep(options.results, options.into)
    except UserError as error:
        sys.exit(f"{Path(__file__).name}: {error}")


def keep(results: Path, into: Path) -> None:
    """Write what the module's head says."""
    models, known = models_of(results), into / "models.csv"
    into.mkdir(parents=True, exist_ok=True)
    if not known.exists():
        write_text(known, models.reset_index().to_csv(index=False, lineterminator="\n"))
        for name in ("search.csv", "cost.csv", "deployment.csv"):
            write_text(into / name, (results / "tables" / name).read_text(encoding="utf-8"))
        histories = sorted(results.glob("search/*/episode_*/history.csv"))
        write_text(into / "history.csv", histories[-1].read_text(encoding="utf-8"))
    earlier = pd.read_csv(known).set_index("architecture")["model"]
    if unknown := sorted(set(models.index) - set(earlier.index)):
        raise UserError(f"{results} has models that {known} lacks: {', '.join(unknown)}")
    names = {str(row.model): earlier[row.Index] for row in models.itertuples()}
    config = yaml.safe_load((results / "config.yaml").read_text(encoding="utf-8"))
    for seed in config["seeds"]:
        tables = [predictions(results, task, seed, names) for task in config["data"]["tasks"]]
        table = pd.concat(tables, ignore_index=True)
        table = table.astype(dict.fromkeys(names.values(), "float32"))
        with atomic_path(into / f"predictions_seed_{seed}.parquet") as temporary:
            plain = pa.Table.from_pandas(table, preserve_index=False).replace_schema_metadata(None)
            pq.write_table(plain, temporary, compression="zstd", compression_level=19)
        rows = []
        for task in config["data"]["tasks"]:
            for entry in read_json(results / "deployment" / task / f"seed_{seed}" / "scores.json")["models"]:
                if entry["model"] in names:
                    for split, metrics in entry["scores"].items():
                        score = 100 * get_task(task).primary(metrics)
                        rows.append((names[entry["model"]], entry["runtime"], task, split, score))
        scores = pd.DataFrame(rows, columns=["model", "runtime", "task", "split", "score"])
        write_text(into / f"scores_seed_{seed}.csv", scores.to_csv(index=False, lineterminator="\n"))
        timed = read_json(results / "latency" / "deployment.json")
        for entry in timed["models"]:
            entry["model"] = names.get(entry["model"], entry["model"])
        write_json(into / f"latency_seed_{seed}.json", timed)
        write_json(into / f"versions_seed_{seed}.json", read_json(results / "versions.json"))
        print(f"{into}: seed {seed}, {len(names)} models, {len(table)} development rows")


if __name__ == "__main__":
    main()
