"""A run on tasks that the config defines, from their files to their scores, and one from its classifier."""

from __future__ import annotations

import csv
import json

from experiment import RESULTS, plan, snakemake, succeed, write_config

from synthetic_glue.generator import generate

TASKS = {
    "tickets": {"text_columns": ["body"], "labels": ["low", "mid", "high"], "metrics": ["accuracy"]},
    "likeness": {"text_columns": ["left", "right"], "labels": None, "metrics": ["pearson"]},
}
CHANGES = {
    "data": {"source": "local", "path": "mine", "tasks": list(TASKS), "custom_tasks": TASKS},
    "search": {"task": "tickets", "strategies": ["random"], "episodes": 1},
    "distillation": {"start_from_search_task": ["likeness"]},
    "fidelity": {"architectures": 0},
}
GLUE_CSV = f"{RESULTS}/tables/glue.csv"
FIGURE = f"{RESULTS}/figures/glue.svg"  # drawn from that table


def write_data(folder):
    for name, source, columns in (
        ("tickets", "mnli", {"premise": "body"}),
        ("likeness", "stsb", {"sentence1": "left", "sentence2": "right"}),
    ):
        (folder / name).mkdir(parents=True)
        frames = generate(source, 1, 120, 30)
        for split in ("train", "validation"):
            rows = frames.get(split, frames.get("validation_matched")).rename(columns=columns)
            rows.to_json(folder / name / f"{split}.jsonl", orient="records", lines=True)


def test_custom_tasks_run_from_files_to_scores(fresh):
    write_data(fresh / "mine")
    write_config(fresh, CHANGES)
    succeed(fresh, FIGURE)
    with open(fresh / GLUE_CSV, newline="", encoding="utf-8") as file:
        cells = list(csv.DictReader(file))
    scored = {cell["task"] for cell in cells if cell["split"] and cell["score"]}
    assert scored == set(TASKS)
    assert {cell["rows"] for cell in cells if cell["split"]} == {"30"}
    assert not any(cell["official_rows"] for cell in cells)
    students = fresh / RESULTS / "students" / "random_best"
    model = json.loads((students / "tickets/seed_1/model/config.json").read_text(encoding="utf-8"))
    assert model["id2label"] == {"0": "low", "1": "mid", "2": "high"}
    markdown = (fresh / GLUE_CSV).with_suffix(".md").read_text(encoding="utf-8")
    assert "Development sets of other data than GLUE" in markdown

    assert plan(fresh, FIGURE) == {}
    tasks = TASKS | {"likeness": TASKS["likeness"] | {"metrics": ["spearman"]}}
    write_config(fresh, CHANGES | {"data": CHANGES["data"] | {"custom_tasks": tasks}})
    planned = plan(fresh, FIGURE)
    assert (planned["fetch_task"], planned["finetune_teacher"]) == (1, 1)
    assert "distill_student" not in planned and "build_proxy" not in planned
    refused = snakemake(fresh, "submissions", "--dry-run")  # the leaderboard has no place for them
    assert refused.returncode == 1
    assert "allowed for the target submissions: at least one task of GLUE" in refused.stdout

    # a finished classifier of one task is the teacher of another search
    deployed = students / "tickets/seed_1"
    depth, width = model["num_hidden_layers"], model["hidden_size"]
    teacher = {"name": str(deployed / "model"), "finetuned_on": "tickets"}
    space = {"layers": list(range(1, depth + 1)), "hidden_size": [width], "ffn_size": [24]}
    second = {"experiment": "second", "seeds": [1, 2], "teacher": teacher, "students": {"hand_crafted": []}}
    search = CHANGES["search"] | {"space": space}
    write_config(fresh, CHANGES | second | {"search": search})
    made = "results/second/students/random_best/likeness/seed_2/metrics.json"
    planned = plan(fresh, made)
    assert (planned["adopt_teacher"], planned["finetune_teacher"]) == (2, 1)
    assert "finetune_search_teacher" not in planned
    succeed(fresh, made)
    adopted = [fresh / f"results/second/teacher/tickets/seed_{seed}/metrics.json" for seed in (1, 2)]
    scores = [json.loads(path.read_text(encoding="utf-8"))["scores"] for path in adopted]
    scored = json.loads((deployed / "metrics.json").read_text(encoding="utf-8"))["scores"]
    assert scores == [scored, scored]
