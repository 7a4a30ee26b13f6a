"""Rule adopt_teacher: a teacher that was fine-tuned on the task elsewhere."""

from job import announce, of_first_seed, start

with start(snakemake):
    from pathlib import Path

    from kdnas.teachers.adoption import adopt_teacher
    from kdnas.teachers.answers import query_teacher
    from kdnas.teachers.texts import remark_texts
    from kdnas.training.device import claim

    params = snakemake.params
    given, data, model = Path(snakemake.input.model), Path(snakemake.input.data), Path(snakemake.output.model)
    if of_first_seed(snakemake):
        remark_texts(given, data, params.task, max_length=params.max_length, warn=announce)
    adopt_teacher(
        given,
        data,
        params.task,
        max_length=params.max_length,
        seed=int(snakemake.wildcards.seed),
        **params.training,
        warn=announce,
        model_folder=model,
        metrics_file=Path(snakemake.output.metrics),
    )
    with claim(**params.training) as device:
        query_teacher(
            model,
            data,
            params.task,
            max_length=params.max_length,
            device=device,
            file=snakemake.output.answers,
        )
