"""Building sequence classifiers from the teacher's configuration and from saved folders."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import safe_open

from kdnas.data.tasks import Task
from kdnas.errors import UserError
from kdnas.files.artifacts import make_readable, write_json
from kdnas.models.electra import electra_config
from kdnas.models.families import check_family, family_of
from kdnas.models.files import DETAILS, WEIGHTS
from kdnas.models.tokenizer import save_tokenizer
from kdnas.search.space import Architecture

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def load_config(folder: str | Path) -> Any:
    """Read the transformers configuration of a model folder."""
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(folder)
    check_family(config.model_type, str(folder))
    return config


def classifier_config(config: Any, task: Task, dropout: float) -> Any:
    """Return a copy of ``config`` for a classifier of ``task`` with ``dropout`` everywhere."""
    changed = config.__class__.from_dict(config.to_dict())
    name_outputs(changed, task)
    family_of(config.model_type).set_dropout(changed, dropout)
    return changed


def name_outputs(config: Any, task: Task) -> None:
    """Describe the outputs in ``config``: those of ``task``, in its order."""
    names = task.labels or ("score",)
    config.num_labels = len(names)
    config.id2label = dict(enumerate(names))
    config.label2id = {name: code for code, name in enumerate(names)}
    config.problem_type = task.kind.problem_type


def new_classifier(config: Any, seed: int) -> PreTrainedModel:
    """Build a classifier with random float32 weights drawn from ``seed``; the global generator stays."""
    from transformers import AutoModelForSequenceClassification

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return AutoModelForSequenceClassification.from_config(config).float()


def pretrained_classifier(folder: str | Path, task: Task, *, dropout: float, seed: int) -> PreTrainedModel:
    """Load the encoder in ``folder`` under a new classification head drawn from ``seed``.

    The output layer of a head in the folder is never used: its labels could be in another order. The layers
    before it are kept: the pooler of a BERT, the dense layer of its relatives' heads. That no part of the
    encoder is missing was checked where it was fetched (:mod:`kdnas.teachers.agreement`).
    """
    from transformers import AutoModel

    model = new_classifier(classifier_config(load_config(folder), task, dropout), seed)
    encoder, report = AutoModel.from_pretrained(
        folder, output_loading_info=True, dtype=torch.float32, use_safetensors=True
    )
    given = {
        key: value
        for key, value in encoder.state_dict().items()
        if key not in report["missing_keys"] and key in base_model(model).state_dict()
    }
    base_model(model).load_state_dict(given, strict=False)
    model.load_state_dict(_head_below_outputs(Path(folder), model), strict=False)
    return model


def _head_below_outputs(folder: Path, model: PreTrainedModel) -> dict[str, torch.Tensor]:
    """Return the tensors of a saved head that are no output layer and fit into ``model``."""
    own, family = model.state_dict(), family_of(model.config.model_type)
    modules = (family.head[0], family.head_norm)
    wanted = {f"{module}.{part}" for module in modules for part in ("weight", "bias")}
    with safe_open(folder / WEIGHTS, "pt") as saved:
        names = own.keys() & set(saved.keys()) & wanted
        found = {name: saved.get_tensor(name) for name in names}
    return {name: value for name, value in found.items() if own[name].shape == value.shape}


def load_classifier(folder: str | Path) -> PreTrainedModel:
    """Load a saved classifier as it is; raises UserError if it is missing or damaged."""
    from safetensors import SafetensorError
    from transformers import AutoModelForSequenceClassification

    try:
        return AutoModelForSequenceClassification.from_pretrained(
            folder, dtype=torch.float32, use_safetensors=True
        )
    except (OSError, ValueError, SafetensorError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(
            f"{folder} is damaged ({reason}); delete it and run the same command again"
        ) from error


def base_model(model: PreTrainedModel) -> Any:
    """Return the encoder inside a classifier."""
    return getattr(model, model.base_model_prefix)


def student_config(config: Any, architecture: Architecture) -> Any:
    """Return a copy of the teacher's ``config`` in the shape of ``architecture``.

    For factorised embeddings it is one of ELECTRA (:mod:`kdnas.models.electra`); raises ValueError where that
    cannot do what the teacher does.
    """
    if architecture.factorised and not family_of(config.model_type).can_factorise:
        raise ValueError(f"an ELECTRA cannot do what a student of a {config.model_type} does")
    changed = (
        electra_config(config) if architecture.factorised else config.__class__.from_dict(config.to_dict())
    )
    family_of(changed.model_type).set_shape(changed, architecture)
    if architecture.factorised or getattr(config, "embedding_size", None) == config.hidden_size:
        changed.embedding_size = architecture.embedding_size
    return changed


def count_parameters(model: PreTrainedModel) -> int:
    """Return the number of parameters, embeddings included."""
    return sum(parameter.numel() for parameter in model.parameters())


def save_classifier(
    model: PreTrainedModel,
    *,
    tokenizer_folder: str | Path,
    folder: Path,
    details: dict[str, Any],
    max_length: int | None = None,
) -> None:
    """Write an ordinary transformers folder, with ``details`` in ``kdnas.json`` beside the weights.

    Its tokenizer is that of the model in ``tokenizer_folder``, and cuts texts to ``max_length`` tokens, if
    that is given.
    """
    model.config.name_or_path = ""
    model.save_pretrained(folder)
    make_readable(folder / WEIGHTS)
    save_tokenizer(tokenizer_folder, folder, model_type=model.config.model_type, max_length=max_length)
    write_json(folder / DETAILS, details)
