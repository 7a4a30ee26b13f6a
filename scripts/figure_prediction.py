"""Rule figure_prediction: predicted against obtained reward."""

from job import start

with start(snakemake):
    from kdnas.figures.prediction import prediction_figure
    from kdnas.figures.saving import save_figure

    histories = dict(zip(snakemake.params.strategies, snakemake.input.histories, strict=True))
    figure = prediction_figure(histories, snakemake.params.synthetic)
    save_figure(figure, **dict(snakemake.output.items()))
