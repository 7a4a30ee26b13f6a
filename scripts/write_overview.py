"""Rule write_overview: the first page of the report, which says what was found."""

from job import start

with start(snakemake):
    from pathlib import Path

    from kdnas.files.artifacts import write_text
    from kdnas.tables.overview import deployed_models, final_students, overview_text

    params = snakemake.params
    students = final_students(snakemake.input.scores, snakemake.input.sizes, params.device)
    deployment = snakemake.input.deployment
    text = overview_text(
        students,
        results=params.results,
        task=params.task,
        seed=params.seed,
        timed_in=params.timed_in,
        synthetic=params.synthetic,
        figure=Path(snakemake.input.figure),
        deployed=deployed_models(students, deployment) if deployment else None,
    )
    write_text(snakemake.output.overview, text)
