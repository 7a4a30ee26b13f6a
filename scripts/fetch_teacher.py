"""Rule fetch_teacher: the pretrained teacher onto the disk."""

from job import start

with start(snakemake):
    from pathlib import Path

    from kdnas.models.tokenizer import load_tokenizer
    from kdnas.teachers.config_check import check_against_teacher, check_vocabulary
    from kdnas.teachers.fetch import TeacherSource, fetch_teacher

    fetch_teacher(
        TeacherSource.from_config(snakemake.params.teacher),
        snakemake.output.base,
        lambda model_config, facts: check_against_teacher(snakemake.config, model_config, facts),
    )
    check_vocabulary(snakemake.config, Path(snakemake.output.base), load_tokenizer)
