"""Rule table_claims: the paper's claims, judged on this run."""

from job import start

with start(snakemake):
    from kdnas.tables.claims import claims_table
    from kdnas.tables.writing import write_table

    table = claims_table(
        [*snakemake.input.teacher, *snakemake.input.students],
        snakemake.input.architectures,
        {"cpu": snakemake.input.cpu, "gpu": snakemake.input.gpu},
        snakemake.params.tasks,
        snakemake.params.strategies,
        snakemake.params.baseline,
        snakemake.params.teacher,
        snakemake.params.searched_on,
    )
    write_table(table, **dict(snakemake.output.items()))
