"""A teacher of another family than BERT, from its folder to an int8 file that a stranger can check."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from experiment import RESULTS, ROOT, STAGE, TEACHER, job_counts, succeed, write_config

from kdnas.files.artifacts import read_json

STUDENT = {
    **TEACHER,
    "name": "half",
    "layers": 1,
    "hidden_size": 12,
    "attention_heads": TEACHER["attention_heads"] // 2,
    "ffn_size": 24,
}


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


def write_modernbert(folder):
    """Put a random ModernBERT into a teacher's folder, whose head reads the mean of all tokens."""
    import torch
    from transformers import ModernBertConfig, ModernBertModel

    torch.manual_seed(1)
    config = ModernBertConfig(
        vocab_size=read_json(folder / "config.json")["vocab_size"],
        num_hidden_layers=TEACHER["layers"],
        hidden_size=TEACHER["hidden_size"],
        num_attention_heads=TEACHER["attention_heads"],
        intermediate_size=TEACHER["ffn_size"],
        max_position_embeddings=32,
        local_attention=8,
        initializer_range=0.1,
        classifier_pooling="mean",
        pad_token_id=0,
        **{f"{role}_token_id": None for role in ("bos", "eos", "cls", "sep")},
    )
    ModernBertModel(config).save_pretrained(folder)


@pytest.mark.parametrize(
    ("write", "architecture", "sizes"),
    [
        (write_distilbert, "DistilBertForSequenceClassification", ("n_layers", "dim", "hidden_dim")),
        (
            write_modernbert,
            "ModernBertForSequenceClassification",
            ("num_hidden_layers", "hidden_size", "intermediate_size"),
        ),
    ],
)
def test_a_student_is_of_its_teachers_family_and_its_bundle_gives_its_scores(
    write, architecture, sizes, fresh
):
    write(fresh / "teacher")
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
    assert config["architectures"] == [architecture]
    assert [config[key] for key in sizes] == [1, 12, 24]
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
