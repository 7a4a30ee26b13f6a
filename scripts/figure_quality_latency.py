"""Rule figure_quality_latency: proxy quality against latency."""

from job import start

with start(snakemake):
    from kdnas.figures.quality_latency import quality_latency_figure
    from kdnas.figures.saving import save_figure

    params = snakemake.params
    figure = quality_latency_figure(
        dict(zip(params.strategies, snakemake.input.histories, strict=True)),
        snakemake.input.architectures,
        params.latency_budgets,
        params.quality,
        params.device,
        params.synthetic,
    )
    save_figure(figure, snakemake.output.svg, snakemake.output.pdf, snakemake.output.png)
