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
    from kdnas.training.students import Distillation, distill

    params = snakemake.params
    variant = merged(params.base, params.variant)
    variant |= {"student": variant["stage"], "glue": variant["stage"]}
    job = Distillation(
        student=snakemake.wildcards.variant,
        architecture=Architecture.from_dict(params.shapes[variant["shape"]]),
        task=snakemake.wildcards.task,
        seed=variant.get("seed", 1),
        stage="glue",
        start=Path(snakemake.input.start) if snakemake.input.start else None,
        teacher_folder=Path(snakemake.input.teacher),
        data_folder=Path(snakemake.input.data),
        max_length=params.max_length,
        settings=variant,
    )
    with training_run(snakemake) as run:
        store = Store(params.store)
        distill(job, run, store, Path(snakemake.output.model), Path(snakemake.output.metrics))
