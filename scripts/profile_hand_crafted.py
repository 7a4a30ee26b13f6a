"""Rule profile_hand_crafted: the matched hand-crafted students against the teacher."""

from job import announce, start

with start(snakemake):
    from kdnas.files.artifacts import write_json
    from kdnas.latency.profile import profile_from_config
    from kdnas.search.space import Architecture

    params = snakemake.params
    models = {entry["name"]: Architecture.from_dict(entry) for entry in params.students}
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
