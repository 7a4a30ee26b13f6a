"""Rule export_models: the models of a task and seed as ONNX files, scored in every runtime."""

from job import start

with start(snakemake):
    from pathlib import Path

    from kdnas.deployment.scoring import deploy_models

    inputs, params = snakemake.input, snakemake.params
    folders = map(Path, [inputs.teacher, *inputs.students])
    deploy_models(
        dict(zip(params.names, folders, strict=True)),
        params.task,
        data_folder=Path(inputs.data),
        folder=Path(snakemake.output.models),
        seed=int(snakemake.wildcards.seed),
        max_length=params.max_length,
        runtimes=params.runtimes,
        vocabulary=params.vocabulary,
        int8_margin=params.int8_margin,
        threads=params.threads,
    )
