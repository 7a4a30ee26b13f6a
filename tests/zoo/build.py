"""The folder of a teacher of the zoo: a random encoder under a head that is fitted to the rows."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from safetensors.torch import save_file
from torch import nn

from zoo.encoding import last_linear, open_tokenizer, tokenised, unpadded
from zoo.spec import ROBERTA_FAMILY, WITHOUT_TYPES, Spec
from zoo.tokenizer_files import WORDS, tags, tokenizer_pad, with_types, write_tokenizer

LABELS = ("low", "mid", "high")
ODD = ("naïve日本😀",)
ORDER = (2, 0, 1)  # of the classes in the head, where that is not the task's
ROWS = {"train": 40, "validation": 80, "elsewhere": 240}  # the last is what a finished teacher was trained on
POSITIONS = 40
HIDDEN, LAYERS, HEADS, FFN = 24, 2, 6, 48
SHARDS = 2
OTHER_KEYS = {  # of config.json
    "distilbert": {
        "hidden_size": "dim",
        "num_hidden_layers": "n_layers",
        "num_attention_heads": "n_heads",
        "intermediate_size": "hidden_dim",
        "hidden_act": "activation",
    },
    "modernbert": {"hidden_act": "hidden_activation"},
}


@cache
def rows(texts: int, marks: tuple[str, ...], split: str, number: bool) -> pd.DataFrame:
    """Return rows whose first word (one of ``marks``, or of three words) tells the label.

    Of two texts both begin with such a word, so that each counts. One row in eight is longer than any limit,
    and some words are in upper case.
    """
    generator = np.random.default_rng([texts, len(marks), *map(ord, split)])
    labels = generator.integers(0, 3, ROWS[split])
    columns: dict[str, Any] = {f"text{place}": [] for place in range(1, texts + 1)}
    for row, label in enumerate(labels):
        for place, column in enumerate(columns.values()):
            length = 50 if row % 8 == 7 else generator.integers(2, 8)
            words = [
                word.upper() if generator.random() < 0.15 else word
                for word in generator.choice(WORDS[10:], length)
            ]
            shown = label if place == 0 else int(generator.integers(0, 3))
            column.append(" ".join([(marks or WORDS[:3])[shown], *words, *ODD[: row % 10 == 3]]))
    codes = labels.astype(np.float32) if number else labels
    return pd.DataFrame(columns | {"label": codes, "idx": range(ROWS[split])})


def frames(spec: Spec) -> dict[str, pd.DataFrame]:
    """Return the rows of every split."""
    marks = () if spec.added == "unused" else tags(spec)
    return {split: rows(spec.texts, marks, split, spec.task == "number") for split in ROWS}


def takes_types(spec: Spec) -> bool:
    """Return whether the teacher was trained with token types.

    Where tokenizer_config.json has the class of transformers 4 and no names of inputs, it was: version 4
    gave them, and version 5 no longer does.
    """
    of_version_4 = spec.declared == "PreTrainedTokenizerFast" and spec.input_names == "unsaid"
    return spec.texts == 2 and with_types(spec) and _types(spec) > 1 and of_version_4


def write_teacher(spec: Spec, folder: Path) -> None:
    """Write the teacher's folder."""
    folder.mkdir(parents=True)
    size = write_tokenizer(spec, folder)
    config = _config(spec, size)
    model = _model(config)
    (folder / "config.json").write_text(json.dumps(_written(spec, config)), encoding="utf-8")
    _fit(spec, model, folder)
    _write_weights(spec, model, folder)


def _types(spec: Spec) -> int:
    if spec.model_type in WITHOUT_TYPES:
        return 0
    if spec.token_types == "own":
        return 1 if spec.model_type in ROBERTA_FAMILY else 2
    return spec.token_types


def _config(spec: Spec, size: int) -> Any:
    """Return the configuration that the model is built from, in which nothing is wrong."""
    from transformers import AutoConfig

    beyond = {"beyond": -1}.get(spec.added, 0)
    vocabulary = {"larger": size + 17, "exact": size, "smaller": size - 12}[spec.vocabulary]
    pad = tokenizer_pad(spec) if spec.config_pad in ("tokenizer's", 500) else spec.config_pad
    settings = {
        "vocab_size": vocabulary if not beyond else size - 3,
        "hidden_size": HIDDEN,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "intermediate_size": FFN,
        "max_position_embeddings": POSITIONS,
        "pad_token_id": pad,
        "type_vocab_size": _types(spec),
        "initializer_range": 0.15,
        "num_labels": 1 if spec.task == "number" else len(LABELS),
        "hidden_act": "gelu_new" if spec.config == "gelu_new" else "gelu",
        "is_decoder": spec.config in ("is_decoder", "cross attention"),
        "add_cross_attention": spec.config == "cross attention",
        "chunk_size_feed_forward": 1 if spec.config == "chunked" else 0,
    }
    if spec.model_type == "electra":
        settings["embedding_size"] = HIDDEN if spec.embedding_size == "same" else spec.embedding_size
    if spec.model_type in WITHOUT_TYPES:
        del settings["type_vocab_size"]
    if spec.model_type == "modernbert":  # its defaults are among the last of a large vocabulary
        settings |= {f"{role}_token_id": None for role in ("bos", "eos", "cls", "sep")}
        settings["local_attention"] = 8
    keys = OTHER_KEYS.get(spec.model_type, {})
    return AutoConfig.for_model(
        spec.model_type, **{keys.get(name, name): value for name, value in settings.items()}
    )


def _model(config: Any) -> nn.Module:
    from transformers import AutoModelForSequenceClassification

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        model = AutoModelForSequenceClassification.from_config(config).float().eval()
        with torch.no_grad():
            for parameter in model.parameters():  # gains and biases too
                parameter.add_(0.1 * torch.randn_like(parameter))
    return model


def _written(spec: Spec, config: Any) -> dict[str, Any]:
    """Return what config.json says."""
    said = {key: value for key, value in config.to_dict().items() if key not in ("_name_or_path",)}
    said |= {"dtype": spec.dtype, "problem_type": None}
    if spec.config_pad == 500:
        said["pad_token_id"] = 500
    if spec.config == "no types said":
        said.pop("type_vocab_size", None)  # transformers has a default, as for what old files leave out
    if spec.config == "torch_dtype":
        said["torch_dtype"] = said.pop("dtype")
    said |= {
        "return_dict": {"return_dict": False},
        "output_hidden_states": {"output_hidden_states": True},
        "relative": {"position_embedding_type": "relative_key"},
        "five heads": {"n_heads" if spec.model_type == "distilbert" else "num_attention_heads": 5},
        "output_attentions": {"output_attentions": True},
        "quantised": {"quantization_config": {"quant_method": "bitsandbytes", "load_in_4bit": True}},
        "two labels": {"num_labels": 2},
    }.get(spec.config, {})
    if spec.task == "number":
        return said | {"id2label": {"0": "LABEL_0"}, "label2id": {"LABEL_0": 0}}
    names = _class_names(spec)
    said |= {"id2label": dict(enumerate(names)), "label2id": {name: code for code, name in enumerate(names)}}
    if spec.classes == "other keys":
        said["id2label"] = {str(code): names[code] for code in (2, 0, 1)}
    if spec.classes == "absent":
        del said["id2label"], said["label2id"]
    return said


def class_order(spec: Spec) -> tuple[int, ...]:
    """Return the class of each output of the teacher's head."""
    others = ("permuted", "unnamed permuted", "other case", "other keys")
    return ORDER if spec.classes in others else (0, 1, 2)


def _class_names(spec: Spec) -> list[str]:
    names = [LABELS[code] for code in class_order(spec)]
    if spec.classes == "other case":
        return [names[0].upper(), names[1].title(), names[2]]
    if spec.classes.startswith("unnamed"):
        return ["LABEL_0", "LABEL_1", "LABEL_2"]
    return {"two": names[:2], "repeated": ["low", "low", "high"], "strangers": ["yes", "no", "maybe"]}.get(
        spec.classes, names
    )


def _fit(spec: Spec, model: nn.Module, folder: Path) -> None:
    """Fit the output layer to the training rows, so that the classes are told apart.

    A teacher that transformers itself can't run keeps its random head.
    """
    frame = frames(spec)["elsewhere"]
    kept: list[torch.Tensor] = []
    output = last_linear(model)
    try:
        rows_of_ids = tokenised(open_tokenizer(folder), frame, spec.texts, spec.lengths[0], takes_types(spec))
        hook = output.register_forward_pre_hook(lambda _module, inputs: kept.append(inputs[0].detach()))
        places = unpadded(model, rows_of_ids, lambda _logits: kept.pop())
        hook.remove()
    except Exception:
        return
    # roberta's head reads one vector, electra's too; all are (rows, hidden)
    features = torch.nn.functional.pad(places.reshape(len(frame), -1).double(), (0, 1), value=1.0)
    labels = torch.tensor(frame["label"].to_numpy())
    if spec.task == "number":
        wanted = labels[:, None].double()
    else:
        order = torch.tensor(class_order(spec))
        wanted = 8.0 * (labels[:, None] == order[None, :]).double()
    ridge = (3.0 if spec.task == "number" else 1e-2) * torch.eye(features.shape[1], dtype=torch.float64)
    solved = torch.linalg.solve(features.T @ features + ridge, features.T @ wanted).T.float()
    with torch.no_grad():
        output.weight.copy_(solved[:, :-1])
        output.bias.copy_(solved[:, -1])


def _write_weights(spec: Spec, model: nn.Module, folder: Path) -> None:
    prefix = f"{model.base_model_prefix}."
    tensors = {name: value.clone() for name, value in model.state_dict().items()}
    layer = f"{prefix}encoder.layer.1.output.dense"
    if spec.model_type == "distilbert":
        layer = f"{prefix}transformer.layer.1.ffn.lin2"
    elif spec.model_type == "modernbert":
        layer = f"{prefix}layers.1.mlp.Wo"
    if spec.weights in ("encoder", "no prefix"):
        tensors = {name.removeprefix(prefix): value for name, value in tensors.items()}
        if spec.weights == "encoder":
            tensors = {
                name: value for name, value in tensors.items() if not name.startswith(("classifier", "head."))
            }
    elif spec.weights == "language model":
        tensors = _language_model(model)
    elif spec.weights == "of DataParallel":
        tensors = {f"module.{name}": value for name, value in tensors.items()}
    elif spec.weights == "no pooler":
        tensors = {name: value for name, value in tensors.items() if ".pooler." not in name}
    elif spec.weights == "gamma and beta":
        old = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}
        for new, name in old.items():
            tensors = {key.replace(new, name): value for key, value in tensors.items()}
    elif spec.weights == "more tensors":
        tensors |= {
            f"{prefix}embeddings.position_ids": torch.arange(POSITIONS)[None],
            "more.weight": torch.ones(3),
        }
    elif spec.weights == "a layer less":
        gone = (".layer.1.", ".layers.1.")
        tensors = {name: value for name, value in tensors.items() if not any(part in name for part in gone)}
    elif spec.weights == "a bias less":
        tensors = {
            name: value
            for name, value in tensors.items()
            if not name.startswith("classifier") or "weight" in name
        }
    elif spec.weights == "other shape":
        tensors[f"{layer}.weight"] = torch.randn(HIDDEN, FFN - 8)
    elif spec.weights == "not a number":
        tensors[f"{layer}.weight"][3, 4] = torch.nan
    kind = getattr(torch, spec.dtype)
    tensors = {
        name: (value.to(kind) if value.is_floating_point() else value).contiguous()
        for name, value in tensors.items()
    }
    if spec.weights == "pickle":
        torch.save(tensors, folder / "pytorch_model.bin")
    elif spec.weights == "sharded":
        _write_shards(tensors, folder)
    else:
        metadata = None if spec.weights == "no metadata" else {"format": "pt"}
        save_file(tensors, folder / "model.safetensors", metadata)
    if spec.weights == "cut":
        path = folder / "model.safetensors"
        path.write_bytes(path.read_bytes()[:-100])


def _language_model(model: nn.Module) -> dict[str, torch.Tensor]:
    from transformers import AutoModelForMaskedLM

    other = AutoModelForMaskedLM.from_config(model.config)
    encoder = getattr(model, model.base_model_prefix)
    getattr(other, other.base_model_prefix).load_state_dict(encoder.state_dict(), strict=False)
    return {name: value.clone() for name, value in other.state_dict().items()}


def _write_shards(tensors: dict[str, torch.Tensor], folder: Path) -> None:
    names = sorted(tensors)
    where = {}
    for shard in range(SHARDS):
        file = f"model-{shard + 1:05}-of-{SHARDS:05}.safetensors"
        part = names[shard::SHARDS]
        save_file({name: tensors[name] for name in part}, folder / file, {"format": "pt"})
        where |= dict.fromkeys(part, file)
    index = {"metadata": {}, "weight_map": where}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")
