"""The command ``python -m kdnas.config <config>``: checks a configuration, prints where its results go."""

from __future__ import annotations

import sys

from kdnas.command import print_or_refuse
from kdnas.config import check_config
from kdnas.config.reading import read_config


def main(arguments: list[str]) -> int:
    """Check the file in ``arguments`` and print its results folder; return the exit status."""
    if len(arguments) != 1:
        print("usage: python -m kdnas.config <config.yaml>", file=sys.stderr)
        return 2
    return print_or_refuse(lambda: f"results/{check_config(read_config(arguments[0]))['experiment']}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
