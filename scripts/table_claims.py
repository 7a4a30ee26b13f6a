"""Rule table_claims: the paper's claims, judged on this run."""

from job import start

with start(snakemake):
    from kdnas.tables.claims import claims_table
    from kdnas.tables.writing import write_table

    table = claims_table(
        [*snakemake.input.teacher, *snakemake.input.students],
        snakemake.input.architectures,
        {"cpu": snakemake.input.cpu, "gpu": snakemake.input.gpu},
        definitions=snakemake.params.tasks,
        strategies=snakemake.params.strategies,
        baseline=snakemake.params.baseline,
        teacher=snakemake.params.teacher,
        searched_on=snakemake.params.searched_on,
    )
    write_table(table, **dict(snakemake.output.items()))
