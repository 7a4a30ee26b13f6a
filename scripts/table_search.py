"""Rule table_search: what every search strategy found."""

from job import start

with start(snakemake):
    from kdnas.tables.search import search_table
    from kdnas.tables.writing import write_table

    params = snakemake.params
    histories = dict(zip(params.strategies, snakemake.input.histories, strict=True))
    table = search_table(
        histories, quality=params.quality, timed_in=params.timed_in, synthetic=params.synthetic
    )
    write_table(table, **dict(snakemake.output.items()))
