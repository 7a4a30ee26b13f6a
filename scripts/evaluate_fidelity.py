"""Rule evaluate_fidelity: the architectures of the fidelity study in one setting, by a proxy or in full."""

from job import proxy_rows, recipe, start, training_run

with start(snakemake):
    from pathlib import Path

    from kdnas.data.tasks import get_task
    from kdnas.files.artifacts import read_json, write_json
    from kdnas.files.store import Store
    from kdnas.plan import Setting
    from kdnas.training.candidates import distill_candidates
    from kdnas.training.rows import Answers, Rows

    params, inputs = snakemake.params, snakemake.input
    setting = Setting.from_name(snakemake.wildcards.setting)
    if setting.proxy_epochs is None:
        rows = Rows.of_task(
            params.task,
            inputs.data,
            max_length=params.max_length,
            answers=Answers.read(inputs.answers),
            scored=get_task(params.task).evaluation_splits[:1],
        )
    else:
        rows = proxy_rows(snakemake)
    with training_run(snakemake) as run:
        evaluations = distill_candidates(
            read_json(inputs.candidates)["candidates"],
            rows,
            recipe(snakemake, setting.stage),
            teacher=Path(inputs.teacher),
            seed=params.seed,
            run=run,
            store=Store(params.store),
        )
    write_json(
        snakemake.output.evaluations,
        {
            "setting": setting.name,
            "initialisation": setting.initialisation,
            "proxy_epochs": setting.proxy_epochs,
            "train_rows": rows.labelled,
            "unlabelled_rows": len(rows.train) - rows.labelled,
            "scored_rows": sum(map(len, rows.scored.values())),
            "evaluations": evaluations,
        },
    )
