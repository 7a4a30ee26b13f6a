"""Rule split: a share of a task's training rows, some of them in place of its development splits."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))

from job import start  # noqa: E402

with start(snakemake):
    from kdnas.data.frames import fingerprint, read_meta, read_split, write_task
    from kdnas.data.heldout import hold_out
    from kdnas.data.proxy import build_proxy
    from kdnas.data.tasks import HELDOUT, TRAIN, get_task

    source, name = Path(snakemake.input[0]), snakemake.wildcards.task
    task, params = get_task(name), snakemake.params
    rows = read_split(source, TRAIN)
    wanted = min(params.rows[name], len(rows))
    if (source / f"{HELDOUT}.parquet").exists():  # the search task's, whose teacher has not seen it
        rest, heldout = rows, read_split(source, HELDOUT)
    else:
        rest, heldout = hold_out(rows, task, share=params.heldout, rows=None)
    train = build_proxy(rest, name, share=min(1.0, wanted / len(rest)), seed=1)
    # MNLI has two development splits: the one held-out slice stands for both
    frames = {TRAIN: train} | dict.fromkeys(task.evaluation_splits, heldout)
    splits = {split: {"rows": len(frame), "official_rows": None} for split, frame in frames.items()}
    meta = {**read_meta(source), "splits": splits, "fingerprint": fingerprint(frames)}
    write_task(snakemake.output.data, frames, meta)
