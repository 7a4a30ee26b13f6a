"""What the refit of students gives, without any training and as a start of it.

    CONFIG="config/laptop.yaml benchmarks/tabular/space.yaml" R=results/tabular
    snakemake --cores 1 --configfile $CONFIG -- $R/proxy/train.parquet $R/teacher/mnli/seed_1/model
    OMP_NUM_THREADS=1 python benchmarks/refit.py $CONFIG --output refit.csv [--settings start]

Shapes of heads of 32 are evaluated as a search evaluates its candidates: on the proxy set, in one cohort, and
judged by the held-out slice. Each setting is a start and a proxy. Of each shape: accuracy, 1 - distillation
loss and agreement with the teacher; of each setting the CPU seconds a candidate, everything included. A
setting that is in the output already is not measured again.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from kdnas.config.check import check_config
from kdnas.config.reading import read_configs
from kdnas.data.tasks import task_definitions
from kdnas.files.store import Store
from kdnas.search.space import Architecture
from kdnas.training.candidates import distill_candidates
from kdnas.training.recipe import Recipe
from kdnas.training.rows import Answers, Rows
from kdnas.training.run import start_run

SHAPES = (  # layers, hidden size, FFN size
    (4, 256, 1024),
    (6, 192, 384),
    (4, 384, 192),
    (3, 384, 96),
    (2, 256, 1024),
    (3, 192, 768),
    (6, 160, 96),
    (4, 192, 192),
)
HEAD_SIZE = 32
UNTRAINED = {"epochs": 0, "min_steps": 0}


def refitted(rows: int, **proxy: float) -> dict[str, Any]:
    """Return the keys of ``distillation`` of a refit on ``rows`` rows."""
    return {"initialisation": "refit", "refit_rows": rows, "proxy": proxy or UNTRAINED}


SETTINGS = {
    "start": {"initialisation": "teacher", "proxy": UNTRAINED},
    "refit_256": refitted(256),
    "refit_512": refitted(512),
    "refit_1024": refitted(1024),
    "refit_2048": refitted(2048),
    "trained": {"initialisation": "teacher", "proxy": {"learning_rate": 2e-4}},
    "trained_1e-4": {"initialisation": "teacher", "proxy": {"learning_rate": 1e-4}},
    "refit_trained": refitted(2048, learning_rate=2e-4),
    "refit_trained_1e-4": refitted(2048, learning_rate=1e-4),
    "refit_trained_5e-5": refitted(2048, learning_rate=5e-5),
    "refit_trained_warm": refitted(2048, learning_rate=2e-4, warmup=0.5),
}


def evaluate(config: dict[str, Any], setting: dict[str, Any], shapes: list[Architecture]) -> pd.DataFrame:
    """Return the evaluations of ``shapes`` in one setting, with the CPU seconds a shape."""
    folder, task, seed = Path("results") / config["experiment"], config["search"]["task"], config["seeds"][0]
    teacher = folder / f"teacher/{task}/seed_{seed}"
    rows = Rows.of_proxy(
        task_definitions(config["data"])[task],
        folder / "proxy/train.parquet",
        folder / f"data/{task}",
        max_length=config["teacher"]["max_length"],
        answers=Answers.read(teacher / "answers.safetensors"),
    )
    own = config["distillation"]
    distillation = own | setting | {"proxy": own["proxy"] | setting["proxy"]}
    entries = [{"candidate": i, "architecture": shape.to_dict()} for i, shape in enumerate(shapes)]
    started = time.process_time()
    with (
        tempfile.TemporaryDirectory() as store,
        start_run(
            device="cpu", precision="float32", threads=1, checkpoints=Path(store) / "c", checkpoint_minutes=60
        ) as run,
    ):
        values = distill_candidates(
            entries,
            rows,
            Recipe.from_config(distillation, "proxy", config["training"]["max_gradient_norm"]),
            teacher=teacher / "model",
            seed=seed,
            run=run,
            store=Store(store),
        )
    found = pd.DataFrame(values)[["quality_accuracy", "quality_loss", "quality_agreement"]].round(4)
    found.insert(0, "shape", [shape.short_name for shape in shapes])
    return found.assign(cpu_seconds=round((time.process_time() - started) / len(shapes), 1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("configs", type=Path, nargs="+", help="later ones override earlier ones")
    parser.add_argument("--settings", nargs="+", choices=SETTINGS, default=list(SETTINGS))
    parser.add_argument("--shapes", type=int, default=len(SHAPES), help="how many of the shapes")
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    config = check_config(read_configs(options.configs))
    shapes = [
        Architecture(layers, hidden, hidden // HEAD_SIZE, ffn, "gelu")
        for layers, hidden, ffn in SHAPES[: options.shapes]
    ]
    found = pd.read_csv(options.output) if options.output.exists() else pd.DataFrame({"setting": []})
    for name in options.settings:
        if name in set(found["setting"]):
            continue
        measured = evaluate(config, SETTINGS[name], shapes)
        measured.insert(0, "setting", name)
        found = pd.concat([found, measured], ignore_index=True)
        found.to_csv(options.output, index=False)
    print(found.to_string(index=False))


if __name__ == "__main__":
    main()
