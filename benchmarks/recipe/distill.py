"""Rule distill: one variant of the recipe on one task."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))

from job import start, training_run  # noqa: E402


def merged(old: dict, new: dict) -> dict:
    """Return ``old`` with the values of ``new``, mapping by mapping."""
    both = {key: merged(old[key], new[key]) for key in old if isinstance(new.get(key), dict)}
    return {**old, **new, **both}


with start(snakemake):
    from kdnas.files.store import Store
    from kdnas.search.space import Architecture
    from kdnas.training.recipe import Recipe
    from kdnas.training.rows import Rows
    from kdnas.training.students import Distillation, distill

    params, inputs = snakemake.params, snakemake.input
    variant = merged(params.base, params.variant)
    variant |= {"glue": variant["stage"]}
    job = Distillation(
        student=snakemake.wildcards.variant,
        architecture=Architecture.from_dict(params.shapes[variant["shape"]]),
        seed=variant.get("seed", 1),
        recipe=Recipe.from_config(variant, "glue", params.training["max_gradient_norm"]),
        rows=Rows.of_task(snakemake.wildcards.task, inputs.data, max_length=params.max_length),
        data_folder=Path(inputs.data),
        teacher_folder=Path(inputs.teacher),
        start=Path(inputs.start) if inputs.start else None,
    )
    with training_run(snakemake) as run:
        distill(
            job,
            run=run,
            store=Store(params.store),
            model_folder=Path(snakemake.output.model),
            metrics_file=Path(snakemake.output.metrics),
        )
