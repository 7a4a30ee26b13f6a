"""The tiny experiment through profiles/slurm: the same tables, and jobs that are where they belong."""

from __future__ import annotations

from itertools import combinations

import cluster
import pytest
from experiment import RESULTS, digests
from site_profile import jobs

from kdnas.estimate import requests

TIMING = ("profile_latency", "profile_students")
QUEUED = {
    "finetune_teacher",
    "finetune_search_teacher",
    "distill_candidates",
    "evaluate_fidelity",
    "distill_student",
    "distill_glue",
    "export_models",
    *TIMING,
}


@pytest.mark.parametrize("folder", ["tables", "figures"])
def test_same_bytes_as_without_a_cluster(alone, submitted, folder):
    here, there = (
        {name: digest for name, digest in digests(run / RESULTS / folder).items() if "cost" not in name}
        for run in (alone, submitted)
    )
    assert here == there
    assert len(here) > 9


def test_only_what_trains_or_times_is_in_the_queue(submitted):
    found = jobs(submitted)
    assert {job.rule for job in found} == QUEUED
    assert {job.state for job in found} == {"COMPLETED"}
    assert {job.attempt for job in found} == {1}


def test_two_jobs_at_once(submitted):
    assert any(one.overlaps(other) for one, other in combinations(jobs(submitted), 2))


def test_what_times_has_a_node_of_its_type_alone(submitted):
    found = jobs(submitted)
    timing = [job for job in found if job.rule in TIMING]
    assert len(timing) == 6  # 4 episodes, CPU and GPU
    assert {job.features for job in timing} == {cluster.FEATURE}
    for job in timing:
        assert not [other for other in found if other != job and job.overlaps(other)]


def test_jobs_ask_for_what_their_size_needs(submitted):
    """And no less than a start takes with the margin, so what is asked for comes from the formulas."""
    for job in jobs(submitted):
        assert requests.MARGIN * requests.START_MB < job.mb <= 2200, job
        assert requests.START_MINUTES < job.minutes <= 15, job
