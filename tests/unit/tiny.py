"""Small random teachers of every model type, small frames, fitting settings, and short ways to train."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from kdnas.data.frames import fingerprint, write_task
from kdnas.data.tasks import Task, get_task
from kdnas.losses.objective import Objective
from kdnas.models.loading import (
    classifier_config,
    load_config,
    name_outputs,
    new_classifier,
    save_classifier,
    student_config,
)
from kdnas.models.signals import LayerSignals, measure_signals
from kdnas.search.space import Architecture
from kdnas.teachers.finetune import finetune_teacher
from kdnas.training.candidates import distill_candidates
from kdnas.training.learner import Learner
from kdnas.training.recipe import Recipe, Stage
from kdnas.training.rows import Answers, Rows
from kdnas.training.students import Distillation, distill

WORDS = [f"w{number}" for number in range(60)]
FAMILY = ("bert", "roberta", "electra", "xlm-roberta", "camembert", "distilbert", "mpnet", "modernbert")
PADDED_BY_0 = ("bert", "electra", "distilbert")
FACTORISABLE = tuple(name for name in FAMILY if name not in ("mpnet", "modernbert"))
WITHOUT_TYPES = ("distilbert", "mpnet", "modernbert")
SPECIALS_LAST = ("modernbert",)
FOLDS_GAINS = ("modernbert",)  # into other weights: a student of its teacher's shape differs by rounding
OTHER_KEYS = {  # of config.json
    "distilbert": {
        "hidden_size": "dim",
        "num_hidden_layers": "n_layers",
        "num_attention_heads": "n_heads",
        "intermediate_size": "hidden_dim",
    }
}

OWN_KEYS = {
    "electra": {"embedding_size": 24},
    # every other layer attends to three tokens on each side
    "modernbert": {
        "global_attn_every_n_layers": 2,
        "local_attention": 6,
        "bos_token_id": 60,
        "cls_token_id": 60,
        "eos_token_id": 62,
        "sep_token_id": 62,
    },
}

STAGE = {
    "epochs": 2,
    "min_steps": 0,
    "batch_size": 8,
    "learning_rate": 1e-3,
    "warmup": 0.1,
    "weight_decay": 0.01,
    "dropout": 0.1,
}

DISTILLATION = {
    "initialisation": "teacher",
    "refit_rows": 24,
    "temperature": 2.0,
    "relation_heads": 3,
    "losses": {"hidden": 1.0, "logits": 1.0, "relations": 1.0, "labels": 1.0},
    "proxy": STAGE,
    "student": STAGE,
    "glue": STAGE,
}


def token_ids(rows=3, tokens=9, seed=0, high=64) -> torch.Tensor:
    return torch.randint(4, high, (rows, tokens), generator=torch.Generator().manual_seed(seed))


def signals_of(teacher: torch.nn.Module, rows: int = 24) -> list[LayerSignals]:
    """Return what the teacher's layers carry on random tokens."""
    ids = token_ids(rows, seed=1)
    return measure_signals(teacher, [{"input_ids": ids, "attention_mask": torch.ones_like(ids)}])


def write_teacher(folder: Path, model_type: str = "bert", layers: int = 4, **changes: int) -> Path:
    """Write a random encoder with hidden size 24, 6 heads and FFN 48, and a word-level tokenizer."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import AutoConfig, AutoModel, PreTrainedTokenizerFast

    padding = 0 if model_type in PADDED_BY_0 else 1
    specials = ["[PAD]", "[CLS]", "[SEP]", "[UNK]"]
    if padding:
        specials[:2] = ["[CLS]", "[PAD]"]
    pieces = [*WORDS, *specials] if model_type in SPECIALS_LAST else [*specials, *WORDS]
    vocabulary = {word: code for code, word in enumerate(pieces)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B [SEP]" if padding else "[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", vocabulary["[CLS]"]), ("[SEP]", vocabulary["[SEP]"])],
    )
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", cls_token="[CLS]", sep_token="[SEP]", unk_token="[UNK]"
    )
    settings = {
        "vocab_size": 200,
        "hidden_size": 24,
        "num_hidden_layers": layers,
        "num_attention_heads": 6,
        "intermediate_size": 48,
        "max_position_embeddings": 40,
        "pad_token_id": vocabulary["[PAD]"],
    }
    if model_type not in WITHOUT_TYPES:
        settings["type_vocab_size"] = 1 if padding else 2
    keys = OTHER_KEYS.get(model_type, {})
    settings |= OWN_KEYS.get(model_type, {}) | changes
    settings = {keys.get(name, name): value for name, value in settings.items()}
    config = AutoConfig.for_model(model_type, **settings)
    torch.manual_seed(7)
    model = AutoModel.from_config(config)
    with torch.no_grad():
        for parameter in model.parameters():  # gains and biases too, so that a wrong slice shows
            parameter.add_(0.1 * torch.randn_like(parameter))
    model.save_pretrained(folder)
    fast.save_pretrained(folder)
    return folder


def write_student(folder: Path, base: Path, architecture: Architecture, task: str, max_length: int) -> Path:
    """Write a random student of the encoder in ``base`` whose logits differ from row to row."""
    config = student_config(classifier_config(load_config(base), get_task(task), 0.1), architecture)
    name_outputs(config, get_task(task))
    model = new_classifier(config, seed=5)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(2)))
    save_classifier(model, tokenizer_folder=base, folder=folder, details={}, max_length=max_length)
    return folder


def write_frame(task: Task, rows: int, seed: int) -> pd.DataFrame:
    """Return random rows whose first word gives the label away."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 3 if task.regression else task.num_labels, rows)
    frame = pd.DataFrame(
        {
            column: [
                " ".join([WORDS[label], *generator.choice(WORDS[10:], generator.integers(2, 9))])
                for label in labels
            ]
            for column in task.text_columns
        }
    )
    frame["label"] = labels.astype(np.float32) if task.regression else labels
    frame["idx"] = range(rows)
    return frame


def write_data(folder: Path, name: str) -> Path:
    """Write the data folder of a task with 64 rows of :func:`write_frame` a split."""
    task = get_task(name)
    frames = {split: write_frame(task, 64, number) for number, split in enumerate(task.splits)}
    splits = {split: {"rows": 64, "official_rows": rows} for split, rows in task.splits.items()}
    meta = {"task": name, "source": "local", "synthetic": False, "splits": splits, "heldout_from": None}
    write_task(folder, frames, meta | {"fingerprint": fingerprint(frames), "unlabelled_fingerprint": None})
    return folder


def recipe(settings: dict[str, Any] = DISTILLATION, stage: str = "proxy", norm: float = 1.0) -> Recipe:
    """Return the recipe of a stage of ``settings``."""
    return Recipe.from_config(settings, stage, norm)


def finetune(base, data, name, settings, seed, run, store, folder, metrics) -> None:
    """Fine-tune a teacher on the task ``name`` by ``settings``, the config's section."""
    finetune_teacher(
        base,
        Rows.of_task(name, data, max_length=settings["max_length"], unlabelled=False),
        Stage.from_config(settings["training"], 1.0),
        data_folder=data,
        seed=seed,
        run=run,
        store=store,
        model_folder=folder,
        metrics_file=metrics,
    )


def student_job(
    student: str,
    architecture: Architecture,
    task: str,
    seed: int,
    stage: str,
    start: Path | None,
    teacher: Path,
    data: Path,
    max_length: int,
    settings: dict[str, Any],
    answers: Answers | None = None,
) -> Distillation:
    """Return the job of a student on a task's folder."""
    rows = Rows.of_task(task, data, max_length=max_length, answers=answers)
    return Distillation(student, architecture, seed, recipe(settings, stage), rows, data, teacher, start)


def distil(job, run, store, folder, metrics) -> None:
    """Distil a student."""
    distill(job, run=run, store=store, model_folder=folder, metrics_file=metrics)


def evaluate(entries, teacher, rows, settings, seed, run, store, stage="proxy") -> list[dict[str, Any]]:
    """Evaluate candidates."""
    return distill_candidates(
        entries, rows, recipe(settings, stage), teacher=teacher, seed=seed, run=run, store=store
    )


def started(model, objective: Objective, stage: Stage, seed: int = 1) -> Learner:
    """Return a learner of ``model`` that is ready to step on the CPU."""
    learner = Learner({}, stage, seed)
    learner.take_up(model, objective, torch.empty(0))
    learner.start(torch.device("cpu"), autocast=False)
    return learner
