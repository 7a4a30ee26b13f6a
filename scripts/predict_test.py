"""Rule predict_test: one model's predictions of a test split, as the GLUE leaderboard takes them."""

from job import start

with start(snakemake):
    from pathlib import Path

    from kdnas.tables.submission import predict_test

    predict_test(
        snakemake.wildcards.file,
        Path(snakemake.input.model),
        Path(snakemake.input.data),
        max_length=snakemake.params.max_length,
        **snakemake.params.training,
        file=Path(snakemake.output.predictions),
    )
