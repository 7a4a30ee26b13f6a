"""What jobs ask a cluster for follows their sizes."""

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

from kdnas.errors import UserError
from kdnas.estimate import loads, requests
from kdnas.estimate.loads import Inputs, Student
from kdnas.latency.protocol import Protocol
from kdnas.search.space import Architecture
from kdnas.training.recipe import Stage

STAGE = {
    "epochs": 3,
    "min_steps": 150,
    "batch_size": 32,
    "learning_rate": 1e-4,
    "warmup": 0.1,
    "weight_decay": 0.01,
    "dropout": 0.1,
}
TIMING = {"runtime": "torch", "cpu_threads": 1, "min_rounds": 1, "interval": 0.05}
MINILM = {
    "model_type": "bert",
    "num_hidden_layers": 6,
    "hidden_size": 384,
    "num_attention_heads": 12,
    "intermediate_size": 1536,
}
BERT = {
    "model_type": "bert",
    "num_hidden_layers": 12,
    "hidden_size": 768,
    "num_attention_heads": 12,
    "intermediate_size": 3072,
}
STUDENT = Architecture(4, 384, 12, 1536, "gelu")
ONE_THREAD = requests.Machine("auto", 1)
MEASURED_MB = 1240  # the embedded default's largest job (docs/measurements/default_run.md), without Snakemake
BERT_SIGNALS_MB = 1820  # of a process that measures BERT-Base's second moments on batches of 32 x 128 tokens


@pytest.fixture
def teacher(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(MINILM))
    return requests.sizes_of(tmp_path)


def distil(
    teacher, count=4, rows=360, stage=STAGE, tokens=64, machine=ONE_THREAD, student=STUDENT, scored=240
):
    load = loads.distillation(
        teacher,
        Student([student]),
        Inputs(rows, scored, tokens=tokens, longest=tokens),
        stage=Stage.from_config(stage, 1.0),
        losses=requests.costliest_losses(teacher.teacher),
        count=count,
        judged=True,
        answered=False,
    )
    return requests.request(load, machine)


def finetune(teacher, rows):
    stage = Stage.from_config(STAGE, 1.0)
    return requests.request(
        loads.finetuning(teacher, Inputs(rows, 800, tokens=64, longest=64), stage, answered=0), ONE_THREAD
    )


def timed(teacher, count, latency):
    protocol = Protocol.from_config(TIMING | latency, "cpu")
    load = loads.timing(teacher, [Student([STUDENT])] * count, protocol)
    return requests.request(load, ONE_THREAD)


def predicted(teacher, rows):
    return requests.request(loads.predicting(teacher, Inputs(0, rows, tokens=64, longest=64)), ONE_THREAD)


def test_default_asks_for_what_it_was_measured_to_take(teacher):
    asked = distil(teacher, stage=STAGE | {"epochs": 4, "min_steps": 0})  # an episode of config/config.yaml
    assert MEASURED_MB < asked.mb < 4 * MEASURED_MB
    assert asked.minutes <= 45


def test_moments_count_where_training_takes_less(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(BERT))
    small = Architecture(4, 256, 4, 1024, "gelu")
    teacher, few_rows = requests.sizes_of(tmp_path), STAGE | {"batch_size": 4}
    job = {"count": 1, "rows": 1000, "scored": 100, "tokens": 128, "student": small}
    asked = distil(teacher, stage=few_rows, **job)
    with_batches = distil(teacher, **job)
    teacher = 4 * 109_484_547
    student = 4 * (11_171_331 + 4 * 256 * 1536)  # with its four maps
    moments = 4 * 12 * (4 * 768 * 768 + 3072 * 3072)
    data = 200 * 128 * 1100
    megabytes = 1.5 * (1200 + (teacher + student + moments + data) / 1e6)
    assert asked.mb == 3500 == 100 * math.ceil(megabytes / 100)
    assert with_batches.mb > 2 * BERT_SIGNALS_MB


@pytest.mark.parametrize("more", [{"count": 12}, {"tokens": 512}, {"stage": STAGE | {"batch_size": 256}}])
def test_larger_jobs_ask_for_more_memory(teacher, more):
    assert distil(teacher, **more).mb > distil(teacher).mb


@pytest.mark.parametrize(
    "more", [{"count": 12}, {"rows": 36000}, {"stage": STAGE | {"epochs": 30}}, {"tokens": 512}]
)
def test_longer_jobs_ask_for_more_time(teacher, more):
    assert distil(teacher, **more).minutes > distil(teacher).minutes


def test_threads_and_gpus_shorten_a_job(teacher):
    one, many, gpu = (
        distil(teacher, rows=36000, machine=machine).minutes
        for machine in (ONE_THREAD, requests.Machine("cpu", 8), requests.Machine("gpu", 1))
    )
    assert gpu < many < one


def test_nothing_asks_for_more_than_a_day(teacher):
    assert distil(teacher, rows=10**8).minutes == 24 * 60


def test_teacher_itself(teacher):
    few, many = (finetune(teacher, rows) for rows in (1200, 120000))
    assert few.minutes < many.minutes < 24 * 60
    assert few.mb > MEASURED_MB


def test_timing_and_predicting(teacher):
    latency = {"sequence_length": 128, "batch_size": 1, "warmup": 3, "max_rounds": 60}
    few, many = (timed(teacher, count, latency) for count in (2, 400))
    assert few.mb < many.mb and few.minutes < many.minutes
    assert predicted(teacher, 400).minutes == 15
    assert predicted(teacher, 400_000).minutes > 60


def test_timing_large_batches_asks_for_what_one_layer_was_measured_to_take(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(BERT))
    latency = {"sequence_length": 512, "warmup": 3, "max_rounds": 60}
    for batch_size, megabytes in ((64, 1476), (128, 2437), (256, 4358)):  # peak of a process, one CPU thread
        asked = timed(requests.sizes_of(tmp_path), 1, latency | {"batch_size": batch_size})
        assert megabytes < asked.mb < 3 * megabytes


def test_no_architecture_of_a_space_exceeds_the_largest():
    space = {"layers": [4, 2], "hidden_size": [96, 100], "attention_heads": [12, 2], "ffn_size": [8, 16]}
    largest = requests.largest(space | {"activation": ["gelu"]})
    assert (largest.layers, largest.ffn_size) == (4, 16)
    assert largest.hidden_size >= 100


def test_missing_teacher(tmp_path):
    with pytest.raises(UserError, match="missing"):
        requests.sizes_of(tmp_path)


def test_no_torch_for_what_every_start_of_snakemake_imports():
    code = "import sys, kdnas.estimate.requests, kdnas.workflow.relay; sys.exit('torch' in sys.modules)"
    root = Path(__file__).resolve().parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0
