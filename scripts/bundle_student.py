"""Rule bundle_student: a student as a folder for others, with its card."""

from job import start

with start(snakemake):
    from pathlib import Path

    from kdnas.data.frames import read_meta
    from kdnas.data.tasks import completed, get_task
    from kdnas.deployment.bundle import write_bundle
    from kdnas.deployment.card import Facts
    from kdnas.files.artifacts import read_json
    from kdnas.models.files import CONFIG, META, TOKENIZER_CONFIG
    from kdnas.runtimes.base import Deployed

    inputs, params, wildcards = snakemake.input, snakemake.params, snakemake.wildcards
    exported, meta = Path(inputs.exported), read_meta(inputs.data)
    teacher = read_json(Path(inputs.base) / META)
    model = Deployed.found(Path(inputs.model), exported / wildcards.student).model
    facts = Facts(
        student=wildcards.student,
        task=get_task(completed(params.task, meta)),
        seed=int(wildcards.seed),
        max_length=params.max_length,
        licence=params.licence or teacher.get("licence"),
        timed_on=params.timed_on,
        architecture=read_json(inputs.architecture),
        metrics=[read_json(path) for path in inputs.metrics],
        model_type=read_json(model / CONFIG)["model_type"],
        inputs=read_json(model / TOKENIZER_CONFIG)["model_input_names"],
        teacher=teacher,
        teacher_metrics=read_json(inputs.teacher),
        source=meta["source"],
        exported=read_json(exported / "scores.json"),
        latency=read_json(inputs.latency) if inputs.latency else None,
        given_answers="given_answers" in meta,
    )
    write_bundle(
        Path(snakemake.output.bundle),
        model=model,
        exported=exported / wildcards.student,
        data=Path(inputs.data),
        facts=facts,
    )
