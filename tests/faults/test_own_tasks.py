"""Runs on tasks of the user: from files to scores, int8 and a bundle, from a classifier, and refusals."""

from __future__ import annotations

import csv
import gzip
import json
import os
import random
import subprocess
import sys

import pandas as pd
import pytest
import torch
from experiment import HAND_CRAFTED, RESULTS, ROOT, STAGE, plan, snakemake, succeed, write_config
from scipy.stats import pearsonr
from transformers import AutoModelForSequenceClassification, AutoTokenizer

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
    assert "Development sets of your own data" in markdown

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


VERBS = ("cancel", "track", "change", "lost", "activate", "dispute", "explain")
NOUNS = (
    "card",
    "transfer",
    "payment",
    "refund",
    "fee",
    "limit",
    "account",
    "exchange",
    "cash",
    "loan",
    "pin",
)
SENTENCES = (
    "Please, {} my {}!",
    'I said "{} the {}", now',
    "{}, {}: how,\nwhen, where?",
    "naïve: {} a {} for €5",
)
BANK = {
    "intents": {"text_columns": ["text"], "label_column": "category", "metrics": ["accuracy", "macro_f1"]},
    "prices": {"text_columns": ["review"], "label_column": "points", "metrics": ["pearson"]},
}
BANK_CHANGES = {
    "data": {"source": "local", "path": "bank", "tasks": list(BANK), "custom_tasks": BANK},
    "search": {"task": "intents", "strategies": ["random"], "episodes": 1, "proxy": {"heldout": 0.2}},
    "distillation": {"start_from_search_task": [], "student": STAGE | {"epochs": 1}},
    "fidelity": {"architectures": 0},
}
EXPORTED = [f"{RESULTS}/deployment/{task}/seed_1" for task in BANK]


def write_bank(folder):
    """Write a CSV of 77 classes without a validation split, and numbers from 0 to 100 in an array of JSON."""
    draw = random.Random(1)
    rows = [
        (f"{draw.choice(SENTENCES).format(verb, noun)} {number}", f"{verb}_{noun}")
        for verb in VERBS
        for noun in NOUNS
        for number in range(10)
    ]
    draw.shuffle(rows)
    (folder / "intents").mkdir(parents=True)
    (folder / "prices").mkdir()
    for name, part in (("train.csv", rows[100:]), ("test.csv", rows[:100])):
        with open(folder / "intents" / name, "w", newline="", encoding="utf-8-sig") as file:
            csv.writer(file).writerows([("text", "category"), *part])
    prices = []
    for number in range(200):
        good = draw.randrange(9)
        words = ["great"] * good + ["awful"] * (8 - good)
        prices.append(
            {
                "review": f"item {number}: {' '.join(draw.sample(words, 8))}",
                "points": 12.5 * good,
                "id": number,
            }
        )
    with gzip.open(folder / "prices" / "training.json.gz", "wt", encoding="utf-8") as file:
        json.dump(prices, file)


def test_77_classes_in_a_csv_and_numbers_up_to_100_end_as_int8_students(fresh):
    write_bank(fresh / "bank")
    write_config(fresh, BANK_CHANGES)
    told = succeed(fresh, *EXPORTED)
    assert "kdnas: intents has no validation split: 67 of its training rows" in told
    assert "kdnas: prices has no validation split: 20 of its training rows" in told
    meta = json.loads((fresh / RESULTS / "data/intents/meta.json").read_text(encoding="utf-8"))
    classes = sorted(f"{verb}_{noun}" for verb in VERBS for noun in NOUNS)
    assert meta["found"] == {"labels": classes, "test": True}
    assert {split: part["rows"] for split, part in meta["splits"].items()} == {
        "train": 482,
        "heldout": 121,
        "validation": 67,
        "test": 100,
    }
    for place in EXPORTED:
        scores = json.loads((fresh / place / "scores.json").read_text(encoding="utf-8"))
        assert all(
            (fresh / place / entry["model"] / "model_quantized.onnx").is_file() for entry in scores["models"]
        )
    student = fresh / RESULTS / "students/random_best"
    config = json.loads((student / "intents/seed_1/model/config.json").read_text(encoding="utf-8"))
    assert config["id2label"] == {str(code): name for code, name in enumerate(classes)}
    metrics = json.loads((student / "intents/seed_1/metrics.json").read_text(encoding="utf-8"))
    assert {split: set(found) for split, found in metrics["scores"].items()} == dict.fromkeys(
        ("validation", "test"), {"accuracy", "macro_f1"}
    )

    # what a finished model says is in the unit of the file
    rows = pd.read_parquet(fresh / RESULTS / "data/prices/validation.parquet")
    assert rows["label"].between(0, 100).all() and rows["label"].max() > 60
    for model in (student, fresh / RESULTS / "teacher"):
        folder = model / "prices/seed_1"
        answers = answers_of(folder / "model", rows["review"].tolist())
        assert abs(answers.mean() - rows["label"].mean()) < 20
        metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
        assert metrics["scores"]["validation"]["pearson"] == pytest.approx(
            pearsonr(rows["label"], answers).statistic, abs=1e-3
        )
    assert plan(fresh, *EXPORTED) == {}
    # another name of a column re-reads the files, and trains nothing anew
    text = (fresh / "bank/intents/train.csv").read_text(encoding="utf-8-sig")
    (fresh / "bank/intents/train.csv").write_text(text.replace("category", "class", 1), encoding="cp1252")
    text = (fresh / "bank/intents/test.csv").read_text(encoding="utf-8-sig")
    (fresh / "bank/intents/test.csv").write_text(text.replace("category", "class", 1), encoding="cp1252")
    changed = BANK["intents"] | {"label_column": "class", "encoding": "cp1252"}
    tasks = BANK | {"intents": changed}
    write_config(fresh, BANK_CHANGES | {"data": BANK_CHANGES["data"] | {"custom_tasks": tasks}})
    before = (student / "intents/seed_1/model/model.safetensors").read_bytes()
    succeed(fresh, f"{RESULTS}/students/random_best/intents/seed_1/metrics.json")
    log = fresh / RESULTS / "logs/distill_student/random_best_seed_1.log"
    assert "taken from the store" in log.read_text(encoding="utf-8")
    assert (student / "intents/seed_1/model/model.safetensors").read_bytes() == before


def answers_of(folder, texts):
    """Return the outputs of a saved model, with transformers alone."""
    batch = AutoTokenizer.from_pretrained(folder)(texts, padding=True, truncation=True, return_tensors="pt")
    with torch.no_grad():
        logits = AutoModelForSequenceClassification.from_pretrained(folder).eval()(**batch).logits
    return logits.squeeze(-1).numpy()


TOPICS = {
    "sport": ("goal", "team", "match"),
    "money": ("bank", "price", "loan"),
    "food": ("bread", "soup", "cake"),
    "travel": ("train", "hotel", "flight"),
    "music": ("song", "band", "piano"),
    "health": ("doctor", "pill", "sleep"),
}
TOPICS_CHANGES = {
    "data": {
        "source": "local",
        "path": "mine",
        "tasks": ["topics"],
        "custom_tasks": {
            "topics": {
                "text_columns": ["text"],
                "label_column": "topics",
                "multi_label": True,
                "metrics": ["micro_f1", "macro_f1"],
            }
        },
        "max_unlabelled_rows": {"topics": None},
    },
    "search": {"task": "topics", "strategies": ["random"], "episodes": 1},
    "reward": {"quality": "agreement"},
    "teacher": {"training": {"epochs": 12}},
    "students": {"hand_crafted": []},
    "fidelity": {"architectures": 0},
}


def write_topics(folder):
    """Write texts with none to six of the labels, each of which is a word or more in its text."""
    draw, fill = (
        random.Random(1),
        ["the", "a", "of", "and", "with", "today", "again", "some", "near", "old", "new", "very"],
    )
    folder.mkdir(parents=True)
    for split, rows in (("train", 300), ("unlabelled", 30)):
        with open(folder / f"{split}.jsonl", "w", encoding="utf-8") as file:
            for number in range(rows):
                topics = [name for name in TOPICS if draw.random() < 0.3]
                words = [draw.choice(TOPICS[name]) for name in topics] + draw.choices(fill, k=4)
                draw.shuffle(words)
                row = {"text": f"{' '.join(words)} {split} {number}", "topics": topics}
                file.write(json.dumps(row if split == "train" else {"text": row["text"]}) + "\n")


def test_label_sets_in_json_lines_end_as_an_int8_student_and_a_bundle_that_verifies(fresh):
    write_topics(fresh / "mine/topics")
    write_config(fresh, TOPICS_CHANGES)
    bundle = f"{RESULTS}/bundles/random_best/topics/seed_1"
    told = succeed(fresh, GLUE_CSV, bundle)
    assert "kdnas: topics has no validation split: 30 of its training rows" in told
    config = json.loads((fresh / bundle / "config.json").read_text(encoding="utf-8"))
    assert config["problem_type"] == "multi_label_classification"
    assert set(config["id2label"].values()) == set(TOPICS)
    exported = json.loads((fresh / bundle / "scores.json").read_text(encoding="utf-8"))
    assert [model["file"] for model in exported["models"]] == [
        "model.safetensors",
        "onnx/model.onnx",
        "onnx/model_quantized.onnx",
    ]
    assert set(exported["models"][2]["scores"]["validation"]) == {"micro_f1", "macro_f1"}
    card = (fresh / bundle / "README.md").read_text(encoding="utf-8")
    assert "any number of the labels food, health, money" in card and "count the labels above 0.5" in card
    markdown = (fresh / GLUE_CSV).with_suffix(".md").read_text(encoding="utf-8")
    assert "topics: mean of micro F1 and macro F1." in markdown
    metrics = fresh / RESULTS / "students/random_best/topics/seed_1/metrics.json"
    assert json.loads(metrics.read_text(encoding="utf-8"))["unlabelled_rows"] == 30

    verified = subprocess.run(
        [sys.executable, "-m", "kdnas", "verify", bundle],
        cwd=fresh, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert verified.returncode == 0, verified.stderr
    assert "Every score is the promised one." in verified.stdout


WRONG = {
    "encoding": ("train.csv", "text,category\ncafé,a\n".encode("latin-1"), "is not UTF-8 text (byte 17)"),
    "column": ("train.csv", b"text,class\nx,a\n", 'has no column "category"; it has text, class'),
    "label": ("train.csv", b"text,category\nx,a\ny,\n", "row 2: category is empty (as in 1 of 2 rows)"),
    "gzip": ("train.csv.gz", b"text,category\n", "is damaged or not a gzip file"),
    "object": ("train.json", b'{"rows": [\n]}', "is one JSON object with rows; allowed: an array of objects"),
    "twice": ("training.csv", b"", "holds the split train twice, in train.csv and training.csv; keep one"),
    "class": (
        "dev.csv",
        b"text,category\nx,stolen_card\n",
        'row 1: category is "stolen_card"; allowed: one of the 77',
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_file_ends_the_run_in_one_sentence(fresh, wrong):
    name, content, words = WRONG[wrong]
    write_bank(fresh / "bank")
    if name.startswith("train."):
        (fresh / "bank/intents/train.csv").unlink()
    (fresh / "bank/intents" / name).write_bytes(content)
    write_config(fresh, BANK_CHANGES)
    failed = snakemake(fresh, f"{RESULTS}/data/intents")
    told = [line for line in failed.stdout.splitlines() if line.startswith("kdnas: ")]
    assert failed.returncode == 1 and len(told) == 1 and words in told[0], failed.stdout
    assert "Traceback" not in failed.stdout and not (fresh / RESULTS / "data/intents").exists()


def test_answers_of_another_model_are_what_students_learn(fresh):
    """The answers follow the texts and the labels are drawn, so that only the answers teach anything."""
    draw = random.Random(2)
    (fresh / "mine" / "tickets").mkdir(parents=True)
    words = {"low": "calm quiet slow", "high": "loud quick wild"}

    def write(split, count, *, first=0, changed=False, columns=("p_low", "p_high")):
        with open(fresh / f"mine/tickets/{split}.csv", "w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file)
            rows.writerow(["body", "label", *columns])
            for number in range(first, first + count):
                told = draw.choice(list(words))
                body = " ".join(draw.sample(words[told].split(), 2)) + f" {number}"
                low = 0.9 if (told == "low") != changed else 0.1
                given = [f"{low:.6f}", f"{1 - low:.6f}"] if columns else []
                rows.writerow([body, draw.choice(list(words)), *given])

    write("train", 120)
    write("unlabelled", 40, first=500)
    write("validation", 20, first=900, columns=())
    entry = {"text_columns": ["body"], "labels": ["low", "high"], "metrics": ["accuracy"]}
    entry |= {"answer_columns": ["p_low", "p_high"]}
    data = {"source": "local", "path": "mine", "tasks": ["tickets"], "custom_tasks": {"tickets": entry}}
    losses = {"hidden": 0.0, "logits": 1.0, "relations": 0.0, "labels": 0.0}
    student = {"name": "fixed", **HAND_CRAFTED}
    changes = {
        "data": data | {"max_train_rows": None, "max_unlabelled_rows": {"tickets": None, "stsb": 0}},
        "search": {"task": "tickets", "strategies": []},
        "distillation": {"losses": losses, "start_from_search_task": []},
        "students": {"hand_crafted": [student], "matched": [], "budgets": []},
        "claims": {"baseline": None},
        "fidelity": {"architectures": 0},
    }
    write_config(fresh, changes)
    made = f"{RESULTS}/students/fixed/tickets/seed_1"
    output = succeed(fresh, f"{made}/metrics.json")
    assert "kdnas: the given answers of tickets agree with the labels of the" in output
    metrics = json.loads((fresh / made / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["unlabelled_rows"] == 40
    for folder in (f"{RESULTS}/teacher/tickets/seed_1", made):
        model = AutoModelForSequenceClassification.from_pretrained(fresh / folder / "model").eval()
        tokenizer = AutoTokenizer.from_pretrained(fresh / folder / "model")
        texts = [text for three in words.values() for text in (three, *three.split())]
        with torch.no_grad():
            said = model(**tokenizer(texts, padding=True, return_tensors="pt")).logits.argmax(-1)
        assert said.tolist() == [0] * 4 + [1] * 4, folder

    assert plan(fresh, f"{made}/metrics.json") == {}
    write("unlabelled", 40, first=500, changed=True)
    planned = plan(fresh, f"{made}/metrics.json")
    assert planned["fetch_task"] == planned["finetune_search_teacher"] == planned["distill_student"] == 1
    write("unlabelled", 40, first=500, changed=True, columns=("p_low", "p_top"))
    refused = snakemake(fresh, f"{made}/metrics.json")
    assert refused.returncode == 1
    assert 'unlabelled.csv has no column "p_high"; it has body, label, p_low, p_top' in refused.stdout
