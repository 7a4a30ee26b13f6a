"""Check that a bundle alone gives the scores that it promises: in torch, ONNX Runtime and transformers.js."""

from __future__ import annotations

import argparse
from pathlib import Path

from kdnas.deployment.verify import NODE, verify, why_no_node


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the bundle and its rows."""
    parser.add_argument("bundle", type=Path, help="a folder of rule bundle_student, wherever it lies now")
    parser.add_argument(
        "--rows",
        type=Path,
        help="R/data/TASK with the development rows; default: that of the bundle's own run",
    )


def run(options: argparse.Namespace) -> str:
    """Return every client's scores; raises UserError if one differs from what the bundle promises."""
    found = verify(options.bundle, options.rows)
    lines = [found.to_string(index=False, float_format="{:.4g}".format), "Every score is the promised one."]
    reason = why_no_node()
    if reason:
        lines.append(f"{NODE.name} was left out: {reason}.")
    return "\n".join(lines)
