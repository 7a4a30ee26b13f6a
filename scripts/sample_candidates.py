"""Rule sample_candidates: the strategy proposes an episode's candidates."""

from job import start

with start(snakemake):
    from kdnas.files.artifacts import write_json
    from kdnas.search.history import architectures, empty_history, read_history
    from kdnas.search.space import SearchSpace
    from kdnas.search.strategies import SearchSettings, make_strategy

    search = snakemake.params.search
    name, episode = snakemake.wildcards.strategy, int(snakemake.wildcards.episode)
    strategy = make_strategy(name, SearchSpace(search["space"]), SearchSettings.from_config(search))
    history = empty_history()
    if episode > 1:
        history = read_history(snakemake.input.history)
        strategy.load(snakemake.input.controller)
    if snakemake.input.screened:
        strategy.screened_out = frozenset(architectures(read_history(snakemake.input.screened)))
    proposals = strategy.propose(history, episode)
    write_json(
        snakemake.output.candidates,
        {
            "strategy": name,
            "episode": episode,
            "epsilon": strategy.epsilon(episode),
            "candidates": [
                {
                    "candidate": number,
                    "architecture": proposal.architecture.to_dict(),
                    "origin": proposal.origin,
                    "predicted_reward": proposal.predicted_reward,
                }
                for number, proposal in enumerate(proposals, start=1)
            ],
        },
    )
    for proposal in proposals:
        print(proposal.architecture.short_name, proposal.origin, proposal.predicted_reward)
