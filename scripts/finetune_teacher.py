"""Rule finetune_teacher: the teacher on one task."""

from job import announce, of_first_seed, start, training_run

with start(snakemake):
    from pathlib import Path

    from kdnas.files.store import Store
    from kdnas.teachers.answers import kept_answers
    from kdnas.teachers.finetune import finetune_teacher
    from kdnas.teachers.given import save_given_answers
    from kdnas.teachers.texts import remark_texts
    from kdnas.training.recipe import Recipe, Stage
    from kdnas.training.rows import Answers, Rows

    params = snakemake.params
    base, data = Path(snakemake.input.base), Path(snakemake.input.data)
    model, max_length = Path(snakemake.output.model), params.teacher["max_length"]
    if of_first_seed(snakemake):
        remark_texts(base, data, params.task, max_length=max_length, warn=announce)
    stage = Stage.from_config(params.teacher["training"], params.training["max_gradient_norm"])
    learns, answers = None, None
    if params.given_answers:
        save_given_answers(data, params.task, snakemake.output.answers)
        answers = Answers.read(snakemake.output.answers)
        learns = Recipe.of_given_answers(**params.given_answers, stage=stage)
    given = answers is not None
    with training_run(snakemake) as run:
        finetune_teacher(
            base,
            Rows.of_task(params.task, data, max_length=max_length, answers=answers, unlabelled=given),
            stage,
            data_folder=data,
            seed=int(snakemake.wildcards.seed),
            run=run,
            store=Store(params.store),
            model_folder=model,
            metrics_file=Path(snakemake.output.metrics),
            recipe=learns,
        )
        if not given:
            kept_answers(
                model,
                data,
                params.task,
                max_length=max_length,
                run=run,
                store=Store(params.store),
                file=snakemake.output.answers,
            )
