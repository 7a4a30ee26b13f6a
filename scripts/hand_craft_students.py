"""Rule hand_craft_students: the hand-crafted students of the config."""

from job import start

with start(snakemake):
    from pathlib import Path

    from kdnas.files.artifacts import write_json
    from kdnas.search.selection import hand_crafted_student

    students = {entry["name"]: hand_crafted_student(entry) for entry in snakemake.params.students}
    for path in map(Path, snakemake.output.architectures):
        write_json(path, students[path.parent.name])
