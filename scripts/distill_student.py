"""Rule distill_student: one student on the whole search task."""

from job import start

with start(snakemake):
    from pathlib import Path

    from kdnas.artifacts import read_json
    from kdnas.space import Architecture
    from kdnas.store import Store
    from kdnas.students import Distillation, distill
    from kdnas.training.run import start_run

    params = snakemake.params
    job = Distillation(
        student=snakemake.wildcards.student,
        architecture=Architecture.from_dict(read_json(snakemake.input.architecture)["architecture"]),
        task=params.task,
        seed=int(snakemake.wildcards.seed),
        stage="student",
        start=None,
        teacher_folder=Path(snakemake.input.teacher),
        data_folder=Path(snakemake.input.data),
        max_length=params.max_length,
        settings=params.distillation,
    )
    minutes = snakemake.config["training"]["checkpoint_minutes"]
    with start_run(params.training, params.checkpoints, minutes) as run:
        distill(job, run, Store(params.store), Path(snakemake.output.model), Path(snakemake.output.metrics))
