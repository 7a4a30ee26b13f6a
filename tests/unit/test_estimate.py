"""The estimate: counts, operations, parameters and times against values by hand or by a library."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import fabricate
import numpy as np
import pandas as pd
import pytest
import torch
from tiny import write_teacher

from kdnas import __main__ as command
from kdnas.commands import estimate
from kdnas.config.validation import validate
from kdnas.data.tasks import TASKS
from kdnas.errors import UserError
from kdnas.estimate import calibration, loads
from kdnas.estimate.calibration import Line, Machine, calibrate, line_through
from kdnas.estimate.loads import (
    FILE,
    KEPT_FILE,
    STUDENT_PASS,
    STUDENT_STEP,
    TEACHER_PASS,
    TEACHER_STEP,
    Load,
    Passes,
    timed_pass,
)
from kdnas.estimate.report import Cost, comparison_text, costs, duration, measured_costs, wall_clock
from kdnas.estimate.shapes import Embeddings, forward_flops, maps_flops, parameters, training_flops
from kdnas.estimate.sizes import MEAN_TOKENS, TaskSize, padded_tokens, task_size
from kdnas.estimate.teacher import find_teacher
from kdnas.estimate.work import HeavyJob, Workload
from kdnas.models import refit
from kdnas.models.families import shape_of
from kdnas.plan import Job, jobs, student_names
from kdnas.runtimes import instructions
from kdnas.search.space import Architecture, SearchSpace
from kdnas.training import scoring

TINY = Architecture(1, 2, 1, 3, "gelu")
TINY_FLOPS = 64  # of its forward pass, for one of five tokens
MEAN_FLOPS = (64 + 256) / 2  # of students of this width with one and three layers
WHOLE_FLOPS, WHOLE_MEAN_FLOPS = 96, 2 * 96  # the same where the last layer computes all tokens
STAGE = {"epochs": 3, "min_steps": 0, "batch_size": 32, "learning_rate": 1.0e-3, "dropout": 0.0}


def config(**sections):
    """A checked configuration: two tasks, two seeds, two strategies, three episodes of four candidates."""
    given = {
        "data": {"source": "hub", "tasks": ["mnli", "rte"]},
        "search": {"episodes": 3, "candidates": 4, "cohorts": 2},
        "students": {"budgets": [{"latency_ratio": 0.5}]},
    }
    merged = {name: given.get(name, {}) | sections.get(name, {}) for name in given | sections}
    return validate({"seeds": [1, 2], **merged})


def count_jobs(checked):
    return Counter(job.rule for job in jobs(checked))


def load_of(workload, rule, **wildcards):
    return workload.load_of(Job(rule, wildcards))


def cohort(workload):
    return load_of(workload, "distill_candidates", strategy="lstm", episode="01", cohort="01")


def taught(workload, task):
    return load_of(workload, "finetune_teacher", task=task, seed=1)


def hand_crafted(workload):
    return load_of(workload, "distill_glue", student="hand", task="rte", seed=1)


# Jobs


def test_jobs_are_counted_from_the_config():
    counts = count_jobs(config())
    expected = {
        "fetch_task": 2,
        "build_proxy": 1,
        "fetch_teacher": 1,
        "finetune_search_teacher": 1,
        "finetune_teacher": 3,
        "sample_candidates": 6,
        "distill_candidates": 12,
        "profile_space": 1,
        "update_controller": 6,
        "select_student": 4,
        "hand_craft_student": 1,
        "distill_student": 10,  # two strategies with a best and a budget student, one hand-crafted; two seeds
        "distill_glue": 10,
        "profile_students": 2,
    }
    assert {rule: counts[rule] for rule in expected} == expected
    assert set(counts) > set(expected) | {"table_glue", "table_cost", "figure_reward"}


def test_a_large_space_is_timed_episode_by_episode_with_the_matched_students():
    matched = {"matched": ["minilm_l3"], "budgets": []}
    rules = ("profile_space", "profile_latency", "profile_hand_crafted")
    space = len(SearchSpace(validate({})["search"]["space"]))
    for most, expected in ((space, [1, None, None]), (space - 1, [None, 6, 1])):
        counts = count_jobs(config(latency={"whole_space": most}, students=matched))
        assert [counts.get(rule) for rule in rules] == expected


def test_fine_tuned_teacher_is_not_fine_tuned_again():
    counts = count_jobs(config(teacher={"finetuned_on": "rte"}))
    rules = ("adopt_teacher", "finetune_search_teacher", "finetune_teacher")
    assert [counts[rule] for rule in rules] == [2, 1, 1]
    counts = count_jobs(config(teacher={"finetuned_on": "mnli"}))
    assert [counts.get(rule) for rule in rules] == [2, None, 2]


def test_a_rule_without_a_job_has_no_row():
    assert "distill_glue" not in count_jobs(config(data={"source": "hub", "tasks": ["mnli"]}))


# Shapes


def test_operations_by_hand():
    # 6 * 2 * 2 for three 2 x 2 matrices, 4 * 2 * 5 for attention to 5 tokens
    assert forward_flops(TINY, 5) == 24 + 40 == TINY_FLOPS
    # all layers but the last: 2 * 2 * 2 for one 2 x 2 matrix more, 4 * 2 * 3 for two 2 x 3 ones
    assert forward_flops(Architecture(3, 2, 1, 3, "gelu"), 5) == 3 * 64 + 2 * (8 + 24)
    assert forward_flops(TINY, 5, whole=True) == 64 + 8 + 24 == WHOLE_FLOPS
    # a 2 x 14 matrix
    assert maps_flops(TINY, Architecture(1, 7, 1, 9, "gelu")) == 2 * 2 * 14


@pytest.mark.parametrize("whole", [False, True])
def test_operations_are_those_that_torch_counts(whole):
    from torch.utils.flop_counter import FlopCounterMode
    from transformers import BertConfig, BertForSequenceClassification

    from kdnas.losses.base import HIDDEN_STATES
    from kdnas.training.forward import Forward

    shape = Architecture(2, 24, 4, 40, "gelu")
    settings = BertConfig(
        num_hidden_layers=2,
        hidden_size=24,
        num_attention_heads=4,
        intermediate_size=40,
        vocab_size=50,
        num_labels=2,
    )
    settings._attn_implementation = "eager"
    reads = frozenset([HIDDEN_STATES] if whole else [])
    forward = Forward(BertForSequenceClassification(settings), reads)
    rows, tokens = 3, 7
    batch = dict.fromkeys(("input_ids", "attention_mask"), torch.ones(rows, tokens, dtype=torch.long))
    # of the first token alone: the last layer's 24 x 24 matrix and two 24 x 40 ones, the pooler, the classes
    of_layer, head = 2 * 24 * 24 + 4 * 24 * 40, 2 * 24 * 24 + 2 * 24 * 2
    first_token = head if whole else of_layer + head
    with FlopCounterMode(display=False) as counter:
        logits = forward(batch).logits
        counted = counter.get_total_flops()
        logits.sum().backward()
    assert counted == rows * (tokens * forward_flops(shape, tokens, whole=whole) + first_token)
    assert counter.get_total_flops() == training_flops(counted)


@pytest.mark.parametrize("labels", [1, 3])
def test_parameters_are_those_of_transformers(labels):
    from transformers import BertConfig, BertForSequenceClassification

    settings = BertConfig(
        num_hidden_layers=2,
        hidden_size=24,
        num_attention_heads=4,
        intermediate_size=40,
        vocab_size=50,
        max_position_embeddings=9,
        num_labels=labels,
    )
    count = sum(parameter.numel() for parameter in BertForSequenceClassification(settings).parameters())
    shape, embeddings = shape_of(settings), Embeddings.from_model_config(settings)
    assert parameters(shape, embeddings, labels) == count


def test_bert_base_has_its_published_parameters():
    # 109,482,240 of the encoder, and a head of 2 x 768 + 2
    base = Architecture(12, 768, 12, 3072, "gelu")
    assert parameters(base, Embeddings(30522, 512, 2), 2) == 109_482_240 + 1538


def test_modernbert_base_has_its_published_size():
    # 149 million with the head for masked words: a square matrix, a norm and a bias for each word
    found = parameters(Architecture(22, 768, 12, 1152, "gelu"), Embeddings(50368, 0, 0, gated=True), 2)
    assert (found - (2 * 768 + 2) + 50368) // 10**6 == 149


# Sizes


def test_padding_counts_as_tokens():
    # sorted by length: batches (1, 2) and (3, 4), padded to 2 and 4 tokens
    assert padded_tokens(np.array([4, 1, 3, 2]), 2) == (2 * 2 + 2 * 4) / 4


def test_data_not_fetched_yet_has_official_rows_and_the_table_of_lengths(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert task_size("mnli", config(), None) == TaskSize(
        392_702 - 78_540, 78_540, 9_815 + 9_832, MEAN_TOKENS["mnli"], False
    )
    capped = config(data={"source": "hub", "tasks": ["mnli"], "max_train_rows": {"mnli": 500}})
    assert task_size("mnli", capped, None).train_rows == 500
    short = config(teacher={"max_length": 8})
    assert task_size("mnli", short, None).tokens == 8
    assert set(MEAN_TOKENS) == set(TASKS)


def test_generated_data_is_measured_under_the_tokenizer(tmp_path):
    from transformers import AutoTokenizer

    synthetic = {
        "source": "synthetic",
        "tasks": ["mnli"],
        "synthetic": {"train_rows": 90, "validation_rows": 7},
    }
    tokenizer = AutoTokenizer.from_pretrained(write_teacher(tmp_path / "teacher"))
    size = task_size("mnli", config(data=synthetic, teacher={"max_length": 16}), tokenizer)
    # a fifth of 90 is held out
    assert (size.train_rows, size.heldout_rows, size.evaluation_rows, size.measured) == (72, 18, 14, True)
    assert 8 < size.tokens <= 16


# The teacher


@pytest.mark.parametrize(
    ("source", "name", "words"),
    [
        ("package", "no_such_package_here", "no such package"),
        ("local", "nowhere", "no such folder"),
        ("local", ".", "has no config.json"),
    ],
)
def test_a_teacher_that_is_not_there_is_one_sentence(source, name, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=words):
        find_teacher(config(teacher={"source": source, "name": name}))


# Work


def workload(**sections):
    space = {
        "layers": [1, 3],
        "hidden_size": [2],
        "attention_heads": [1],
        "ffn_size": [3],
        "activation": ["gelu"],
    }
    search = {"space": space, "candidates": 4, "cohorts": 2, "proxy": {"share": 0.5, "heldout": 0.3}}
    distillation = dict.fromkeys(("proxy", "student", "glue"), STAGE) | {"losses": {"hidden": 1.0}}
    checked = config(
        search=search,
        teacher={"training": STAGE},
        distillation=distillation,
        students={"budgets": [], "hand_crafted": [{"name": "hand", **TINY.to_dict()}]},
        **sections,
    )
    sizes = {"mnli": TaskSize(100, 30, 65, 5.0, True), "rte": TaskSize(33, 0, 10, 5.0, True)}
    return Workload(checked, teacher=TINY, embeddings=Embeddings(10, 8, 2), sizes=sizes)


def test_work_of_a_teacher_by_hand():
    job = taught(workload(), "mnli")
    forward = TINY_FLOPS * 5  # operations of an input of five tokens
    # 100 rows are 4 batches of 32; three epochs
    assert job.passes[TEACHER_STEP] == Passes(12, 3 * forward * 300)
    # 65 rows that are scored are 2 batches of 64; 130 rows with an answer 3
    assert job.passes[TEACHER_PASS] == Passes(2 + 3, forward * (65 + 130))
    # embeddings (10 + 8 + 2) * 2 + 4, layer 4 * 6 + 9 + 8 + 8, pooler 6, head 9
    assert job.disk == 4 * (44 + 49 + 6 + 9)


def test_work_of_a_hand_crafted_student_by_hand():
    load = workload()
    job = hand_crafted(load)
    forward, maps = WHOLE_FLOPS * 5, 1 * 4 * 2 * 2 * 5  # hidden states are compared
    # 33 rows are 2 batches; three epochs
    assert job.passes[TEACHER_PASS] == Passes(6, forward * 99)
    assert job.passes[STUDENT_STEP] == Passes(6, 3 * (forward + maps) * 99)
    assert job.passes[STUDENT_PASS] == Passes(1, TINY_FLOPS * 5 * 10)


def test_work_of_a_cohort_by_hand():
    job = cohort(workload())
    forward = WHOLE_FLOPS * 5  # hidden states are compared
    mean, maps = WHOLE_MEAN_FLOPS * 5, 2 * 4 * 2 * 2 * 5  # of two layers
    # 50 rows to train on: 2 batches, 3 epochs; 30 held out: 1 batch; 2 candidates a cohort
    assert job.passes[STUDENT_STEP] == Passes(6 * 2, 3 * (mean + maps) * 150 * 2)
    assert job.passes[STUDENT_PASS] == Passes(2, 2 * 30 * (mean + maps))
    # the teacher once a batch for the cohort, in the training and on the rows held out
    assert job.passes[TEACHER_PASS] == Passes(6 + 1, forward * 150 + forward * 30)


def test_the_teacher_runs_in_no_distillation_whose_losses_its_answers_suffice_for():
    losses = {"hidden": 0.0, "logits": 1.0, "relations": 0.0, "labels": 1.0}
    load = workload()
    load.config["distillation"]["losses"] = losses
    load = Workload(load.config, teacher=TINY, embeddings=load.embeddings, sizes=load.sizes)
    assert cohort(load).passes[TEACHER_PASS] == Passes()
    job = hand_crafted(load)
    assert job.passes[TEACHER_PASS] == Passes()
    assert job.passes[STUDENT_STEP] == Passes(6, 3 * TINY_FLOPS * 5 * 99)


def test_a_student_reads_rows_without_labels_too():
    load = workload()
    load.config["distillation"]["losses"] = {"hidden": 0.0, "logits": 1.0, "relations": 0.0, "labels": 1.0}
    sizes = load.sizes | {"rte": TaskSize(33, 0, 10, 5.0, True, unlabelled_rows=67)}
    load = Workload(load.config, teacher=TINY, embeddings=load.embeddings, sizes=sizes)
    job = hand_crafted(load)
    # 100 rows are 4 batches of 32 and 2 of 64; three epochs
    assert taught(load, "rte").passes[TEACHER_PASS] == Passes(1 + 2, TINY_FLOPS * 5 * (10 + 100))
    assert job.passes[STUDENT_STEP] == Passes(12, 3 * TINY_FLOPS * 5 * 300)
    assert taught(load, "rte").passes[TEACHER_STEP] == Passes(6, 3 * TINY_FLOPS * 5 * 99)


def test_full_distillation_of_the_fidelity_study_reads_them_and_its_proxies_do_not():
    load, found = workload(fidelity={"architectures": 4}), {}
    for rows, unlabelled in ((100, 0), (60, 40), (60, 0)):
        size = replace(load.sizes["mnli"], train_rows=rows, unlabelled_rows=unlabelled)
        one = Workload(
            load.config, teacher=TINY, embeddings=load.embeddings, sizes=load.sizes | {"mnli": size}
        )
        found[rows, unlabelled] = [
            load_of(one, "evaluate_fidelity", setting=setting).passes
            for setting in ("full_teacher", "proxy_teacher_1")
        ]
    assert found[60, 40][0] == found[100, 0][0] != found[60, 0][0]
    assert found[60, 40][1] == found[60, 0][1] != found[100, 0][1]


def test_memory_of_small_students_is_that_of_the_moments_they_start_from():
    load = workload()
    load.config["distillation"]["losses"] = {"hidden": 0.0, "logits": 1.0, "relations": 0.0, "labels": 1.0}
    wide = Architecture(2, 64, 1, 2048, "gelu")
    load = Workload(load.config, teacher=wide, embeddings=Embeddings(10, 8, 2), sizes=load.sizes)
    moments = 4 * 2 * (4 * 64 * 64 + 2048 * 2048)
    teacher = taught(load, "rte").disk  # the weights of a model of its shape
    assert cohort(load).memory == pytest.approx(moments + teacher, rel=0.1)


def test_no_teacher_runs_where_no_loss_looks_at_it():
    losses = {"hidden": 0.0, "logits": 0.0, "relations": 0.0, "labels": 1.0}
    load = workload()
    load.config["distillation"]["losses"] = losses
    load = Workload(load.config, teacher=TINY, embeddings=load.embeddings, sizes=load.sizes)
    job = cohort(load)
    assert job.passes[TEACHER_PASS] == Passes()
    assert job.passes[STUDENT_STEP] == Passes(12, 3 * MEAN_FLOPS * 5 * 150 * 2)


def test_work_and_memory_of_a_refit_by_hand():
    def refitted(rows):
        load = workload()
        load.config["distillation"] |= {"initialisation": "refit", "refit_rows": rows}
        return load

    load, before = refitted(40), cohort(workload())
    after = cohort(load)
    # two fits of 2 on 2 dimensions, two products with 2 inputs, one with 3; students of one and three layers
    fits = 2 * 2 * (2 * 2 * (2 + 2) + 2 * 2 * 2 + 3 * (3 + 2))
    assert after.passes[TEACHER_PASS].flops == before.passes[TEACHER_PASS].flops + 40 * 5 * TINY_FLOPS
    assert after.passes[STUDENT_PASS] == before.passes[STUDENT_PASS] + Passes(
        2, 2 * 40 * 5 * (MEAN_FLOPS + fits)
    )
    # three sums of the teacher, and three states of the student
    assert after.memory == pytest.approx(before.memory + 4 * 40 * 5 * 2 * (3 + 3))
    assert hand_crafted(load) == hand_crafted(workload())  # it goes on from the search task's student
    most = cohort(refitted(2048)).passes[TEACHER_PASS]
    assert most.flops == before.passes[TEACHER_PASS].flops + 50 * 5 * TINY_FLOPS


def test_timing_by_hand_and_not_with_a_table():
    load = workload(
        latency={"warmup": 1, "max_rounds": 29, "min_rounds": 6, "sequence_length": 5, "batch_size": 2}
    )
    job = load_of(load, "profile_latency", strategy="lstm", episode="01")
    # 30 rounds of two inputs: the teacher and four candidates, each prepared once
    operations = (WHOLE_FLOPS + 4 * WHOLE_MEAN_FLOPS) * 5
    assert job.passes == {
        timed_pass("cpu", "torch"): Passes(30 * 5, 60 * operations),
        FILE + "torch": Passes(5, operations),
    }
    of_table = workload(latency={"table": "latency.csv"})
    assert load_of(of_table, "profile_latency", strategy="lstm", episode="01").passes == {}


def test_typical_student_has_the_mean_of_layers_and_then_of_operations():
    space = {
        "layers": [1, 4, 7],
        "hidden_size": [2, 4, 6],
        "attention_heads": [1],
        "ffn_size": [3],
        "activation": ["gelu"],
    }
    load = workload()
    load.config["search"]["space"] = space
    load = Workload(load.config, teacher=TINY, embeddings=load.embeddings, sizes=load.sizes)
    # a layer of width 2, 4, 6 has 96, 256, 480 operations for one of five tokens (the last one less)
    assert load.typical_student(5.0) == Architecture(4, 4, 1, 3, "gelu")


def test_the_scoring_batch_is_the_trainings_own():
    """It is written twice, because the requests of jobs do without torch."""
    assert loads.SCORING_BATCH == scoring.BATCH_SIZE
    assert loads.REFIT_TOKENS == refit.TOKENS


def test_exports_by_hand():
    load = workload(
        latency={"sequence_length": 5},
        deployment={"runtimes": ["torch", "onnxruntime"]},
    )
    job = load_of(load, "export_models", task="mnli", seed=1)
    students = len(student_names(load.config))
    rows = load.sizes["mnli"].evaluation_rows
    kept = KEPT_FILE * (students + 1)
    assert job.passes[timed_pass("cpu", "onnxruntime")].count == rows * (students + 1)
    assert job.passes[FILE + "onnxruntime"].count == kept
    assert set(job.passes) == {
        kind + name for name in ("torch", "onnxruntime") for kind in ("timed_pass_cpu_", FILE)
    }
    timed = load_of(load, "profile_deployment")
    assert {kind: passes.count for kind, passes in timed.passes.items()} == {
        timed_pass("cpu", name): (3 + 60) * (students + 1) for name in ("torch", "onnxruntime")
    }


def test_every_heavy_job_is_counted():
    load = workload()
    rules = pd.Series([job.rule for job in load.jobs()]).value_counts().to_dict()
    counts = count_jobs(load.config)
    assert rules == {rule: counts[rule] for rule in rules}
    assert len(rules) == 9


# Times


def test_a_line_through_two_passes():
    assert line_through((10, 3.0), (20, 5.0)) == Line(1.0, 0.2)
    assert Line(1.0, 0.2).seconds(Passes(3, 100)) == pytest.approx(23)


@pytest.mark.parametrize("large", [2.9, 7.0], ids=["faster than the small one", "negative for no operations"])
def test_noise_never_makes_a_negative_time(large):
    assert line_through((10, 3.0), (20, large)) == Line(0.0, large / 20)


def test_what_a_machine_cannot_run_takes_its_start_alone():
    machine = Machine("cpu", "a processor", 0, {"timed_pass_cpu": Line(0.0, 2.0)}, 5.0, 100)
    assert machine.seconds({"timed_pass_cpu": Passes(1, 3)}) == 11
    assert machine.seconds({"timed_pass_gpu_torch": Passes(1, 3)}) == 5


def test_wall_clock_lies_between_overlap_and_one_rule_after_another():
    rows = [
        Cost("finetune_teacher", 4, seconds=40, chain_s=10, slots=2, threads=1, memory=0, disk=0),
        Cost("distill_candidates", 3, seconds=30, chain_s=30, slots=2, threads=1, memory=0, disk=0),
    ]
    assert [row.wall_s for row in rows] == [20, 30]
    assert wall_clock(rows) == (40, 50)


def test_costs_of_rules_by_hand():
    checked = config()
    checked["latency"]["whole_space"] = 0
    machine = Machine("cpu", "a processor", 0, {TEACHER_STEP: Line(2.0, 0.0)}, 10.0, 1000)
    heavy = [
        HeavyJob("finetune_teacher", Load({TEACHER_STEP: Passes(count, 0)}, 7, 11)) for count in (5, 10, 20)
    ]
    heavy += [HeavyJob("distill_candidates", Load({TEACHER_STEP: Passes(1, 0)}))] * 12
    heavy += [HeavyJob("profile_latency", Load())] * 6
    rows = {row.rule: row for row in costs(checked, heavy, machine, cores=2, teacher_bytes=99)}
    teacher = rows["finetune_teacher"]
    assert (teacher.jobs, teacher.seconds, teacher.chain_s) == (3, 20 + 30 + 50, 50)
    assert (teacher.wall_s, teacher.memory, teacher.disk) == (50, 1007, 33)
    assert rows["fetch_teacher"].disk == 99
    candidates = rows["distill_candidates"]
    assert (candidates.seconds, candidates.chain_s, candidates.wall_s) == (144, 3 * 12, 72)  # three episodes
    assert rows["profile_latency"].wall_s == 60  # alone on the machine
    many = {row.rule: row for row in costs(checked, heavy, machine, cores=64, teacher_bytes=99)}
    assert many["distill_candidates"].wall_s == 36
    assert many["profile_latency"].wall_s == 60


def test_gpus_limit_what_trains_at_once():
    machine = Machine("gpu", "a GPU", 1, {}, 10.0, 1000)
    rows = costs(config(), [HeavyJob("distill_student", Load())] * 10, machine, cores=16, teacher_bytes=0)
    assert {row.rule: row.wall_s for row in rows}["distill_student"] == 100


@pytest.mark.parametrize(
    ("seconds", "text"), [(3.2, "4 s"), (600, "10 min"), (7200, "2.0 h"), (10 * 86400, "10.0 d")]
)
def test_durations_read_well(seconds, text):
    assert duration(seconds) == text


# The machine and the command


@pytest.mark.parametrize("model_type", ["bert", "distilbert", "mpnet", "modernbert"])
def test_calibration_measures_every_kind_of_pass(model_type, tmp_path, monkeypatch):
    from transformers import AutoConfig

    monkeypatch.setattr(calibration, "_start", lambda: (5.0, 1000))
    teacher = AutoConfig.from_pretrained(write_teacher(tmp_path / "teacher", model_type))
    checked = config(latency={"sequence_length": 16}, training={"device": "cpu"})
    machine = calibrate(checked, teacher, student=Architecture(2, 12, 6, 24, "relu"), tokens=10)
    runtimes = ("torch", "onnxruntime", "onnxruntime_int8")
    timed = {timed_pass("cpu", name) for name in runtimes} | {FILE + name for name in runtimes}
    assert set(machine.lines) >= {TEACHER_STEP, TEACHER_PASS, STUDENT_STEP, STUDENT_PASS, *timed}
    for kind, line in machine.lines.items():
        assert 0 < line.seconds(Passes(1, 1e6)) < 10, kind
    assert (machine.device, machine.gpus, machine.start_seconds) == ("cpu", 0, 5.0)


def test_comparison_shows_measured_jobs_beside_the_estimate(tmp_path):
    folder = tmp_path / "benchmarks"
    fabricate.benchmark(folder / "distill_student" / "a_seed_1.tsv", 60.0, 1000.0, 54.0)
    fabricate.benchmark(folder / "distill_student" / "b_seed_1.tsv", 120.0, 900.0, 108.0)
    fabricate.benchmark(folder / "build_proxy.tsv", 3.0, None, None)
    measured = measured_costs(tmp_path)
    assert measured.loc["distill_student", "jobs"] == 2
    row = Cost("distill_student", 4, seconds=480, chain_s=120, slots=2, threads=1, memory=2e9, disk=0)
    other = Cost("distill_glue", 4, seconds=480, chain_s=120, slots=2, threads=1, memory=2e9, disk=0)
    _, first, second, _, total = comparison_text([row, other], measured).splitlines()
    # estimated 2 minutes a job, measured 1.5, of which 90 % on the processor; 1000 MiB are 1.0 GB
    assert " ".join(first.split()) == "distill_student 4 2 2.00 1.50 2.00 1.35 2.0 GB 1.0 GB"
    assert " ".join(second.split()) == "distill_glue 4 0 2.00 2.00 2.0 GB"
    # two of four jobs: 240 s estimated, 162 s measured
    assert total == "Of the measured jobs together: 0.07 core hours estimated, 0.04 measured."


def test_comparison_with_no_run_is_one_sentence(tmp_path):
    with pytest.raises(UserError, match="no benchmark files"):
        measured_costs(tmp_path)


def run(*arguments):
    return command.main(["estimate", *(str(argument) for argument in arguments)])


def test_command_prints_every_rule_and_what_is_not_known(tmp_path, monkeypatch, capsys):
    lines = {kind: Line(0.0, 1e-10) for kind in (TEACHER_STEP, TEACHER_PASS, STUDENT_STEP, STUDENT_PASS)}
    machine = Machine("cpu", "a processor", 0, lines, 10.0, 5e8)
    monkeypatch.setattr(calibration, "calibrate", lambda *arguments, **shape: machine)
    file = tmp_path / "config.yaml"
    file.write_text("experiment: mine\n", encoding="utf-8")
    assert run(file, "--cores", 4) == 0
    printed = capsys.readouterr().out
    for rule, count in count_jobs(validate({})).items():
        (line,) = (line for line in printed.splitlines() if line.split()[:1] == [rule])
        assert line.split()[1] == str(count)
    assert "Experiment mine on 4 cores" in printed
    assert "downloads" in printed
    assert "assumed" not in printed


def test_command_tells_what_it_assumes(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    machine = Machine("cpu", "a processor", 0, {}, 10.0, 5e8)
    monkeypatch.setattr(calibration, "calibrate", lambda *arguments, **shape: machine)
    file = tmp_path / "config.yaml"
    file.write_text(
        "experiment: mine\n"
        "data: {source: hub, tasks: [mnli]}\n"
        f"teacher: {{source: hub, name: a/b, revision: {'a' * 40}, sha256: null}}\n"
        "training: {device: gpu}\n",
        encoding="utf-8",
    )
    assert run(file) == 0
    printed = capsys.readouterr().out
    assert "BERT-Base is assumed" in printed
    assert "lengths come from a table of GLUE: mnli" in printed
    assert "training.device is gpu" in printed


@pytest.mark.parametrize(
    ("content", "arguments", "words"),
    [
        (None, [], "cannot be read"),
        ("seeds: [", [], "line 1, is not valid YAML"),
        ("sedes: [1]", [], "did you mean seeds"),
        ("seeds: [1]", [], "experiment is missing"),
        ("experiment: x", ["--cores", "0"], '--cores is "0"'),
        ("experiment: x", ["--compare", "nowhere"], "nowhere has no benchmark files"),
    ],
)
def test_command_refuses_with_one_sentence(content, arguments, words, tmp_path, capsys):
    file = tmp_path / "config.yaml"
    if content is not None:
        file.write_text(content, encoding="utf-8")
    assert run(file, *arguments) == 1
    error = capsys.readouterr().err
    assert error.startswith("kdnas: ") and words in error and len(error.splitlines()) == 1


@pytest.mark.parametrize(
    ("flags", "precision", "said"),
    [
        ({"avx512_bf16"}, "auto", ["trains faster"]),
        ({"amx_bf16"}, "bf16", []),
        ({"avx512f"}, "float32", []),
        ({"avx2"}, "bf16", ["many times as long"]),
        (set(), "bf16", []),  # not known
    ],
)
def test_a_precision_that_does_not_fit_the_cpu_is_told(monkeypatch, flags, precision, said):
    monkeypatch.setattr(instructions, "cpu_flags", lambda: flags)
    machine = Machine("cpu", "a processor", 0, {}, 10.0, 1000)
    checked = config(training={"precision": precision})
    notes = [note for note in estimate._notes(checked, False, {}, machine) if "bf16" in note]
    assert len(notes) == len(said) and all(words in note for words, note in zip(said, notes, strict=True))
