"""Rule distill_candidates: one cohort of an episode's candidates on the proxy set."""

from job import start, training_run

with start(snakemake):
    from pathlib import Path

    from kdnas.files.artifacts import read_json, write_json
    from kdnas.files.store import Store
    from kdnas.training.answers import Answers
    from kdnas.training.candidates import Trial, distill_candidates

    params = snakemake.params
    cohort = int(snakemake.wildcards.cohort)
    proposals = read_json(snakemake.input.candidates)
    inputs = snakemake.input
    trial = Trial.on_proxy(
        params.task, inputs.train, inputs.data, params.max_length, Answers.read(inputs.answers)
    )
    with training_run(snakemake) as run:
        evaluations = distill_candidates(
            proposals["candidates"][cohort - 1 :: params.cohorts],
            Path(inputs.teacher),
            trial,
            params.distillation,
            params.seed,
            run,
            Store(params.store),
        )
    write_json(
        snakemake.output.evaluations,
        {"episode": proposals["episode"], "cohort": cohort, "evaluations": evaluations},
    )
