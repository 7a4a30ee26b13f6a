"""Rule record_run: the configuration of the run, and the versions that made it."""

from job import start

with start(snakemake):
    from kdnas.files.artifacts import write_json, write_text
    from kdnas.workflow.provenance import config_text, versions

    write_text(snakemake.output.config, config_text(snakemake.params.config))
    write_json(snakemake.output.versions, versions())
