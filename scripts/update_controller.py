"""Rule update_controller: rewards, history, and the strategy's next state."""

from job import announce, start

with start(snakemake):
    from kdnas.files.artifacts import atomic_path, read_json
    from kdnas.search.episode import extend_history
    from kdnas.search.episode_line import episode_line
    from kdnas.search.history import empty_history, read_history, write_history
    from kdnas.search.one_hardware import check_one_hardware
    from kdnas.search.reward import Reward
    from kdnas.search.space import SearchSpace
    from kdnas.search.strategies import SearchSettings, make_strategy

    params = snakemake.params
    name, episode = snakemake.wildcards.strategy, int(snakemake.wildcards.episode)
    history = empty_history()
    if episode > 1:
        check_one_hardware(snakemake.input.history, snakemake.input.latency)
        history = read_history(snakemake.input.history)
    cohorts = map(read_json, snakemake.input.evaluations)
    evaluations = [entry for cohort in cohorts for entry in cohort["evaluations"]]
    history = extend_history(
        history,
        read_json(snakemake.input.candidates),
        evaluations=evaluations,
        latency=read_json(snakemake.input.latency),
        reward=Reward.from_config(params.reward),
    )
    episodes = snakemake.config["search"]["episodes"]  # no parameter: more episodes re-run no earlier one
    budgets = params.search.get("budgets", [])  # of a strategy that aims at them
    # before the strategy learns, which may take seconds
    announce(episode_line(name, episode=episode, episodes=episodes, history=history, budgets=budgets))
    strategy = make_strategy(
        name, SearchSpace(params.search["space"]), SearchSettings.from_config(params.search)
    )
    if episode > 1:
        strategy.load(snakemake.input.controller)
    strategy.learn(history, episode)
    with atomic_path(snakemake.output.controller) as temporary:
        strategy.save(temporary)
    write_history(snakemake.output.history, history)
