"""Timers of one forward pass of an extracted network."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from kdnas.latency.cores import allowed_cpus, choose_cores
from kdnas.latency.protocol import Protocol
from kdnas.models.families import family_of
from kdnas.models.loading import base_model, new_classifier, student_config
from kdnas.search.space import Architecture

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from kdnas.runtimes.base import Runtime

FILE_VOCABULARY = 1000  # rows of the word table in a file that is only timed


def untrained_timer(
    architecture: Architecture,
    config: Any,
    protocol: Protocol,
    *,
    runtime: type[Runtime],
    tables: dict[int, nn.Embedding],
) -> Callable[[], float]:
    """Return the timer of a network of ``architecture`` with random weights in ``runtime``.

    ``config`` is the teacher's; ``tables`` are those of :func:`network`.
    """
    # a file has the table in it; its size changes no time (docs/latency.md)
    vocabulary = min(config.vocab_size, FILE_VOCABULARY) if runtime.in_onnx else config.vocab_size
    model = network(config, architecture, tables, vocabulary=vocabulary)
    return runtime.of_network(model, protocol.threads or 1).timer(protocol, vocabulary)


def network(
    config: Any, architecture: Architecture, tables: dict[int, nn.Embedding], *, vocabulary: int | None = None
) -> PreTrainedModel:
    """Build the real network of ``architecture``: latency does not depend on the weights' values.

    ``tables`` has the word embeddings by width, and gets those that it lacks, of ``vocabulary`` rows (those
    of ``config`` without it). Networks of one width share them, because the tables of a whole space would
    not fit into memory.
    """
    shape = student_config(config, architecture)
    vocabulary = vocabulary or shape.vocab_size
    family_of(shape.model_type).cut_vocabulary(shape, 0)
    model = new_classifier(shape, seed=0).eval()
    few = base_model(model).get_input_embeddings()
    width = few.embedding_dim
    if width not in tables:
        tables[width] = nn.Embedding(vocabulary, width, padding_idx=few.padding_idx)
    base_model(model).set_input_embeddings(tables[width])
    model.config.vocab_size = vocabulary
    return model


@contextlib.contextmanager
def pinned(protocol: Protocol) -> Iterator[None]:
    """Run with the protocol's CPU threads, held on cores of :func:`kdnas.latency.cores.choose_cores`.

    For a GPU, the threads that start its kernels are held on the fast cores. Where the system cannot hold a
    process on cores, it runs anywhere.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(protocol.threads or before)
    allowed = allowed_cpus()
    if allowed:
        _hold(choose_cores(protocol.threads, allowed).cpus)
    try:
        yield
    finally:
        torch.set_num_threads(before)
        if allowed:
            _hold(allowed)


def _hold(cpus: Collection[int]) -> None:
    """Hold all threads of this process on ``cpus``: those of torch may be there already."""
    os.sched_setaffinity(0, cpus)
    for thread in Path("/proc/self/task").glob("*"):
        with contextlib.suppress(ProcessLookupError):  # it has ended meanwhile
            os.sched_setaffinity(int(thread.name), cpus)


def make_timer(model: PreTrainedModel, protocol: Protocol, vocabulary_size: int) -> Callable[[], float]:
    """Return a function that runs one forward pass on full-length random tokens and returns milliseconds."""
    device = torch.device("cuda" if protocol.device == "gpu" else "cpu")
    generator = torch.Generator().manual_seed(0)
    shape = (protocol.batch_size, protocol.sequence_length)
    # ids above 5 are never padding in the BERT family; without a mask every token counts as real
    ids = torch.randint(6, vocabulary_size, shape, generator=generator).to(device)
    model = model.to(device)
    return _gpu_timer(model, ids) if protocol.device == "gpu" else _cpu_timer(model, ids)


def _cpu_timer(model: PreTrainedModel, ids: torch.Tensor) -> Callable[[], float]:
    @torch.inference_mode()
    def timer() -> float:
        started = time.perf_counter()
        model(input_ids=ids)
        return (time.perf_counter() - started) * 1e3

    return timer


def _gpu_timer(model: PreTrainedModel, ids: torch.Tensor) -> Callable[[], float]:
    @torch.inference_mode()
    def timer() -> float:
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        torch.cuda.synchronize()
        start.record()
        model(input_ids=ids)
        end.record()
        torch.cuda.synchronize()
        return start.elapsed_time(end)

    return timer
