"""Rule table_glue: the scores of the teacher and every student on every task."""

from job import start

with start(snakemake):
    from kdnas.tables.glue import glue_table
    from kdnas.tables.writing import write_table

    table = glue_table([*snakemake.input.teacher, *snakemake.input.students], snakemake.params.tasks)
    write_table(table, **dict(snakemake.output.items()))
