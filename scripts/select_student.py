"""Rule select_student: a student that a search found."""

from job import start

with start(snakemake):
    from kdnas.files.artifacts import read_json, write_json
    from kdnas.names import SelectionRule
    from kdnas.search.baselines import measured_baselines
    from kdnas.search.history import read_history
    from kdnas.search.selection import select_student

    params = snakemake.params
    baselines = {}
    if snakemake.input.evaluations:
        baselines = measured_baselines(
            read_json(snakemake.input.evaluations)["evaluations"],
            read_json(snakemake.input.latency),
            params.reward,
        )
    history = read_history(snakemake.input.history)
    student = select_student(history, params.strategy, SelectionRule(**params.rule), baselines)
    write_json(snakemake.output.architecture, student)
