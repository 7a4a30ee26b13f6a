"""Rule table_efficiency: size and latency of the teacher and every student."""

from job import start

with start(snakemake):
    from kdnas.tables.efficiency import efficiency_table
    from kdnas.tables.writing import write_table

    table = efficiency_table(
        snakemake.input.teacher,
        snakemake.input.students,
        architectures=snakemake.input.architectures,
        latencies={"cpu": snakemake.input.cpu, "gpu": snakemake.input.gpu},
    )
    write_table(table, **dict(snakemake.output.items()))
