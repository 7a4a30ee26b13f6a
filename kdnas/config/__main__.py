"""The command ``python -m kdnas.config <config> ...``: checks a configuration, prints where results go."""

from __future__ import annotations

import sys

from kdnas.command import print_or_refuse
from kdnas.config import check_run_config
from kdnas.config.reading import read_configs


def main(arguments: list[str]) -> int:
    """Check what the files in ``arguments`` say and print the results folder; return the exit status."""
    if not arguments:
        print("usage: python -m kdnas.config <config.yaml> ...", file=sys.stderr)
        return 2
    return print_or_refuse(lambda: f"results/{check_run_config(read_configs(arguments))['experiment']}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
