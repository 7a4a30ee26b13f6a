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
        read_baselines(snakemake.input.evaluations, snakemake.input.latency, params.reward),
        params.latency_budgets,
        params.reward["quality"],
        params.reward["device"],
        params.synthetic,
    )
    save_figure(figure, snakemake.output.svg, snakemake.output.pdf, snakemake.output.png)
