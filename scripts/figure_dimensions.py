"""Rule figure_dimensions: quality and latency by the choices of every dimension."""

from job import start

with start(snakemake):
    from kdnas.figures.dimensions import dimensions_figure
    from kdnas.figures.saving import save_figure

    params = snakemake.params
    figure = dimensions_figure(
        dict(zip(params.strategies, snakemake.input.histories, strict=True)),
        params.space,
        quality=params.quality,
        timed_in=params.timed_in,
        synthetic=params.synthetic,
    )
    save_figure(figure, **dict(snakemake.output.items()))
