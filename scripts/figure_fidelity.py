"""Rule figure_fidelity: proxy quality against the accuracy of the full distillation."""

from job import start

with start(snakemake):
    from kdnas.figures.fidelity import fidelity_figure
    from kdnas.figures.saving import save_figure

    figure = fidelity_figure(snakemake.input.evaluations, snakemake.input.table, snakemake.params.quality)
    save_figure(figure, **dict(snakemake.output.items()))
