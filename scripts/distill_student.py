"""Rules distill_student and distill_glue: one student on one task."""

from job import recipe, start, training_run

with start(snakemake):
    from pathlib import Path

    from kdnas.files.artifacts import read_json
    from kdnas.files.store import Store
    from kdnas.search.space import Architecture
    from kdnas.training.rows import Answers, Rows
    from kdnas.training.students import Distillation, distill

    params, inputs = snakemake.params, snakemake.input
    rows = Rows.of_task(
        params.task, inputs.data, max_length=params.max_length, answers=Answers.read(inputs.answers)
    )
    start_folder = inputs.get("start")
    job = Distillation(
        student=snakemake.wildcards.student,
        architecture=Architecture.from_dict(read_json(inputs.architecture)["architecture"]),
        seed=int(snakemake.wildcards.seed),
        recipe=recipe(snakemake, params.stage),
        rows=rows,
        data_folder=Path(inputs.data),
        teacher_folder=Path(inputs.teacher),
        start=Path(start_folder) if start_folder else None,
    )
    with training_run(snakemake) as run:
        distill(
            job,
            run=run,
            store=Store(params.store),
            model_folder=Path(snakemake.output.model),
            metrics_file=Path(snakemake.output.metrics),
        )
