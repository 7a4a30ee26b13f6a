"""Rule table_deployment: the models in every runtime, by score, speed and size."""

from job import start

with start(snakemake):
    from kdnas.tables.deployment import deployment_table
    from kdnas.tables.writing import write_table

    table = deployment_table(
        snakemake.input.exported,
        snakemake.params.tasks,
        latency=snakemake.input.latency or None,
        margin=snakemake.params.margin,
    )
    write_table(table, **dict(snakemake.output.items()))
