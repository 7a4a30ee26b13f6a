"""Rule select_students: the winners of every search, and the hand-crafted students."""

from job import start

with start(snakemake):
    from pathlib import Path

    from kdnas.artifacts import write_json
    from kdnas.history import read_history
    from kdnas.selection import select_students

    strategies = snakemake.params.strategies
    histories = dict(zip(strategies, map(read_history, snakemake.input.histories), strict=True))
    students = select_students(histories, snakemake.params.students)
    for path in map(Path, snakemake.output.architectures):
        write_json(path, students[path.parent.name])
