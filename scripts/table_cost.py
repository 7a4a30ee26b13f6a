"""Rule table_cost: time and memory of every rule."""

from job import start

with start(snakemake):
    from kdnas.tables.cost import cost_table
    from kdnas.tables.writing import write_table

    table = cost_table(dict(snakemake.input.items()))
    write_table(table, **dict(snakemake.output.items()))
