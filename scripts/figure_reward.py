"""Rule figure_reward: reward by episode."""

from job import start

with start(snakemake):
    from kdnas.figures.reward import reward_figure
    from kdnas.figures.saving import save_figure

    histories = dict(zip(snakemake.params.strategies, snakemake.input.histories, strict=True))
    figure = reward_figure(histories, snakemake.params.synthetic)
    save_figure(figure, **dict(snakemake.output.items()))
