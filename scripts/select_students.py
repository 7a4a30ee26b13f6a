"""Rule select_students: the students that the searches found."""

from job import start

with start(snakemake):
    from pathlib import Path

    from kdnas.files.artifacts import read_json, write_json
    from kdnas.search.baselines import measured_baselines
    from kdnas.search.history import read_history
    from kdnas.search.selection import select_students

    params = snakemake.params
    histories = dict(zip(params.strategies, map(read_history, snakemake.input.histories), strict=True))
    baselines = {}
    if params.students["matched"]:
        baselines = measured_baselines(
            read_json(snakemake.input.evaluations)["evaluations"],
            read_json(snakemake.input.latency),
            params.reward,
        )
    students = select_students(histories, params.students, baselines)
    for path in map(Path, snakemake.output.architectures):
        write_json(path, students[path.parent.name])
