"""Rule table_fidelity: how well every proxy ranks architectures by their score after full distillation."""

from job import start

with start(snakemake):
    from kdnas.analysis.fidelity import search_setting
    from kdnas.tables.fidelity import fidelity_table
    from kdnas.tables.writing import write_table

    params = snakemake.params
    table = fidelity_table(
        snakemake.input.evaluations,
        search_setting=search_setting(params.proxy),
        task=params.task,
        synthetic=params.synthetic,
    )
    write_table(table, **dict(snakemake.output.items()))
