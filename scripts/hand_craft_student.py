"""Rule hand_craft_student: a hand-crafted student of the config."""

from job import start

with start(snakemake):
    from kdnas.files.artifacts import write_json
    from kdnas.search.selection import hand_crafted_student

    write_json(snakemake.output.architecture, hand_crafted_student(snakemake.params.student))
