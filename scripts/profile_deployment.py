"""Rule profile_deployment: the models of the search task in every runtime, against the teacher in torch."""

from job import start

with start(snakemake):
    from pathlib import Path

    from kdnas.deployment.timing import time_deployed
    from kdnas.files.artifacts import write_json
    from kdnas.runtimes.base import Deployed

    inputs, params = snakemake.input, snakemake.params
    folders = [Path(folder) for folder in (inputs.teacher, *inputs.students)]
    models = {
        name: Deployed.found(folder, Path(inputs.exported) / name)
        for name, folder in zip(params.names, folders, strict=True)
    }
    write_json(snakemake.output.latency, time_deployed(models, params.runtimes, params.latency))
