"""Rule finetune_teacher: the teacher on one task."""

from job import announce, of_first_seed, start, training_run

with start(snakemake):
    from pathlib import Path

    from kdnas.files.store import Store
    from kdnas.teachers.answers import query_teacher
    from kdnas.teachers.finetune import finetune_teacher
    from kdnas.teachers.texts import remark_texts
    from kdnas.training.recipe import Stage
    from kdnas.training.rows import Rows

    params = snakemake.params
    base, data = Path(snakemake.input.base), Path(snakemake.input.data)
    model, max_length = Path(snakemake.output.model), params.teacher["max_length"]
    if of_first_seed(snakemake):
        remark_texts(base, data, params.task, max_length=max_length, warn=announce)
    with training_run(snakemake) as run:
        finetune_teacher(
            base,
            Rows.of_task(params.task, data, max_length=max_length, unlabelled=False),
            Stage.from_config(params.teacher["training"], params.training["max_gradient_norm"]),
            data_folder=data,
            seed=int(snakemake.wildcards.seed),
            run=run,
            store=Store(params.store),
            model_folder=model,
            metrics_file=Path(snakemake.output.metrics),
        )
        query_teacher(
            model, data, params.task, max_length=max_length, device=run.device, file=snakemake.output.answers
        )
