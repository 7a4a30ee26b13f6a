"""The command line: ``python -m kdnas --help``."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

from kdnas.errors import UserError

# each is a module of kdnas.commands with `add_arguments` and `run`
COMMANDS = {
    "init": "write a first configuration for your own rows and your own model",
    "check": "check a configuration and print the folder its results go to",
    "estimate": "print the time, memory and disk that a run would take",
    "progress": "print the scores of a run so far, while it runs or after a stop",
    "headline": "print the main table of a finished run",
    "verify": "check that a bundle alone gives the scores of its card",
    "push": "upload a bundle to the Hugging Face hub",
    "rekey": "keep what was trained after an edit of the code that changes no result",
    "reference": "write the table of configuration keys into docs/configuration.md",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit status: 1 after a UserError, which is printed as one sentence."""
    parser = argparse.ArgumentParser(
        prog="python -m kdnas",
        description="Commands beside the workflow itself, which runs with: snakemake --cores all",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    given = sys.argv[1:] if arguments is None else list(arguments)
    for name, summary in COMMANDS.items():
        command = commands.add_parser(name, help=summary)
        if name in given[:1]:  # the others' modules would take a second to import
            module = importlib.import_module(f"kdnas.commands.{name}")
            command.description = module.__doc__
            module.add_arguments(command)
            command.set_defaults(run=module.run)
    options = parser.parse_args(given)
    try:
        text = options.run(options)
    except UserError as error:
        print(f"kdnas: {error}", file=sys.stderr)
        return 1
    if text:
        print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
