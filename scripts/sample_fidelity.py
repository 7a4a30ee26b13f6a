"""Rule sample_fidelity: the architectures of the fidelity study."""

from job import start

with start(snakemake):
    from kdnas.analysis.fidelity import spread
    from kdnas.files.artifacts import write_json
    from kdnas.search.space import SearchSpace, encoder_parameters

    params = snakemake.params
    architectures = spread(SearchSpace(params.space), params.architectures, params.seed)
    write_json(
        snakemake.output.candidates,
        {
            "seed": params.seed,
            "candidates": [
                {
                    "candidate": number,
                    "architecture": architecture.to_dict(),
                    "encoder_parameters": encoder_parameters(architecture),
                }
                for number, architecture in enumerate(architectures, start=1)
            ],
        },
    )
    for architecture in architectures:
        print(architecture.short_name, encoder_parameters(architecture))
