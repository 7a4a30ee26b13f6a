"""The training loop: lockstep, resuming, failing, and the schedule; on the CPU, to the last bit."""

import gc
import os
import signal
import weakref
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from tiny import DISTILLATION, STAGE, recipe, write_frame
from tiny import evaluate as evaluate_candidates

from kdnas.data.frames import write_split, write_task
from kdnas.data.tasks import get_task
from kdnas.files.artifacts import digest
from kdnas.files.store import Store
from kdnas.models.identity import tensors_sha256
from kdnas.models.loading import load_classifier
from kdnas.models.student import build_student
from kdnas.models.tokenizer import load_tokenizer
from kdnas.search.space import Architecture
from kdnas.training import candidates as module
from kdnas.training import lesson, loop
from kdnas.training.checkpoint import Checkpoints
from kdnas.training.data import Encoded, collate, encode, epoch_batches
from kdnas.training.forward import Forward
from kdnas.training.learner import Learner
from kdnas.training.lesson import Lesson
from kdnas.training.recipe import Stage
from kdnas.training.rows import Rows
from kdnas.training.scoring import predict

SHAPES = [(2, 12, 3, 24, "gelu"), (1, 24, 6, 48, "relu"), (3, 18, 3, 20, "gelu")]


def entry(number):
    layers, hidden, heads, ffn, activation = SHAPES[number - 1]
    architecture = {"layers": layers, "hidden_size": hidden, "attention_heads": heads}
    architecture |= {"ffn_size": ffn, "activation": activation}
    return {"candidate": number, "architecture": architecture}


@pytest.fixture
def proxy():
    task = get_task("mnli")
    scored = {"heldout": write_frame(task, 20, 2)}
    return Rows("mnli", write_frame(task, 40, 1), 40, scored, 32, {"data": "fingerprint"})


def evaluate(numbers, teacher_folder, proxy, run, store, distillation=DISTILLATION):
    entries = [entry(number) for number in numbers]
    values = evaluate_candidates(entries, teacher_folder, proxy, distillation, 1, run, store)
    return {value["candidate"]: {**value, "train_seconds": None} for value in values}


@pytest.mark.parametrize("initialisation", ["teacher", "refit"])
def test_candidate_is_the_same_bit_for_bit_alone_and_in_any_cohort(
    initialisation, teacher_folder, proxy, make_run, tmp_path
):
    def results(numbers):
        settings = DISTILLATION | {"initialisation": initialisation}
        store = Store(tmp_path / "_".join(map(str, numbers)))
        return evaluate(numbers, teacher_folder, proxy, make_run(), store, settings)

    together, turned, alone = results([1, 2, 3]), results([3, 1]), results([1])
    assert together[1] == turned[1] == alone[1]
    assert together[3] == turned[3]
    assert len({value["weights_sha256"] for value in together.values()}) == 3


def test_candidates_can_be_judged_without_a_step(teacher_folder, proxy, make_run, tmp_path):
    untrained = {"proxy": STAGE | {"epochs": 0}, "initialisation": "refit"}
    found = {}
    for rows in (8, 24):
        settings = DISTILLATION | untrained | {"refit_rows": rows}
        values = evaluate([1, 2], teacher_folder, proxy, make_run(), Store(tmp_path / "store"), settings)
        teacher = load_classifier(teacher_folder)
        sample = Lesson(
            proxy,
            teacher_folder,
            recipe(settings).stage,
            seed=1,
            run=make_run(),
            teacher=teacher,
            recipe=recipe(settings),
        ).sample
        student = build_student(
            Architecture.from_dict(entry(1)["architecture"]),
            teacher,
            get_task("mnli"),
            signals=sample.signals,
            targets=sample.targets,
            dropout=STAGE["dropout"],
            seed=1,
        )
        assert values[1]["weights_sha256"] == tensors_sha256(student.state_dict())
        heldout = encode(
            proxy.scored["heldout"], get_task("mnli"), load_tokenizer(teacher_folder), max_length=32
        )
        own, given = (predict(model, heldout, torch.device("cpu")) for model in (student, teacher))
        expected = (own.argmax(1) == given.argmax(1)).mean()
        assert values[1]["quality_agreement"] == pytest.approx(expected)
        found[rows] = values[1]
    assert found[8]["weights_sha256"] != found[24]["weights_sha256"] and not found[8]["from_store"]


def test_teacher_is_asked_where_a_student_needs_it_once_and_in_no_ones_time(
    teacher_folder, proxy, make_run, monkeypatch
):
    """A student that starts from another task's needs none of it: a large teacher takes minutes."""
    asked, now = [], [0.0]
    names = ("measure_signals", "measure_targets")
    real = {name: getattr(lesson, name) for name in names}

    def measure(name, *given):
        asked.append(name)
        now[0] += 1000
        return real[name](*given)

    for name in names:
        monkeypatch.setattr(lesson, name, partial(measure, name))
    monkeypatch.setattr(lesson.time, "perf_counter", lambda: now[0])
    learned = recipe(DISTILLATION | {"initialisation": "refit", "losses": {"logits": 1.0, "labels": 1.0}})
    teacher, task, shape = (
        load_classifier(teacher_folder),
        get_task("mnli"),
        Architecture(2, 12, 3, 24, "gelu"),
    )
    settings = {"seed": 1, "run": make_run(), "teacher": teacher, "recipe": learned}
    found = Lesson(proxy, teacher_folder, learned.stage, **settings)
    assert found.enrol({}, lambda _: load_classifier(teacher_folder)).failed is None and asked == []
    for _ in range(2):
        learner = found.enrol({}, lambda sample: sample.student(shape, task, recipe=learned, seed=1))
        assert learner.failed is None and learner.seconds == 0
    assert asked == list(names)


def test_store_serves_what_was_evaluated_and_nothing_else(teacher_folder, proxy, make_run, tmp_path):
    store, lines = Store(tmp_path / "store"), []
    first = evaluate([1, 2], teacher_folder, proxy, make_run(), store)
    again = evaluate([2, 3], teacher_folder, proxy, make_run(lines=lines), store)
    assert "2 candidates, 1 of them from the store" in lines
    assert (again[2]["from_store"], again[3]["from_store"]) == (True, False)
    assert again[2] == {**first[2], "from_store": True}


def test_whatever_decides_an_evaluation_is_in_its_key(teacher_folder, proxy, make_run):
    def key(settings=DISTILLATION, seed=1, norm=1.0, **rows):
        shared = {"teacher": teacher_folder, "seed": seed, "run": make_run()}
        return digest(module._shared_key(replace(proxy, **rows), recipe(settings, norm=norm), **shared))

    same = DISTILLATION | {"student": STAGE | {"epochs": 9}}  # a stage that the proxy does not have
    assert key() == key(same)
    assert key() == key(DISTILLATION | {"refit_rows": 7})  # that only a refit reads
    refit = DISTILLATION | {"initialisation": "refit"}
    others = [
        key(refit),
        key(refit | {"refit_rows": 7}),
        key(DISTILLATION | {"temperature": 4.0}),
        key(DISTILLATION | {"proxy": STAGE | {"epochs": 9}}),
        key(DISTILLATION | {"initialisation": "random"}),
        key(seed=2),
        key(norm=2.0),
        key(max_length=16),
        key(key={"data": "other"}),
        key(key={"data": "fingerprint", "answers": "given"}),
        key(task="rte"),
    ]
    assert len({key(), *others}) == 1 + len(others)


def test_candidates_train_on_the_proxy_set_and_are_scored_on_the_held_out_slice(tmp_path):
    task = get_task("mnli")
    proxy, heldout = write_frame(task, 40, 1), write_frame(task, 20, 2)
    frames = {"train": write_frame(task, 90, 3), "heldout": heldout}
    write_task(tmp_path / "data", frames, {})
    write_split(tmp_path / "proxy.parquet", proxy)
    rows = Rows.of_proxy("mnli", tmp_path / "proxy.parquet", tmp_path / "data", max_length=32)
    pd.testing.assert_frame_equal(rows.train, proxy, check_dtype=False)
    pd.testing.assert_frame_equal(rows.scored["heldout"], heldout, check_dtype=False)
    assert rows.labelled == 40


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), "out of memory at step 3"),
        (torch.OutOfMemoryError("CUDA out of memory"), "out of memory at step 3"),
    ],
)
def test_candidate_that_runs_out_of_memory_leaves_the_others_alone(
    error, reason, teacher_folder, proxy, make_run, tmp_path, monkeypatch
):
    expected = evaluate([1, 3], teacher_folder, proxy, make_run(), Store(tmp_path / "a"))
    step = Learner.step

    def failing(self, batch, teacher, steps):
        if self.model.config.hidden_act == "relu" and self.next_step == 2:
            raise error
        step(self, batch, teacher, steps)

    monkeypatch.setattr(Learner, "step", failing)
    store = Store(tmp_path / "b")
    values = evaluate([1, 2, 3], teacher_folder, proxy, make_run(), store)
    assert (values[2]["status"], values[2]["reason"]) == ("failed", reason)
    assert values[2]["quality_accuracy"] is None
    assert (values[1], values[3]) == (expected[1], expected[3])
    # a failure is not remembered: with more memory it may succeed
    monkeypatch.undo()
    assert evaluate([2], teacher_folder, proxy, make_run(), store)[2]["status"] == "ok"


@pytest.mark.parametrize(
    "error",
    [torch.OutOfMemoryError("CUDA out of memory"), RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED")],
)
def test_candidate_that_cannot_be_judged_leaves_the_others_alone(
    error, teacher_folder, proxy, make_run, tmp_path, monkeypatch
):
    expected = evaluate([1, 3], teacher_folder, proxy, make_run(), Store(tmp_path / "a"))
    forward = Forward.__call__

    def failing(self, batch):
        if torch.is_inference_mode_enabled() and self.model.config.hidden_act == "relu":
            raise error
        return forward(self, batch)

    monkeypatch.setattr(Forward, "__call__", failing)
    values = evaluate([1, 2, 3], teacher_folder, proxy, make_run(), Store(tmp_path / "b"))
    assert (values[2]["status"], values[2]["reason"]) == ("failed", "out of memory while it was judged")
    assert (values[1], values[3]) == (expected[1], expected[3])


@pytest.mark.parametrize("relations", [0.0, 1.0])
def test_what_runs_out_of_memory_keeps_no_weight_and_no_gradient(
    relations, teacher_folder, proxy, make_run, tmp_path, monkeypatch
):
    """The others need the memory, so the failed one's weights, gradients, moments and maps have to go."""
    kept, clip = [], torch.nn.utils.clip_grad_norm_

    def failing(parameters, most):
        clip(parameters, most)
        kept.extend(weakref.ref(parameter) for parameter in parameters)
        kept.extend(weakref.ref(parameter.grad) for parameter in parameters if parameter.grad is not None)
        raise torch.OutOfMemoryError("CUDA out of memory")

    freed = []
    free = Learner.free

    def watch(self):
        free(self)
        freed.append(self)

    monkeypatch.setattr(torch.nn.utils, "clip_grad_norm_", failing)
    monkeypatch.setattr(Learner, "free", watch)
    losses = DISTILLATION["losses"] | {"relations": relations}
    run, store = make_run(), Store(tmp_path)
    assert evaluate([1], teacher_folder, proxy, run, store, DISTILLATION | {"losses": losses})[1]["reason"]
    gc.collect()
    assert len(freed) == 1 and len(kept) > 20
    assert [reference() for reference in kept if reference() is not None] == []


def test_programming_error_is_not_swallowed(teacher_folder, proxy, make_run, tmp_path, monkeypatch):
    def broken(self, batch, teacher, steps):
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr(Learner, "step", broken)
    with pytest.raises(RuntimeError, match="shapes"):
        evaluate([1], teacher_folder, proxy, make_run(), Store(tmp_path))


def test_divergence_is_recorded(teacher_folder, proxy, make_run, tmp_path, monkeypatch):
    build = lesson.build_student

    def poisoned(architecture, *rest, **settings):
        student = build(architecture, *rest, **settings)
        if architecture.activation == "relu":
            with torch.no_grad():
                student.classifier.bias[0] = float("nan")
        return student

    monkeypatch.setattr(lesson, "build_student", poisoned)
    values = evaluate([1, 2], teacher_folder, proxy, make_run(), Store(tmp_path))
    assert values[2]["reason"] == "the loss is not finite at step 1"
    assert values[1]["status"] == "ok"


@pytest.fixture
def looked_at_late(monkeypatch):
    """Let learners go on without waiting for the outcome of a step, as they do on a GPU."""
    start = Learner.start

    def as_on_a_gpu(self, *settings):
        start(self, *settings)
        self.looks_at_each_step = False

    monkeypatch.setattr(Learner, "start", as_on_a_gpu)


def test_looking_late_changes_no_bit(teacher_folder, proxy, make_run, tmp_path, request):
    expected = evaluate([1, 2], teacher_folder, proxy, make_run(), Store(tmp_path / "a"))
    request.getfixturevalue("looked_at_late")
    assert evaluate([1, 2], teacher_folder, proxy, make_run(), Store(tmp_path / "b")) == expected


@pytest.mark.parametrize(("minutes", "steps"), [(60.0, 5), (0.0, 4)])
def test_divergence_that_is_seen_late_is_of_its_first_step_and_never_saved(
    minutes, steps, teacher_folder, proxy, make_run, tmp_path, monkeypatch, request
):
    """It is seen where a line is printed, at the end of an epoch of five steps, and before a save."""
    expected = evaluate([1, 3], teacher_folder, proxy, make_run(), Store(tmp_path / "a"))
    request.getfixturevalue("looked_at_late")
    step, save, taken, saved = Learner.step, Checkpoints.save, [], []

    def poisoned(self, batch, teacher, of):
        if self.model.config.hidden_act == "relu":
            taken.append(self.next_step)
            if self.next_step == 3:
                with torch.no_grad():
                    self.model.classifier.bias[0] = float("nan")
        step(self, batch, teacher, of)

    def watched(self, learner):
        assert all(torch.isfinite(value).all() for _, value in learner.named_parameters())
        saved.append(learner.model.config.hidden_act)
        save(self, learner)

    monkeypatch.setattr(Learner, "step", poisoned)
    monkeypatch.setattr(Checkpoints, "save", watched)
    lines, store = [], Store(tmp_path / "b")
    values = evaluate([1, 2, 3], teacher_folder, proxy, make_run(minutes, lines), store)
    assert values[2]["reason"] == "the loss is not finite at step 4"
    assert len(taken) == steps
    assert saved.count("relu") == (0 if minutes else 3)
    assert (values[1], values[3]) == (expected[1], expected[3])
    assert any("failed (the loss is not finite at step 4)" in line for line in lines)


def test_all_candidates_may_fail(teacher_folder, proxy, make_run, tmp_path, monkeypatch):
    def hungry(self, batch, teacher, steps):
        raise MemoryError

    monkeypatch.setattr(Learner, "step", hungry)
    values = evaluate([1, 2], teacher_folder, proxy, make_run(), Store(tmp_path))
    assert [value["status"] for value in values.values()] == ["failed", "failed"]


@pytest.mark.parametrize("stop_after", [1, 6])
def test_stopped_by_a_signal_and_resumed_is_the_same_bit_for_bit(
    stop_after, teacher_folder, proxy, make_run, tmp_path, monkeypatch
):
    expected = evaluate([1, 2], teacher_folder, proxy, make_run(), Store(tmp_path / "a"))
    step, count = Learner.step, []

    def interrupted(self, batch, teacher, steps):
        step(self, batch, teacher, steps)
        count.append(1)
        if len(count) == 2 * stop_after:
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(Learner, "step", interrupted)
    store, lines = Store(tmp_path / "b"), []
    with pytest.raises(loop.Stopped) as stopped:
        evaluate([1, 2], teacher_folder, proxy, make_run(lines=lines), store)
    assert stopped.value.code == 143
    assert f"stopped by a signal at step {stop_after} of 10; saved" in lines
    monkeypatch.undo()
    lines = []
    assert evaluate([1, 2], teacher_folder, proxy, make_run(lines=lines), store) == expected
    assert sum(f"resumes at step {stop_after} of 10" in line for line in lines) == 2
    assert not list((tmp_path / "checkpoints").iterdir())


def test_learners_of_different_progress_resume_each_from_its_own(
    teacher_folder, proxy, make_run, tmp_path, monkeypatch
):
    # a kill between the saving of two learners leaves one of them behind
    expected = evaluate([1, 2], teacher_folder, proxy, make_run(), Store(tmp_path / "a"))
    step = Learner.step

    def killed(self, batch, teacher, steps):
        if self.next_step == 4:
            raise KeyboardInterrupt
        step(self, batch, teacher, steps)

    monkeypatch.setattr(Learner, "step", killed)
    store = Store(tmp_path / "b")
    with pytest.raises(KeyboardInterrupt):
        evaluate([1, 2], teacher_folder, proxy, make_run(checkpoint_minutes=0.0), store)
    saved = sorted((tmp_path / "checkpoints").iterdir())
    assert len(saved) == 2
    saved[0].unlink()
    left = saved[1].with_name(f".{saved[1].name}.killed")  # of a save that was killed
    left.mkdir()
    (left / ".tmpabcdef").write_bytes(b"half")
    monkeypatch.undo()
    assert evaluate([1, 2], teacher_folder, proxy, make_run(), store) == expected
    assert not list((tmp_path / "checkpoints").iterdir())


def truncate(content):
    return content[:200]


def flip(content):
    middle = len(content) // 2  # far behind the header
    return (
        content[:middle] + bytes(byte ^ 0x40 for byte in content[middle : middle + 4]) + content[middle + 4 :]
    )


@pytest.mark.parametrize("damage", [truncate, flip])
def test_damaged_checkpoint_starts_anew(
    teacher_folder, proxy, make_run, tmp_path, monkeypatch, capsys, damage
):
    expected = evaluate([1], teacher_folder, proxy, make_run(), Store(tmp_path / "a"))
    step = Learner.step

    def killed(self, batch, teacher, steps):
        if self.next_step == 4:
            raise KeyboardInterrupt
        step(self, batch, teacher, steps)

    monkeypatch.setattr(Learner, "step", killed)
    with pytest.raises(KeyboardInterrupt):
        evaluate([1], teacher_folder, proxy, make_run(checkpoint_minutes=0.0), Store(tmp_path / "b"))
    (saved,) = (tmp_path / "checkpoints").iterdir()
    saved.write_bytes(damage(saved.read_bytes()))
    monkeypatch.undo()
    assert evaluate([1], teacher_folder, proxy, make_run(), Store(tmp_path / "b")) == expected
    assert "ignoring a damaged file" in capsys.readouterr().out


def test_what_the_store_holds_needs_no_device(teacher_folder, proxy, make_run, tmp_path):
    store = Store(tmp_path / "store")
    evaluate([1, 2], teacher_folder, proxy, make_run(), store)

    def claim():
        raise AssertionError("a device was claimed")

    values = evaluate([2, 1], teacher_folder, proxy, replace(make_run(), claim=claim), store)
    assert [value["from_store"] for value in values.values()] == [True, True]


def test_steps_are_whole_epochs_until_there_are_enough():
    def steps(**changes):
        return Stage(**(STAGE | changes), max_gradient_norm=1.0).steps(20)

    assert steps(epochs=2, batch_size=8) == 6  # three batches, the last of four rows
    assert steps(epochs=2, batch_size=8, min_steps=6) == 6
    assert steps(epochs=2, batch_size=8, min_steps=7) == 9


def test_rate_rises_and_falls():
    stage = Stage(**(STAGE | {"learning_rate": 1.0, "warmup": 0.2}), max_gradient_norm=1.0)
    rates = [stage.rate(step, 10) for step in range(10)]
    assert rates == pytest.approx([0.5, 1.0, 1.0, 0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125])


def test_every_epoch_has_every_row_once_in_a_new_order():
    lengths = np.random.default_rng(0).integers(3, 60, 1000)
    epochs = [epoch_batches(lengths, 16, seed=3, epoch=epoch) for epoch in (0, 1)]
    for batches in epochs:
        assert sorted(np.concatenate(batches).tolist()) == list(range(1000))
    assert [b.tolist() for b in epochs[0]] != [b.tolist() for b in epochs[1]]
    again = epoch_batches(lengths, 16, seed=3, epoch=1)
    assert all(np.array_equal(a, b) for a, b in zip(again, epochs[1], strict=True))
    padded = sum(lengths[batch].max() * len(batch) for batch in epochs[0])
    shuffled = np.random.default_rng(1).permutation(1000)
    unsorted = sum(lengths[shuffled[i : i + 16]].max() * 16 for i in range(0, 1000, 16))
    assert padded < 0.75 * unsorted


def test_collate_pads_and_masks(monkeypatch):
    rows = [np.array([2, 9, 3]), np.array([2, 3]), np.array([2, 7, 8, 3])]
    encoded = Encoded(rows, None, np.array([0, 1, 2]), padding_id=1)
    batch = collate(encoded, np.array([2, 1]), torch.device("cpu"))
    assert batch["input_ids"].tolist() == [[2, 7, 8, 3], [2, 3, 1, 1]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1, 1], [1, 1, 0, 0]]
    assert batch["labels"].tolist() == [2, 1]
    assert "token_type_ids" not in batch
    encoded.token_types = [np.array([0, 0, 1]), np.array([0, 1]), np.array([0, 1, 1, 1])]
    batch = collate(encoded, np.array([2, 1]), torch.device("cpu"))
    assert batch["token_type_ids"].tolist() == [[0, 1, 1, 1], [0, 1, 0, 0]]
    # a GPU is not asked what the CPU knows
    monkeypatch.setattr("kdnas.training.data.to_device", lambda values, device: values)
    cuda = torch.device("cuda")
    assert [bool(collate(encoded, np.array(rows), cuda)["padded"]) for rows in ([2, 1], [2, 2])] == [
        True,
        False,
    ]
