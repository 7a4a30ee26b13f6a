"""Rule distill_hand_crafted: the matched hand-crafted students on the proxy set, like candidates."""

from job import start, training_run

with start(snakemake):
    from pathlib import Path

    from kdnas.artifacts import write_json
    from kdnas.baselines import check_evaluations
    from kdnas.candidates import Trial, distill_candidates
    from kdnas.space import Architecture
    from kdnas.store import Store

    params = snakemake.params
    files = snakemake.input
    trial = Trial.on_proxy(params.task, files.train, files.data, params.max_length)
    candidates = [
        {"candidate": entry["name"], "architecture": Architecture.from_dict(entry).to_dict()}
        for entry in params.students
    ]
    with training_run(snakemake) as run:
        evaluations = distill_candidates(
            candidates,
            Path(snakemake.input.teacher),
            trial,
            params.distillation,
            params.seed,
            run,
            Store(params.store),
        )
    check_evaluations(evaluations)  # here and not later: a failed job is tried again by the next run
    write_json(snakemake.output.evaluations, {"evaluations": evaluations})
