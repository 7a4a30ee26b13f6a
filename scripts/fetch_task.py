"""Load a task's rows from the configured source, check them and store them."""

from job import start

with start(snakemake):
    from kdnas.data.sources import load_task, write_task

    frames, meta = load_task(snakemake.params.task, snakemake.params.data, snakemake.params.heldout)
    write_task(snakemake.output.data, frames, meta)
