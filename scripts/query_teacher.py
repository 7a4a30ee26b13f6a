"""Rule query_teacher: a fine-tuned teacher's answers on the rows of its task."""

from job import start

with start(snakemake):
    from pathlib import Path

    from kdnas.training.answers import query_teacher

    query_teacher(
        Path(snakemake.input.model),
        Path(snakemake.input.data),
        snakemake.params.task,
        snakemake.params.max_length,
        snakemake.params.training,
        snakemake.output.answers,
    )
