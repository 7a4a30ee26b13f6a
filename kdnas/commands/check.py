"""Check a configuration and print the folder its results go to."""

from __future__ import annotations

import argparse

from kdnas.config.check import check_run_config
from kdnas.config.reading import read_configs


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the configuration files, which other commands take too."""
    parser.add_argument(
        "config", nargs="+", help="YAML files; of several, each overrides single keys of those before it"
    )


def run(options: argparse.Namespace) -> str:
    """Return the folder of results; raises UserError for a configuration that is wrong."""
    return f"results/{check_run_config(read_configs(options.config))['experiment']}"
