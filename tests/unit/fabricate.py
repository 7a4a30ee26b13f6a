"""A made-up run: every artifact that the tables and figures read, with plausible numbers."""

from __future__ import annotations

import random
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from kdnas.data.tasks import TASKS
from kdnas.files.artifacts import write_json, write_text
from kdnas.search.history import COLUMNS, write_history
from kdnas.search.reward import Reward, failed_reward
from kdnas.search.selection import select_best, select_within_budget
from kdnas.search.space import Architecture

GLUE_TASKS = ["mnli", "rte", "mrpc", "sst2", "cola", "stsb"]
TEACHER = Architecture(6, 384, 12, 1536, "gelu")
REWARD = Reward("accuracy", alpha=-0.06, beta=0.6, device="cpu")
HAND_CRAFTED = {"minilm_l3": Architecture(3, 384, 12, 1536, "gelu")}
_BENCHMARK_HEADER = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"
_TEACHER_POINTS = {
    "mnli": 81,
    "rte": 68,
    "mrpc": 87,
    "sst2": 91,
    "cola": 47,
    "stsb": 87,
    "qqp": 88,
    "qnli": 89,
    "wnli": 56,
}


def metrics(
    folder: Path,
    model: str,
    task: str,
    seed: int,
    scores: dict[str, dict[str, float | None]],
    *,
    synthetic: bool = False,
    rows: dict[str, int] | None = None,
    official_rows: dict[str, int | None] | None = None,
    parameters: int = 22_713_216,
) -> Path:
    """Write one ``metrics.json`` and return its path; official rows default to GLUE's, ``rows`` to those."""
    if official_rows is None:
        official_rows = {split: TASKS[task].splits[split] for split in scores}
    rows = official_rows | (rows or {})
    where = folder / ("teacher" if model == "teacher" else f"students/{model}") / task / f"seed_{seed}"
    value = {
        "task": task,
        "model": model,
        "seed": seed,
        "synthetic": synthetic,
        "scores": scores,
        "rows": rows,
        "official_rows": dict.fromkeys(scores) if synthetic else official_rows,
        "parameters": parameters,
        "size_mb": 4 * parameters / 1e6,
        "train_rows": 1000,
        "train_seconds": 12.5,
    }
    write_json(where / "metrics.json", value)
    return where / "metrics.json"


def latency(path: Path, device: str, models: list[dict[str, Any]], source: str = "measured") -> Path:
    """Write a latency file; without ``models`` nothing was measured."""
    value = {
        "protocol": {
            "device": device,
            "batch_size": 1,
            "sequence_length": 128,
            "threads": 1,
            "runtime": "torch",
        },
        "hardware": {
            "device_name": "Some CPU" if device == "cpu" else "Some GPU",
            "cores": 2 if device == "cpu" else None,
            "torch": "2.13",
        },
        "source": source,
        "reason": None if models else f"not measured: this machine has no {device.upper()}",
        "teacher": {"latency_ms": 20.0, "architecture": TEACHER.to_dict()} if models else None,
        "models": models,
    }
    write_json(path, value)
    return path


def history(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Return a history; what a row leaves out is plain."""
    plain = dict.fromkeys(COLUMNS) | asdict(TEACHER) | {"status": "ok", "origin": "random", "epsilon": 1.0}
    plain |= {"candidate": 1, "parameters": 10_000_000, "from_store": False}
    return pd.DataFrame([plain | row for row in rows], columns=list(COLUMNS))


def search(strategy: str, episodes: int, candidates: int, failed: tuple[int, int] | None) -> pd.DataFrame:
    """Return the history of a made-up search; ``failed`` is the episode and candidate that failed."""
    draw = random.Random(f"{strategy} {episodes} {candidates}")
    rows = []
    for episode in range(1, episodes + 1):
        for candidate in range(1, candidates + 1):
            architecture = Architecture(
                draw.choice([1, 2, 3, 4]),
                draw.choice([192, 288, 384]),
                draw.choice([6, 12]),
                draw.choice([384, 768, 1536]),
                draw.choice(["gelu", "relu"]),
            )
            size = architecture.layers * architecture.hidden_size * (architecture.ffn_size + 768)
            learned = 0.01 * episode if strategy != "random" else 0
            ratio = 0.05 + 0.55 * size / (4 * 384 * 2304) + draw.uniform(0, 0.03)
            quality = 0.4 + 0.35 * (size / (4 * 384 * 2304)) ** 0.3 + draw.gauss(0, 0.02) + learned
            row = {"episode": episode, "candidate": candidate, **asdict(architecture)}
            controller = strategy != "random" and draw.random() < 0.2 + 0.5 * episode / episodes
            row |= {"origin": "controller" if controller else "random"}
            row |= {"quality": quality, "quality_accuracy": quality, "quality_loss": quality / 2}
            row |= {"quality_agreement": quality / 3}
            row |= {
                "latency_ms": 20 * ratio,
                "latency_ratio": ratio,
                "reward": REWARD.of(quality, ratio),
            }
            if strategy != "random":
                row["predicted_reward"] = row["reward"] + draw.gauss(0, 0.03)
            if (episode, candidate) == failed:
                qualities = [name for name in row if name.startswith("quality")]
                empty = (*qualities, "latency_ms", "latency_ratio")
                row |= {"status": "failed", "reason": "out of memory", "reward": failed_reward([])}
                row |= dict.fromkeys(empty)
            rows.append(row)
    return history(rows)


def student(
    folder: Path, name: str, origin: str, rule: str, row: pd.Series | None, architecture=None
) -> Path:
    """Write one ``architecture.json``, from a row of a history or a hand-crafted architecture."""
    if row is not None:
        architecture = Architecture.from_dict(row)
    value = {"student": name, "origin": origin, "rule": rule, "architecture": architecture.to_dict()}
    for key, kind in {
        "episode": int,
        "candidate": int,
        "reward": float,
        "quality": float,
        "latency_ratio": float,
    }.items():
        value[key] = None if row is None else kind(row[key])
    write_json(folder / "students" / name / "architecture.json", value)
    return folder / "students" / name / "architecture.json"


def run(
    folder: Path,
    *,
    strategies: tuple[str, ...] = ("lstm", "random"),
    episodes: int = 3,
    candidates: int = 4,
    tasks: list[str] = GLUE_TASKS,
    seeds: tuple[int, ...] = (1, 2, 3),
    missing: tuple[str, str] | None = None,
    synthetic: bool = True,
) -> dict[str, Any]:
    """Write a whole run and return the paths by kind; ``missing`` is a model and a task without scores."""
    draw = random.Random(1)
    paths: dict[str, Any] = {"histories": {}, "architectures": [], "metrics": []}
    for position, strategy in enumerate(strategies):
        found = search(strategy, episodes, candidates, (2, 3) if position == 0 else None)
        paths["histories"][strategy] = folder / f"search/{strategy}/episode_{episodes:02d}/history.csv"
        write_history(paths["histories"][strategy], found)
        best = select_best(found)
        inside, _ = select_within_budget(found, {"latency_ratio": 0.3})
        paths["architectures"] += [
            student(folder, f"{strategy}_best", strategy, "best", best),
            student(folder, f"{strategy}_budget_0.3", strategy, "budget_0.3", inside),
        ]
    for name, architecture in HAND_CRAFTED.items():
        paths["architectures"].append(
            student(folder, name, "hand_crafted", "hand_crafted", None, architecture)
        )

    names = ["teacher", *(path.parent.name for path in paths["architectures"])]
    ratios = {name: 1 - 0.13 * position for position, name in enumerate(names)}
    for name in names:
        loss = draw.uniform(1, 6) if name != "teacher" else 0
        for task in tasks:
            if (name, task) == missing:
                continue
            for seed in seeds:
                points = (_TEACHER_POINTS[task] - loss * draw.uniform(0.6, 1.6) + draw.gauss(0, 0.6)) / 100
                scores = {
                    split: {metric: points + draw.gauss(0, 0.003) for metric in TASKS[task].metrics}
                    for split in TASKS[task].evaluation_splits
                }
                rows = dict.fromkeys(scores, 400) if synthetic else None
                parameters = round(22_713_216 * ratios[name])
                paths["metrics"].append(
                    metrics(
                        folder,
                        name,
                        task,
                        seed,
                        scores,
                        synthetic=synthetic,
                        rows=rows,
                        parameters=parameters,
                    )
                )
    entries = [
        {
            "model": name,
            "latency_ms": 20 * r,
            "ratio": r,
            "ratio_low": 0.98 * r,
            "ratio_high": 1.03 * r,
            "rounds": 25,
        }
        for name, r in ratios.items()
        if name != "teacher"
    ]
    paths["latencies"] = {
        "cpu": latency(folder / "latency/cpu.json", "cpu", entries),
        "gpu": latency(folder / "latency/gpu.json", "gpu", []),
    }
    return paths


def benchmark(path: Path, seconds: float, megabytes: float | None, cpu: float | None) -> Path:
    """Write one Snakemake benchmark file; None is what Snakemake could not sample."""
    memory, load = ("NA" if value is None else str(value) for value in (megabytes, cpu))
    cells = [str(seconds), "0:00:01", memory, memory, memory, memory, "NA", "NA", "NA", load]
    write_text(path, _BENCHMARK_HEADER + "\t".join(cells) + "\n")
    return path


def fidelity_setting(
    folder: Path, setting: str, accuracies: list[float | None], losses: list[float], sizes: list[int]
) -> Path:
    """Write the evaluations of one setting of the fidelity study; an accuracy of None is a failure."""
    _, initialisation, *epochs = setting.split("_")
    evaluations = []
    for number, (accuracy, loss, size) in enumerate(zip(accuracies, losses, sizes, strict=True), start=1):
        entry = {"candidate": number, "architecture": {**TEACHER.to_dict(), "layers": number}}
        entry |= {"status": "ok", "reason": None, "quality_accuracy": accuracy, "quality_loss": loss}
        entry |= {"quality_agreement": accuracy}
        entry |= {"parameters": size, "train_seconds": 1.5, "from_store": False}
        if accuracy is None:
            entry |= {"status": "failed", "reason": "out of memory at step 3"}
            entry |= dict.fromkeys(("quality_loss", "quality_agreement", "parameters", "train_seconds"))
        evaluations.append(entry)
    value = {"setting": setting, "initialisation": initialisation, "train_rows": 100, "scored_rows": 50}
    value |= {"proxy_epochs": int(epochs[0]) if epochs else None, "evaluations": evaluations}
    write_json(folder / f"fidelity/{setting}.json", value)
    return folder / f"fidelity/{setting}.json"


def fidelity(folder: Path, architectures: int, initialisations: list[str], epochs: list[int]) -> list[Path]:
    """Write a made-up fidelity study: longer proxies and a start from the teacher rank better."""
    draw = random.Random(f"{architectures} {initialisations} {epochs}")
    sizes = [10_000_000 + 700_000 * number for number in range(architectures)]
    paths = []
    for initialisation in initialisations:
        base = 0.55 if initialisation == "teacher" else 0.4
        full = [
            base + 0.08 * (number / architectures) ** 0.5 + draw.gauss(0, 0.008)
            for number in range(architectures)
        ]
        for count in epochs:
            accuracies = [score - 0.1 / count + draw.gauss(0, 0.02 / count) for score in full]
            losses = [score - 0.3 / count + draw.gauss(0, 0.03 / count) for score in full]
            name = f"proxy_{initialisation}_{count}"
            paths.append(fidelity_setting(folder, name, accuracies, losses, sizes))
        paths.append(fidelity_setting(folder, f"full_{initialisation}", full, full, sizes))
    return paths


def table_files(folder: Path, name: str) -> dict[str, Path]:
    """Return the files of a table by the names that the rules' outputs have."""
    kinds = {"csv": "csv", "markdown": "md", "latex": "tex", "html": "html"}
    return {kind: folder / f"{name}.{suffix}" for kind, suffix in kinds.items()}
