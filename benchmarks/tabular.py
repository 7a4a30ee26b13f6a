"""Make the table of a tabular benchmark, and its data card, from the results of whole-space runs.

    python benchmarks/tabular.py table.csv \\
        --proxy 75_steps=results/tabular no_steps=results/tabular_no_steps \\
        --full 1=results/tabular 2=results/tabular_seed_2 \\
        --latency results/tabular results/tabular_onnxruntime results/tabular_no_steps

With --onto an earlier table and its card grow: what they hold stays. docs/benchmark.md tells how these
results are made. Nothing is trained or timed here.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from kdnas.benchmark.card import card, origin, origin_of
from kdnas.benchmark.gather import gather
from kdnas.errors import UserError
from kdnas.files.artifacts import write_text
from kdnas.workflow.provenance import versions


def named(text: str) -> tuple[str, Path]:
    """Return the name and the folder of ``NAME=FOLDER``."""
    name, equals, folder = text.partition("=")
    if not (name and equals and folder):
        raise argparse.ArgumentTypeError(f"{text} is not NAME=FOLDER")
    return name, Path(folder)


def seeded(text: str) -> tuple[int, Path]:
    """Return the seed and the folder of ``SEED=FOLDER``."""
    name, folder = named(text)
    return int(name), folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table", type=Path, help="the CSV file; the card gets its name with .md")
    parser.add_argument(
        "--proxy",
        type=named,
        nargs="*",
        default=[],
        metavar="NAME=FOLDER",
        help="of a search of the space, or the file of one setting of a fidelity study",
    )
    parser.add_argument("--full", type=seeded, nargs="*", default=[], metavar="SEED=FOLDER")
    parser.add_argument("--latency", type=Path, nargs="*", default=[], metavar="FOLDER")
    parser.add_argument(
        "--onto", type=Path, metavar="TABLE", help="an earlier table, with its card beside it"
    )
    options = parser.parse_args()
    proxies, full = dict(options.proxy), dict(options.full)
    sources = {f"proxy `{name}`": source for name, source in proxies.items()}
    sources |= {f"full distillation, seed {seed}": folder for seed, folder in full.items()}
    try:
        gathered = gather(proxies, full=full, latencies=options.latency, onto=options.onto)
        earlier = origin_of(options.onto.with_suffix(".md")) if options.onto else {}
        write_text(options.table, gathered.table.to_csv(index=False, lineterminator="\n"))
        text = card(
            options.table.stem,
            gathered.table,
            origin=earlier | origin(sources, hardware=gathered.hardware, versions=versions()),
        )
        write_text(options.table.with_suffix(".md"), text)
    except UserError as error:
        sys.exit(f"{Path(__file__).name}: {error}")
    print(f"{options.table}: {len(gathered.table)} architectures, {len(gathered.table.columns)} columns")


if __name__ == "__main__":
    main()
