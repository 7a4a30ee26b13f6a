r"""How few rows an evaluation without training needs: rows to refit on, and rows to judge on.

    CONFIG="config/laptop.yaml" R=results/laptop
    snakemake --cores 1 --configfile $CONFIG -- $R/proxy/train.parquet \
        $R/teacher/mnli/seed_1/answers.safetensors
    OMP_NUM_THREADS=1 python benchmarks/untrained.py $CONFIG --output docs/measurements/data/refit/untrained

Spread architectures of the search space are refitted in one cohort, with each setting of rows and tokens, and
judged on all held-out rows. ``qualities.csv``: 1 - loss of each on so many of the held-out rows, drawn once;
``seconds.csv``: what the parts took, in CPU seconds, of the whole cohort.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch.nn import functional as F

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from kdnas.analysis.fidelity import spread
from kdnas.config.check import check_config
from kdnas.config.reading import read_configs
from kdnas.data.tasks import task_definitions
from kdnas.files.artifacts import write_text
from kdnas.models import refit
from kdnas.models.loading import load_classifier
from kdnas.search.space import SearchSpace
from kdnas.training.lesson import Lesson
from kdnas.training.recipe import Recipe
from kdnas.training.rows import Answers, Rows
from kdnas.training.run import start_run

SETTINGS = ((2048, 16), (2048, 8), (1024, 16), (1024, 8), (512, 16))  # rows to refit on, tokens of each
JUDGED = (256, 512, 1024, 2048)  # rows, and all of them


class Stopwatch:
    """CPU seconds by part."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, part: str) -> Iterator[None]:
        started = time.process_time()
        yield
        self.seconds[part] = self.seconds.get(part, 0.0) + time.process_time() - started


def evaluate(
    config: dict[str, Any], refit_rows: int, tokens: int, count: int
) -> tuple[pd.DataFrame, dict[str, float]]:
    """Return the qualities of ``count`` architectures in one setting, and the seconds of each part."""
    folder, task, seed = Path("results") / config["experiment"], config["search"]["task"], config["seeds"][0]
    teacher = folder / f"teacher/{task}/seed_{seed}"
    watch = Stopwatch()
    answers = Answers.read(teacher / "answers.safetensors")
    rows = Rows.of_proxy(
        task_definitions(config["data"])[task],
        folder / "proxy/train.parquet",
        folder / f"data/{task}",
        max_length=config["teacher"]["max_length"],
        answers=answers,
    )
    distillation = config["distillation"] | {"refit_rows": refit_rows, "initialisation": "refit"}
    recipe = Recipe.from_config(distillation, "proxy", config["training"]["max_gradient_norm"])
    refit.TOKENS = tokens
    with (
        tempfile.TemporaryDirectory() as store,
        start_run(
            device="cpu", precision="float32", threads=1, checkpoints=Path(store), checkpoint_minutes=60
        ) as run,
    ):
        with watch("rows"):
            model = load_classifier(teacher / "model")
            lesson = Lesson(
                rows, teacher / "model", recipe.stage, seed=seed, run=run, teacher=model, recipe=recipe
            )
            sample = lesson.sample
            assert sample is not None
        with watch("teacher"):
            assert sample.signals and sample.targets
        shapes = spread(SearchSpace(config["search"]["space"]), count, seed)
        with watch("refit"):
            for shape in shapes:
                build = partial(_build, shape, lesson, recipe, seed)
                lesson.enrol({"architecture": shape.to_dict()}, build)
        with watch("rest"):
            lesson.train()
        with watch("judging"):
            judged = lesson.judge()
    assert rows.scored_logits is not None
    found, order = [], np.random.default_rng(0).permutation(len(rows.scored_logits))
    for shape, result in zip(shapes, judged, strict=True):
        assert result is not None
        logits, loss = result
        of_rows = divergences(logits, rows.scored_logits, recipe.temperature)
        assert np.isclose(of_rows.mean(), loss, rtol=1e-4)  # the loss that the workflow reports
        for number in (*JUDGED, len(of_rows)):
            quality = 1 - of_rows[order[:number]].mean()
            found.append((shape.short_name, refit_rows, tokens, number, quality))
    columns = ["shape", "refit_rows", "tokens", "judged_rows", "quality"]
    return pd.DataFrame(found, columns=columns), watch.seconds


def _build(shape: Any, lesson: Lesson, recipe: Recipe, seed: int, sample: Any) -> Any:
    return sample.student(shape, lesson.task, recipe=recipe, seed=seed)


def divergences(logits: np.ndarray, teacher: torch.Tensor, temperature: float) -> np.ndarray:
    """Return the loss ``logits`` of each row (kdnas.losses.logits)."""
    own, other = (
        F.log_softmax(torch.as_tensor(values) / temperature, dim=-1) for values in (logits, teacher)
    )
    found: np.ndarray = (
        temperature**2 * F.kl_div(own, other, log_target=True, reduction="none").sum(1).numpy()
    )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("configs", type=Path, nargs="+", help="later ones override earlier ones")
    parser.add_argument("--architectures", type=int, default=24)
    parser.add_argument("--output", type=Path, required=True, help="a folder")
    options = parser.parse_args()
    config = check_config(read_configs(options.configs))
    options.output.mkdir(parents=True, exist_ok=True)
    qualities, seconds = [], []
    for refit_rows, tokens in SETTINGS:
        found, spent = evaluate(config, refit_rows, tokens, options.architectures)
        qualities.append(found)
        seconds.append(
            {"refit_rows": refit_rows, "tokens": tokens} | {k: round(v, 1) for k, v in spent.items()}
        )
        print(seconds[-1], flush=True)
        for name, table in (("qualities", pd.concat(qualities)), ("seconds", pd.DataFrame(seconds))):
            text = table.round(5).to_csv(index=False, lineterminator="\n")
            write_text(options.output / f"{name}.csv", text)


if __name__ == "__main__":
    main()
