"""Rule figure_quality_speed: final quality against speed."""

from job import start

with start(snakemake):
    from kdnas.figures.quality_speed import quality_speed_figure
    from kdnas.figures.saving import save_figure

    figure = quality_speed_figure(
        snakemake.input.scores,
        snakemake.input.sizes,
        snakemake.params.device,
        deployment=snakemake.input.deployment or None,
    )
    save_figure(figure, **dict(snakemake.output.items()))
