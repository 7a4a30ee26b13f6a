"""Rule distill_glue: one student on one more task."""

from job import start, training_run

with start(snakemake):
    from pathlib import Path

    from kdnas.artifacts import read_json
    from kdnas.space import Architecture
    from kdnas.store import Store
    from kdnas.students import Distillation, distill

    params = snakemake.params
    job = Distillation(
        student=snakemake.wildcards.student,
        architecture=Architecture.from_dict(read_json(snakemake.input.architecture)["architecture"]),
        task=params.task,
        seed=int(snakemake.wildcards.seed),
        stage="glue",
        start=Path(snakemake.input.start) if snakemake.input.start else None,
        teacher_folder=Path(snakemake.input.teacher),
        data_folder=Path(snakemake.input.data),
        max_length=params.max_length,
        settings=params.distillation,
    )
    with training_run(snakemake) as run:
        distill(job, run, Store(params.store), Path(snakemake.output.model), Path(snakemake.output.metrics))
