"""Keep what was trained after an edit of the code that changes no result.

The store's keys hold a digest of the code, so after an edit everything is trained anew. This command runs the
workflow with config/tiny.yaml twice: with the code before the edit and with this checkout's. If both give the
same bytes, every store entry of the code before the edit gets a second key, for the code here. Latencies are
measured anew.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from kdnas.errors import UserError
from kdnas.files.artifacts import digest
from kdnas.files.store import Store
from kdnas.sentences import shown

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / "config" / "tiny.yaml"
TIMES = ("train_seconds",)  # what differs from run to run


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the checkout, the store and the configuration of the comparison."""
    parser.add_argument(
        "before", type=Path, help="a checkout of the code that filled the store (git worktree add ...)"
    )
    parser.add_argument("--store", type=Path, default=Path("results/store"), help="default: results/store")
    parser.add_argument(
        "--config", type=Path, default=CONFIG, help="what both versions run; default: config/tiny.yaml"
    )


def run(options: argparse.Namespace) -> str:
    """Compare the two versions and re-key the store; raises UserError if a result differs."""
    if not (options.before / "Snakefile").is_file():
        raise UserError(f"before is {shown(options.before)}; allowed: a checkout, with its Snakefile")
    if not options.store.is_dir():
        raise UserError(f"--store is {shown(options.store)}; allowed: the folder of a store")
    with tempfile.TemporaryDirectory() as temporary:
        stores = []
        for name, root in (("before", options.before), ("here", ROOT)):
            print(f"Running {options.config} with the code of {root} ...", file=sys.stderr)
            stores.append(_store_of_run(root, Path(temporary) / name, options.config))
        codes = same_results(*stores)
    count = rekey(Store(options.store), codes)
    return f"The same bytes. {count} entries of {options.store} serve the code of this checkout too."


def _store_of_run(root: Path, folder: Path, config: Path) -> Store:
    folder.mkdir()
    command = [sys.executable, "-m", "snakemake", "students", "--cores", "all", "--quiet", "all"]
    command += ["--snakefile", str(root.resolve() / "Snakefile"), "--directory", str(folder)]
    process = subprocess.run(
        [*command, "--configfile", str(config.resolve())], capture_output=True, text=True, check=False
    )
    if process.returncode:
        raise UserError(
            f"the run of {config} with the code of {root} failed: {process.stderr.strip()[-500:]}"
        )
    return Store(folder / "results" / "store")


def same_results(before: Store, here: Store) -> dict[str, str]:
    """Return, for each code digest in one store, the digest of the same results in the other.

    Raises UserError where a result is not in both, or differs in anything but times.
    """
    found = [_by_other_keys(store) for store in (before, here)]
    codes = {}
    # what was made of another result has another key: so the results that both have are compared first
    for name in sorted(found[0].keys() & found[1].keys()):
        (code, value), (new_code, new_value) = found[0][name], found[1][name]
        if _without_times(value) != _without_times(new_value):
            raise UserError(
                f"a result of {name[0]} differs between the two versions; allowed: the same bytes"
            )
        codes[code] = new_code
    missing = found[0].keys() ^ found[1].keys()
    if missing:
        raise UserError(
            f"{len(missing)} results are in only one of the two runs, so their keys differ by more than the "
            "code; allowed: two versions whose keys differ by the code alone"
        )
    return codes


def rekey(store: Store, codes: dict[str, str]) -> int:
    """Give every entry made by a code in ``codes`` the key of the new code too; return their number."""
    count = 0
    for kind, key, _ in list(store.entries()):
        code = key.get("code")
        if code in codes:
            store.add_key(kind, key, key | {"code": codes[code]})
            count += 1
    return count


def _by_other_keys(store: Store) -> dict[tuple[str, str], tuple[str, Any]]:
    """Return code digest and value of every result, by its kind and the rest of its key."""
    found = {}
    for kind, key, value in store.entries():
        if kind == "latencies":
            continue
        rest = {name: value for name, value in key.items() if name != "code"}
        found[kind, digest(rest)] = (key["code"], value)
    return found


def _without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_times(item) for name, item in value.items() if name not in TIMES}
    return value
