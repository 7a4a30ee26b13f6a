"""Rule adopt_teacher: a teacher that was fine-tuned on the task elsewhere."""

from job import announce, start, training_run

with start(snakemake):
    from pathlib import Path

    from kdnas.training.adoption import adopt_teacher

    with training_run(snakemake) as run:
        adopt_teacher(
            Path(snakemake.input.base),
            Path(snakemake.input.data),
            snakemake.params.task,
            snakemake.params.max_length,
            int(snakemake.wildcards.seed),
            run,
            announce,
            Path(snakemake.output.model),
            Path(snakemake.output.metrics),
        )
