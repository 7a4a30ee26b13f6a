"""Rule evaluate_fidelity: the architectures of the fidelity study in one setting, by a proxy or in full."""

from job import start, training_run

with start(snakemake):
    from pathlib import Path

    from kdnas.analysis.fidelity import Setting
    from kdnas.files.artifacts import read_json, write_json
    from kdnas.files.store import Store
    from kdnas.training.answers import Answers
    from kdnas.training.candidates import Trial, distill_candidates

    params, inputs = snakemake.params, snakemake.input
    setting = Setting.from_name(snakemake.wildcards.setting)
    answers = Answers.read(inputs.answers)
    if setting.proxy_epochs is None:
        trial = Trial.on_whole_task(params.task, inputs.data, params.max_length, answers)
    else:
        trial = Trial.on_proxy(params.task, inputs.train, inputs.data, params.max_length, answers)
    with training_run(snakemake) as run:
        evaluations = distill_candidates(
            read_json(inputs.candidates)["candidates"],
            Path(inputs.teacher),
            trial,
            params.distillation,
            params.seed,
            run,
            Store(params.store),
        )
    write_json(
        snakemake.output.evaluations,
        {
            "setting": setting.name,
            "initialisation": setting.initialisation,
            "proxy_epochs": setting.proxy_epochs,
            "train_rows": len(trial.train) - trial.unlabelled,
            "unlabelled_rows": trial.unlabelled,
            "scored_rows": len(trial.scored),
            "evaluations": evaluations,
        },
    )
