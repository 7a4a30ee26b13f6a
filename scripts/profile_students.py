"""Rule profile_students: all students against the teacher, on one device."""

from job import announce, start

with start(snakemake):
    from kdnas.files.artifacts import read_json, write_json
    from kdnas.latency.profile import profile_from_config
    from kdnas.search.space import Architecture

    students = [read_json(path) for path in snakemake.input.architectures]
    models = {entry["student"]: Architecture.from_dict(entry["architecture"]) for entry in students}
    write_json(
        snakemake.output.latency,
        profile_from_config(
            models,
            snakemake.input.base,
            latency=snakemake.params.latency,
            device=snakemake.wildcards.device,
            store=snakemake.params.store,
            together=True,
            needed=snakemake.params.needed,
            warn=announce,
        ),
    )
