"""Rule keep_candidates: the proposals that look best without training become the episode's candidates."""

from job import start

with start(snakemake):
    from kdnas.files.artifacts import read_json, write_json
    from kdnas.search.episode import extend_history
    from kdnas.search.history import empty_history, read_history, write_history
    from kdnas.search.reward import Reward
    from kdnas.search.screening import keep_best

    params, inputs = snakemake.params, snakemake.input
    proposals = read_json(inputs.proposals)
    cohorts = map(read_json, inputs.evaluations)
    screened = extend_history(
        read_history(inputs.screened) if inputs.screened else empty_history(),
        proposals,
        evaluations=[entry for cohort in cohorts for entry in cohort["evaluations"]],
        latency=read_json(inputs.latency),
        reward=Reward.from_config(params.reward),
    )
    content = keep_best(proposals, screened, count=params.candidates)
    for entry in content["candidates"]:
        print(entry["candidate"], entry["architecture"], entry["screening_reward"])
    write_history(snakemake.output.screened, screened)
    write_json(snakemake.output.candidates, content)
