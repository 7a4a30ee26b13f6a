"""Rule profile_latency: an episode's candidates against the teacher."""

from job import announce, start

with start(snakemake):
    from kdnas.files.artifacts import read_json, write_json
    from kdnas.latency.profile import profile_from_config
    from kdnas.search.space import Architecture

    candidates = read_json(snakemake.input.candidates)["candidates"]
    models = {entry["candidate"]: Architecture.from_dict(entry["architecture"]) for entry in candidates}
    write_json(
        snakemake.output.latency,
        profile_from_config(
            models,
            snakemake.input.base,
            latency=snakemake.params.latency,
            device=snakemake.params.device,
            store=snakemake.params.store,
            warn=announce,
        ),
    )
