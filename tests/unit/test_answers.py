"""The teacher's answers: its logits on the rows that students learn from, read by every distillation."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from tiny import DISTILLATION, STAGE, distil, evaluate, student_job, write_data, write_frame

from kdnas.data.frames import fingerprint, read_meta, read_split, write_split, write_task
from kdnas.data.proxy import build_proxy
from kdnas.data.tasks import get_task
from kdnas.errors import UserError
from kdnas.files.store import Store
from kdnas.models.loading import load_classifier
from kdnas.models.tokenizer import load_tokenizer
from kdnas.search.space import Architecture
from kdnas.teachers import answers as of_teacher
from kdnas.teachers.answers import kept_answers, query_teacher
from kdnas.training.rows import Answers, Rows
from kdnas.training.scoring import predict

LOGITS_ONLY = DISTILLATION | {"losses": {"hidden": 0.0, "logits": 1.0, "relations": 0.0, "labels": 1.0}}
SMALL = Architecture(1, 24, 6, 24, "gelu")
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def task_folder(tmp_path_factory):
    """MNLI with a held-out set and unlabelled rows."""
    base = write_data(tmp_path_factory.mktemp("answers") / "base", "mnli")
    meta = read_meta(base)
    frames = {split: read_split(base, split) for split in meta["splits"]}
    frames["heldout"] = write_frame(get_task("mnli"), 30, 7)
    frames["unlabelled"] = write_frame(get_task("mnli"), 20, 8).assign(label=-1)
    for split in ("heldout", "unlabelled"):
        meta["splits"][split] = {"rows": len(frames[split]), "official_rows": None}
    meta |= {"heldout_from": "train", "unlabelled_fingerprint": fingerprint({"u": frames["unlabelled"]})}
    write_task(base.with_name("data"), frames, meta)
    return base.with_name("data")


@pytest.fixture(scope="module")
def taught(task_folder, teacher_folder, tmp_path_factory):
    """The folder of a teacher and the file of its answers."""
    file = tmp_path_factory.mktemp("taught") / "answers.safetensors"
    query_teacher(teacher_folder, task_folder, "mnli", max_length=16, device=CPU, file=file)
    return teacher_folder, file


def test_answers_are_the_saved_teachers_logits_row_by_row(task_folder, taught):
    folder, file = taught
    teacher, tokenizer, answers = load_classifier(folder).eval(), load_tokenizer(folder), Answers.read(file)
    assert {split: len(logits) for split, logits in answers.logits.items()} == {
        "train": 64,
        "heldout": 30,
        "unlabelled": 20,
    }
    for split in answers.logits:
        frame = read_split(task_folder, split)
        for row in (0, 7, len(frame) - 1):
            texts = frame["premise"][row], frame["hypothesis"][row]
            with torch.no_grad():
                expected = teacher(**tokenizer(*texts, truncation=True, max_length=16, return_tensors="pt"))
            torch.testing.assert_close(answers.logits[split][row], expected.logits[0], atol=1e-5, rtol=1e-4)


def test_the_digest_is_of_what_the_answers_say(task_folder, taught, tmp_path):
    folder, file = taught
    for name, max_length in (("same", 16), ("shorter", 5)):
        query_teacher(folder, task_folder, "mnli", max_length=max_length, device=CPU, file=tmp_path / name)
    digests = [Answers.read(path).sha256 for path in (file, tmp_path / "same", tmp_path / "shorter")]
    assert digests[0] == digests[1] != digests[2]


def test_a_damaged_file_is_one_sentence(taught, tmp_path):
    damaged = tmp_path / "answers.safetensors"
    damaged.write_bytes(taught[1].read_bytes()[:50])
    with pytest.raises(UserError, match="answers.safetensors is damaged"):
        Answers.read(damaged)


def test_candidates_learn_from_the_answers_on_their_own_rows(task_folder, taught, make_run, tmp_path):
    """Swapped answers of the rows outside of the proxy set change nothing, swapped ones inside do."""
    folder, file = taught
    proxy = build_proxy(read_split(task_folder, "train"), "mnli", share=0.5, seed=1)
    write_split(tmp_path / "proxy.parquet", proxy)
    answers = Answers.read(file)
    outside = np.setdiff1d(np.arange(64), proxy["train_row"])

    def weights_and_loss(given, name):
        rows = Rows.of_proxy("mnli", tmp_path / "proxy.parquet", task_folder, max_length=16, answers=given)
        entries = [{"candidate": 1, "architecture": SMALL.to_dict()}]
        store = Store(tmp_path / name)
        (value,) = evaluate(entries, folder, rows, LOGITS_ONLY, 1, make_run(), store)
        return value["weights_sha256"], value["quality_loss"]

    def changed(split, rows):
        logits = {name: value.clone() for name, value in answers.logits.items()}
        logits[split][rows] = -5 * logits[split][rows]
        return Answers(logits, answers.sha256)

    as_given = weights_and_loss(answers, "given")
    assert weights_and_loss(changed("train", outside), "outside") == as_given
    assert weights_and_loss(changed("train", proxy["train_row"].to_numpy()), "inside")[0] != as_given[0]
    judged = weights_and_loss(changed("heldout", np.arange(30)), "heldout")
    assert judged[0] == as_given[0] and judged[1] < as_given[1]
    # the teacher itself, asked where no answers are at hand, says the same but for the last bits
    assert weights_and_loss(None, "asked")[1] == pytest.approx(as_given[1], abs=1e-3)


def test_students_learn_from_the_answers(task_folder, taught, make_run, tmp_path):
    folder, file = taught
    answers = Answers.read(file)
    turned = {name: value.roll(1, dims=1) for name, value in answers.logits.items()}
    weights = LOGITS_ONLY | {"losses": LOGITS_ONLY["losses"] | {"labels": 0.0}}
    stage = STAGE | {"epochs": 12, "learning_rate": 5e-3, "dropout": 0.0}
    for name, given, shift in (("as", answers, 0), ("turned", Answers(turned, "other"), 1)):
        job = student_job(
            "small",
            SMALL,
            "mnli",
            1,
            "student",
            None,
            folder,
            task_folder,
            16,
            weights | {"student": stage},
            given,
        )
        where = tmp_path / name
        distil(job, make_run(), Store(tmp_path / "store"), where, tmp_path / f"{name}.json")
        train = read_split(task_folder, "train")
        said = _classes(load_classifier(where), load_tokenizer(where), train)
        taught_class = answers.logits["train"].roll(shift, dims=1).argmax(-1).numpy()
        assert (said == taught_class).mean() > 0.9, name


def _classes(model: torch.nn.Module, tokenizer, frame: pd.DataFrame) -> np.ndarray:
    columns = [frame[column].tolist() for column in ("premise", "hypothesis")]
    inputs = tokenizer(*columns, truncation=True, max_length=16, padding=True, return_tensors="pt")
    with torch.no_grad():
        return model.eval()(**inputs).logits.argmax(-1).numpy()


def test_another_experiment_takes_the_answers_from_the_store(
    task_folder, taught, make_run, tmp_path, monkeypatch
):
    folder, file = taught
    asked = []
    monkeypatch.setattr(of_teacher, "predict", lambda *given: asked.append(1) or predict(*given))

    def answer(name, max_length=16, threads=1):
        kept_answers(
            folder,
            task_folder,
            "mnli",
            max_length=max_length,
            run=replace(make_run(), threads=threads),
            store=Store(tmp_path / "store"),
            file=tmp_path / name,
        )
        return len(asked)

    assert answer("first") == 3  # splits
    assert answer("second") == 3
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes() == file.read_bytes()
    assert answer("shorter", max_length=5) == 6
    assert answer("more_threads", threads=2) == 9
    entry = next((tmp_path / "store").rglob("answers.safetensors"))
    entry.write_bytes(entry.read_bytes()[:-1] + b"?")
    for name in ("first", "second"):
        (tmp_path / name).unlink()
    answer("first")
    assert Answers.read(tmp_path / "first").sha256 == Answers.read(file).sha256
