"""Rule distill_candidates: one cohort of an episode's candidates on the proxy set."""

from job import proxy_rows, recipe, start, training_run

with start(snakemake):
    from pathlib import Path

    from kdnas.files.artifacts import read_json, write_json
    from kdnas.files.store import Store
    from kdnas.training.candidates import distill_candidates

    params = snakemake.params
    cohort = int(snakemake.wildcards.cohort)
    proposals = read_json(snakemake.input.candidates)
    with training_run(snakemake) as run:
        evaluations = distill_candidates(
            proposals["candidates"][cohort - 1 :: params.cohorts],
            proxy_rows(snakemake),
            recipe(snakemake, "proxy"),
            teacher=Path(snakemake.input.teacher),
            seed=params.seed,
            run=run,
            store=Store(params.store),
        )
    write_json(
        snakemake.output.evaluations,
        {"episode": proposals["episode"], "cohort": cohort, "evaluations": evaluations},
    )
