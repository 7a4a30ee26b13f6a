"""Helpers that scripts share: the log, checks of inputs, and how parameters enter the library."""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"


@contextlib.contextmanager
def start(snakemake) -> Iterator[None]:
    """Run a script's body with its output in the rule's log.

    Before it, the checksums of the artifacts that it reads are checked; after it, its own are recorded.
    A UserError ends the job with its one sentence, on the terminal and in the log; anything else leaves
    its traceback in the log. Both exit with 1.
    """
    from kdnas.errors import UserError
    from kdnas.files import checksums

    if "fetch_" not in snakemake.rule:  # a module's rules may have a prefix
        # compute nodes have no network, and nothing after the fetch rules may want one
        os.environ["HF_HUB_OFFLINE"] = "1"
    results = Path(*Path(snakemake.output[0]).parts[:2])  # results/<experiment>
    terminal = sys.stderr
    with open(snakemake.log[0], "w", buffering=1, encoding="utf-8") as log:
        with contextlib.redirect_stdout(log), contextlib.redirect_stderr(log):
            try:
                checksums.check(results, snakemake.input)
                yield
                checksums.record(results, snakemake.output, snakemake.rule)
                return
            except UserError as error:
                sentence = str(error)
            except Exception as error:
                traceback.print_exc()
                sentence = f"{type(error).__name__}: {error}"
        log.write(f"{sentence}\n")
    # in one write, so that jobs side by side don't mix their lines
    terminal.write(f"kdnas: {snakemake.rule}: {sentence} (log: {snakemake.log[0]})\n")
    sys.exit(1)


def training_run(snakemake) -> contextlib.AbstractContextManager:
    """Return a training rule's :func:`kdnas.training.run.start_run`, which yields the Run.

    Entering it raises UserError where ``training.device`` is not there.
    """
    from kdnas.training.run import start_run  # here, as most scripts need no torch

    training = snakemake.params.training
    return start_run(
        device=training["device"],
        precision=training["precision"],
        threads=training["threads"],
        checkpoints=snakemake.params.checkpoints,
        checkpoint_minutes=snakemake.config["training"]["checkpoint_minutes"],
    )


def proxy_rows(snakemake):
    """Return the :class:`kdnas.training.rows.Rows` of a rule that distils on the proxy set."""
    from kdnas.training.rows import Answers, Rows

    inputs, params = snakemake.input, snakemake.params
    answers = Answers.read(inputs.answers)
    return Rows.of_proxy(
        params.task, inputs.train, inputs.data, max_length=params.max_length, answers=answers
    )


def recipe(snakemake, stage: str):
    """Return the :class:`kdnas.training.recipe.Recipe` of a rule that distils."""
    from kdnas.training.recipe import Recipe

    params = snakemake.params
    return Recipe.from_config(params.distillation, stage, params.training["max_gradient_norm"])


def of_first_seed(snakemake) -> bool:
    """Return whether a job is of the first seed: what is said of a task is said once."""
    return int(snakemake.wildcards.seed) == snakemake.config["seeds"][0]


def announce(text: str) -> None:
    """Print one line in the log and, past the redirection, on the terminal for the person who watches."""
    print(text)
    sys.__stderr__.write(f"kdnas: {text}\n")
