"""Rules distill_student and distill_glue: one student on one task."""

from job import start, training_run

with start(snakemake):
    from pathlib import Path

    from kdnas.files.artifacts import read_json
    from kdnas.files.store import Store
    from kdnas.search.space import Architecture
    from kdnas.training.answers import Answers
    from kdnas.training.students import Distillation, distill

    params = snakemake.params
    start_folder = snakemake.input.get("start")
    job = Distillation(
        student=snakemake.wildcards.student,
        architecture=Architecture.from_dict(read_json(snakemake.input.architecture)["architecture"]),
        task=params.task,
        seed=int(snakemake.wildcards.seed),
        stage=params.stage,
        start=Path(start_folder) if start_folder else None,
        teacher_folder=Path(snakemake.input.teacher),
        data_folder=Path(snakemake.input.data),
        max_length=params.max_length,
        settings=params.distillation,
        answers=Answers.read(snakemake.input.answers),
    )
    with training_run(snakemake) as run:
        distill(job, run, Store(params.store), Path(snakemake.output.model), Path(snakemake.output.metrics))
