"""Rule table_front: the quality-latency front of all strategies."""

from job import start

with start(snakemake):
    from kdnas.tables.front import front_table
    from kdnas.tables.writing import write_table

    params = snakemake.params
    table = front_table(
        dict(zip(params.strategies, snakemake.input.histories, strict=True)),
        snakemake.input.architectures,
        quality=params.quality,
        timed_in=params.timed_in,
        synthetic=params.synthetic,
    )
    write_table(table, **dict(snakemake.output.items()))
