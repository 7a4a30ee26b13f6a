"""Rule fetch_test: a test split, which is only ever predicted."""

from job import announce, start

with start(snakemake):
    from kdnas.data.settings import DataSettings
    from kdnas.data.sources import write_task
    from kdnas.data.sources.leaderboard import load_test_split

    name = snakemake.wildcards.file
    frames, meta = load_test_split(name, DataSettings.from_config(snakemake.params.data))
    write_task(snakemake.output.data, frames, meta)
    for split in meta["splits"].values():
        if split["rows"] != split["official_rows"]:
            announce(
                f"{name}.tsv will have {split['rows']} rows; the leaderboard wants {split['official_rows']}"
            )
