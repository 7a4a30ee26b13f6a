"""A teacher of another family than BERT, from its folder to an int8 file that a stranger can check."""

from __future__ import annotations

import os
import subprocess
import sys

from experiment import RESULTS, ROOT, STAGE, TEACHER, job_counts, succeed, write_config

from kdnas.files.artifacts import read_json

STUDENT = {**TEACHER, "name": "half", "layers": 1, "hidden_size": 12, "ffn_size": 24}


def write_distilbert(folder):
    """Put a random DistilBERT into a teacher's folder, whose tokenizer is a BERT's and gives token types."""
    import torch
    from transformers import DistilBertConfig, DistilBertModel

    torch.manual_seed(1)
    config = DistilBertConfig(
        n_layers=TEACHER["layers"],
        dim=TEACHER["hidden_size"],
        n_heads=TEACHER["attention_heads"],
        hidden_dim=TEACHER["ffn_size"],
        max_position_embeddings=32,
        initializer_range=0.1,
    )
    DistilBertModel(config).save_pretrained(folder)


def test_a_student_of_a_distilbert_is_one_and_its_bundle_gives_its_scores(fresh):
    write_distilbert(fresh / "teacher")
    changes = {
        "data": {"tasks": ["mnli"], "max_train_rows": {}, "max_unlabelled_rows": {}},
        "search": {"strategies": []},
        "fidelity": {"architectures": 0},
        "distillation": {"initialisation": "refit", "student": STAGE | {"epochs": 1}},
        "students": {"hand_crafted": [STUDENT]},
        "latency": {"table": None},
    }
    write_config(fresh, changes)
    jobs = job_counts(succeed(fresh, f"{RESULTS}/bundles/half/mnli/seed_1"))
    assert jobs["export_models"] == jobs["bundle_student"] == 1
    bundle = fresh / RESULTS / "bundles" / "half" / "mnli" / "seed_1"
    config = read_json(bundle / "config.json")
    assert config["architectures"] == ["DistilBertForSequenceClassification"]
    assert (config["n_layers"], config["dim"], config["hidden_dim"]) == (1, 12, 24)
    command = [sys.executable, "-m", "kdnas", "verify", str(bundle)]
    process = subprocess.run(
        command,
        cwd=fresh,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    assert "onnx/model_quantized.onnx" in process.stdout
