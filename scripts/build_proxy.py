"""Draw the proxy set from the search task's training rows."""

from job import start

with start(snakemake):
    from kdnas.data.frames import fingerprint, read_meta, read_split, write_split
    from kdnas.data.proxy import build_proxy
    from kdnas.data.tasks import TRAIN, completed
    from kdnas.files.artifacts import write_json

    params = snakemake.params
    task_meta = read_meta(snakemake.input.data)
    train = build_proxy(
        read_split(snakemake.input.data, TRAIN),
        completed(params.task, task_meta),
        share=params.share,
        seed=params.seed,
    )
    write_split(snakemake.output.train, train)
    meta = {
        "task": task_meta["task"],
        "source": task_meta["source"],
        "synthetic": task_meta["synthetic"],
        "fingerprint": fingerprint({TRAIN: train}),
        "share": params.share,
        "seed": params.seed,
        "rows": len(train),
    }
    write_json(snakemake.output.meta, meta)
