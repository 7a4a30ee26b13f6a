"""Rule profile_space: the whole search space, and the matched students, against the teacher."""

from job import announce, start

with start(snakemake):
    from kdnas.files.artifacts import write_json
    from kdnas.latency.profile import profile_from_config
    from kdnas.search.space import Architecture, SearchSpace

    params = snakemake.params
    models = {architecture.short_name: architecture for architecture in SearchSpace(params.space).enumerate()}
    models |= {entry["name"]: Architecture.from_dict(entry) for entry in params.students}
    write_json(
        snakemake.output.latency,
        profile_from_config(
            models,
            snakemake.input.base,
            latency=params.latency,
            device=params.device,
            store=params.store,
            warn=announce,
        ),
    )
