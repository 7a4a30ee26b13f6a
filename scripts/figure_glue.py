"""Rule figure_glue: scores by task."""

from job import start

with start(snakemake):
    from kdnas.figures.glue import glue_figure
    from kdnas.figures.saving import save_figure

    figure = glue_figure(snakemake.input.table)
    save_figure(figure, **dict(snakemake.output.items()))
