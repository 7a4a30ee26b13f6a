"""Time the default experiment from an empty results folder, and keep what it found.

    python benchmarks/default_run.py --cores all

Writes into docs/measurements/data/default_run/: a row of ``runs.csv``, and the run's tables. Let nothing else
run meanwhile.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.doc_tables.default_run import DEFAULT_RUN
from kdnas.latency.protocol import device_name
from kdnas.workflow.provenance import ROOT, versions

KEPT = ("glue.csv", "efficiency.csv", "search.csv", "deployment.csv", "cost.csv")
FIRST_RESULT = re.compile(r"\w+: episode 1/")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cores", default="all")
    options = parser.parse_args()
    command = ["snakemake", "--cores", options.cores, "--snakefile", str(ROOT / "Snakefile")]
    with tempfile.TemporaryDirectory() as folder:
        started, first = time.monotonic(), None
        process = subprocess.Popen(
            [sys.executable, "-m", *command, "--directory", folder],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            if first is None and FIRST_RESULT.search(line):
                first = time.monotonic() - started
        if process.wait() != 0:
            sys.exit("the run failed")
        wall = time.monotonic() - started
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        for name in KEPT:
            shutil.copy(Path(folder) / "results" / "embedded" / "tables" / name, DEFAULT_RUN / name)
    file = DEFAULT_RUN / "runs.csv"
    earlier = pd.read_csv(file) if file.exists() else pd.DataFrame()
    row = {
        "commit": versions()["commit"][:7],
        "machine": f"{os.cpu_count()} cores of an {device_name('cpu')}",
        "wall_s": round(wall),
        "cpu_s": round(used.ru_utime + used.ru_stime),
        "first_line_s": None if first is None else round(first),
    }
    found = pd.concat([earlier, pd.DataFrame([row])], ignore_index=True)
    found.to_csv(file, index=False, lineterminator="\n")


if __name__ == "__main__":
    main()
