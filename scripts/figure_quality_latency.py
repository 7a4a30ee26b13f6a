"""Rule figure_quality_latency: proxy quality against latency."""

from job import start

with start(snakemake):
    from kdnas.figures.quality_latency import quality_latency_figure
    from kdnas.figures.saving import save_figure
    from kdnas.search.baselines import read_baselines

    params = snakemake.params
    figure = quality_latency_figure(
        dict(zip(params.strategies, snakemake.input.histories, strict=True)),
        snakemake.input.architectures,
        baselines=read_baselines(snakemake.input.evaluations, snakemake.input.latency, **params.reward),
        latency_budgets=params.latency_budgets,
        quality=params.reward["quality"],
        timed_in=params.timed_in,
        synthetic=params.synthetic,
    )
    save_figure(figure, **dict(snakemake.output.items()))
