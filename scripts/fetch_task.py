"""Load a task's rows from the configured source, check them and store them."""

from job import announce, start

with start(snakemake):
    from kdnas.data.remarks import remarks
    from kdnas.data.settings import DataSettings
    from kdnas.data.sources import load_task, write_task
    from kdnas.data.tasks import completed, get_task

    params = snakemake.params
    frames, meta = load_task(params.task, DataSettings.from_config(params.data), params.heldout)
    write_task(snakemake.output.data, frames, meta)
    for remark in remarks(get_task(completed(params.task, meta)), frames, meta):
        announce(remark)
