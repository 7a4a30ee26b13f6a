"""Rule distill_hand_crafted: the matched hand-crafted students on the proxy set, like candidates."""

from job import proxy_rows, recipe, start, training_run

with start(snakemake):
    from pathlib import Path

    from kdnas.files.artifacts import write_json
    from kdnas.files.store import Store
    from kdnas.search.baselines import check_evaluations
    from kdnas.search.space import Architecture
    from kdnas.training.candidates import distill_candidates

    params = snakemake.params
    candidates = [
        {"candidate": entry["name"], "architecture": Architecture.from_dict(entry).to_dict()}
        for entry in params.students
    ]
    with training_run(snakemake) as run:
        evaluations = distill_candidates(
            candidates,
            proxy_rows(snakemake),
            recipe(snakemake, "proxy"),
            teacher=Path(snakemake.input.teacher),
            seed=params.seed,
            run=run,
            store=Store(params.store),
        )
    check_evaluations(evaluations)  # here and not later: a failed job is tried again by the next run
    write_json(snakemake.output.evaluations, {"evaluations": evaluations})
