"""Rule adopt_teacher: a teacher that was fine-tuned on the task elsewhere."""

from job import announce, start

with start(snakemake):
    from pathlib import Path

    from kdnas.training.adoption import adopt_teacher
    from kdnas.training.answers import query_teacher
    from kdnas.training.device import claim
    from kdnas.training.unknown import remark_unknown

    remark_unknown(
        Path(snakemake.input.model),
        Path(snakemake.input.data),
        snakemake.params.task,
        snakemake.params.max_length,
        announce,
    )
    adopt_teacher(
        Path(snakemake.input.model),
        Path(snakemake.input.data),
        snakemake.params.task,
        snakemake.params.max_length,
        int(snakemake.wildcards.seed),
        snakemake.params.training,
        announce,
        Path(snakemake.output.model),
        Path(snakemake.output.metrics),
    )
    training = snakemake.params.training
    with claim(training["device"], training["threads"]) as device:
        query_teacher(
            Path(snakemake.output.model),
            Path(snakemake.input.data),
            snakemake.params.task,
            snakemake.params.max_length,
            device,
            training["threads"],
            snakemake.output.answers,
        )
