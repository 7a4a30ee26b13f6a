"""Rule finetune_teacher: the teacher on one task."""

from job import announce, start, training_run

with start(snakemake):
    from pathlib import Path

    from kdnas.files.store import Store
    from kdnas.training.answers import query_teacher
    from kdnas.training.finetune import finetune_teacher
    from kdnas.training.unknown import remark_unknown

    remark_unknown(
        Path(snakemake.input.base),
        Path(snakemake.input.data),
        snakemake.params.task,
        snakemake.params.teacher["max_length"],
        announce,
    )
    with training_run(snakemake) as run:
        finetune_teacher(
            Path(snakemake.input.base),
            Path(snakemake.input.data),
            snakemake.params.task,
            snakemake.params.teacher,
            int(snakemake.wildcards.seed),
            run,
            Store(snakemake.params.store),
            Path(snakemake.output.model),
            Path(snakemake.output.metrics),
        )
        query_teacher(
            Path(snakemake.output.model),
            Path(snakemake.input.data),
            snakemake.params.task,
            snakemake.params.teacher["max_length"],
            run.device,
            run.threads,
            snakemake.output.answers,
        )
