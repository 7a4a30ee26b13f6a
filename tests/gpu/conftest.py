"""What is particular to a GPU, tested on one: `make test-gpu`.

Needs torch, transformers, pytest and this checkout; no Snakemake and no `.venv`. `--device cpu` runs the same
code on the CPU with tiny networks, to see that the tests themselves work.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from networks import Sizes

from kdnas.training.run import Run, start_run

FIGURES = pytest.StashKey[list]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--device", choices=["gpu", "cpu"], default="gpu")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[FIGURES] = []
    config.addinivalue_line("markers", "only_gpu: makes no sense on a CPU")
    if config.getoption("--device") == "gpu" and not torch.cuda.is_available():
        pytest.exit("tests/gpu skipped: torch sees no GPU on this machine", returncode=0)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--device") == "cpu":
        for item in items:
            if item.get_closest_marker("only_gpu"):
                item.add_marker(pytest.mark.skip(reason="makes no sense on a CPU"))


def pytest_terminal_summary(terminalreporter, config: pytest.Config) -> None:
    """Print what was measured, as a table for docs/gpu.md."""
    figures = config.stash[FIGURES]
    if figures:
        terminalreporter.write_line("\n| what | on | value |\n|---|---|---:|")
        for what, on, value in figures:
            terminalreporter.write_line(f"| {what} | {on} | {value} |")


@pytest.fixture(scope="session")
def on(request) -> str:
    """``gpu``, or ``cpu`` where the tests themselves are tried out."""
    return request.config.getoption("--device")


@pytest.fixture(scope="session")
def sizes(on) -> Sizes:
    return Sizes.real() if on == "gpu" else Sizes.tiny()


@pytest.fixture
def figure(request) -> Callable[[str, str, str], None]:
    """A function that adds a line to the table: what, on which device, its value with its unit."""
    return lambda *line: request.config.stash[FIGURES].append(line)


@pytest.fixture(scope="session")
def start(on, tmp_path_factory) -> Callable:
    """A function that starts a run of a precision, on the device of the tests or on ``device``."""
    threads = torch.get_num_threads() if on == "gpu" else 1

    def start_on(precision: str = "float32", device: str | None = None, report=lambda text: None):
        return start_run(
            device=device or on,
            precision=precision,
            threads=threads,
            checkpoints=tmp_path_factory.mktemp("checkpoints"),
            checkpoint_minutes=60.0,
            report=report,
        )

    return start_on


@pytest.fixture
def run(start) -> Run:
    with start() as run:
        yield run
