"""Rule select_student: a student that a search found."""

from job import start

with start(snakemake):
    from kdnas.files.artifacts import write_json
    from kdnas.search.baselines import read_baselines
    from kdnas.search.history import read_history
    from kdnas.search.one_hardware import check_one_hardware
    from kdnas.search.selection import select_student
    from kdnas.search.selection_rules import SelectionRule

    params = snakemake.params
    if snakemake.input.latency:
        check_one_hardware(snakemake.input.history, snakemake.input.latency)
    baselines = read_baselines(snakemake.input.evaluations, snakemake.input.latency, **params.reward)
    history = read_history(snakemake.input.history)
    student = select_student(
        history, strategy=params.strategy, rule=SelectionRule(**params.rule), baselines=baselines
    )
    write_json(snakemake.output.architecture, student)
