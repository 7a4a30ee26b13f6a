"""Whether a model's configuration, weights and tokenizer fit each other; checked where it is fetched."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import torch

from kdnas.errors import UserError
from kdnas.files.artifacts import read_json
from kdnas.models.families import family_of
from kdnas.models.files import TOKENIZER_CONFIG, file_names
from kdnas.models.tokenizer import TOKEN_TYPES, trained_with_types
from kdnas.sentences import reason

# files of all tokenizer classes, those of older versions of transformers included
_USUAL = (
    "tokenizer.json",
    TOKENIZER_CONFIG,
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "bpe.codes",
    "sentencepiece.bpe.model",
    "spiece.model",
)
_SIZES = {  # the key of config.json that a table's shape goes by
    "word_embeddings": "vocab_size",
    "position_embeddings": "max_position_embeddings",
    "token_type_embeddings": "type_vocab_size",
    "tok_embeddings": "vocab_size",  # of ModernBERT
    "mlp.Wi": "intermediate_size",
}
_TEXTS = [
    "Hello, World! It's 3.14 -- naïve café\tÅngström",
    "你好，世界 こんにちは 안녕하세요",
    "Привет мир مرحبا שלום Γειά",
    "a  b\n c @user http://x.y/z #tag don't",
]
_PIECES = 2000  # of the vocabulary are compared, in texts of so many:
_IN_TEXT = 50


def names_of_tokenizer(source: Path, tokenizer: Any) -> list[str]:
    """Return the names of all files in ``source`` that its ``tokenizer`` is made of."""
    named = set(_USUAL) | {str(name) for name in type(tokenizer).vocab_files_names.values()}
    if (source / TOKENIZER_CONFIG).is_file():  # files of several versions: transformers chooses by its own
        named.update(map(str, read_json(source / TOKENIZER_CONFIG).get("fast_tokenizer_files") or ()))
    return sorted(file_names(source) & named)


def check_agreement(folder: Path, of_source: Any, described: str) -> dict[str, Any]:
    """Check the copy of a model in ``folder``; ``of_source`` is the tokenizer of the original.

    Returns the facts that its configuration does not hold: ``pair_token_types``, the number of token types
    that its tokenizer gives to two texts. Raises UserError for weights of another size than config.json says
    or with NaN, and for a tokenizer that does not open, has no padding, gives ids or token types that the
    model lacks, or reads texts differently from ``of_source``.
    """
    config = _check_weights(folder, described)
    tokenizer = open_tokenizer(folder, described)
    _check_ids(tokenizer, config.vocab_size, described)
    _check_same(tokenizer, of_source, described)
    return {"pair_token_types": _check_token_types(tokenizer, config, folder, described)}


def _check_weights(folder: Path, described: str) -> Any:
    """Return the configuration of a model whose weights are all there, of its sizes and finite."""
    from transformers import AutoModel

    try:
        model, report = AutoModel.from_pretrained(
            folder,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # told below
            dtype=torch.float32,
            use_safetensors=True,
        )
    except Exception as error:  # transformers and torch raise many classes for an impossible configuration
        raise UserError(
            f"{described} cannot be opened with its config.json ({_first_line(error)}); "
            "allowed: a model that transformers' AutoModel opens"
        ) from error
    family = family_of(model.config.model_type)
    sizes = _SIZES | {family.parts.ffn_input: family.keys["ffn_size"]}
    for name, given, wanted in sorted(report["mismatched_keys"]):
        key = next((key for part, key in sizes.items() if part in name), None)
        raise UserError(
            f"the weights of {described} have {name} in the shape {_shape(given)}, but its config.json "
            f"{f'has {key} {getattr(model.config, key)} and ' if key else ''}needs {_shape(wanted)}; "
            "allowed: the configuration that the weights were saved with"
        )
    missing = sorted(name for name in report["missing_keys"] if not name.startswith("pooler."))
    layers = getattr(model.config, family.keys["layers"])
    in_layer = re.compile(rf"(?:^|\.){re.escape(family.layers)}\.(\d+)\.")
    beyond = sorted(
        name
        for name in report["unexpected_keys"]
        if (found := in_layer.search(name)) and int(found[1]) >= layers
    )
    if missing or beyond:
        raise UserError(
            f"the weights of {described} {'lack' if missing else 'also have'} {(missing or beyond)[0]} and "
            f"{len(missing or beyond) - 1} more, but its config.json has {family.keys['layers']} {layers}; "
            "allowed: the configuration that the weights were saved with"
        )
    for name, value in model.named_parameters():
        if not torch.isfinite(value).all():
            raise UserError(
                f"the weights of {described} have NaN or infinity in {name}; allowed: finite numbers"
            )
    return model.config


def open_tokenizer(folder: Path, described: str) -> Any:
    """Open a tokenizer as transformers does; raises UserError for one that cannot be opened."""
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(folder)
    except Exception as error:  # tokenizers raises bare Exceptions, transformers many classes
        raise UserError(
            f"the tokenizer of {described} cannot be opened ({_first_line(error)}); "
            "allowed: one that transformers' AutoTokenizer opens"
        ) from error


def _check_ids(tokenizer: Any, vocabulary_size: int, described: str) -> None:
    vocabulary = tokenizer.get_vocab()
    if not set(vocabulary) - set(tokenizer.all_special_tokens):
        # what transformers makes of a folder whose files are another class's
        raise UserError(
            f"the tokenizer of {described} has special tokens only; allowed: one with its vocabulary in the "
            f"files that its class reads, {', '.join(sorted(type(tokenizer).vocab_files_names.values()))}"
        )
    if tokenizer.pad_token_id is None:
        raise UserError(
            f"the tokenizer of {described} has no pad_token; allowed: one with a pad_token in its "
            f"{TOKENIZER_CONFIG}"
        )
    token, largest = max(vocabulary.items(), key=lambda item: item[1])
    if largest >= vocabulary_size:
        raise UserError(
            f"the tokenizer of {described} has the token {token!r} with the id {largest}; "
            f"allowed: ids below the model's vocab_size {vocabulary_size}"
        )


def _check_token_types(tokenizer: Any, config: Any, folder: Path, described: str) -> int:
    """Return the number of token types of two texts; those of one have to be among the model's."""
    if not family_of(config.model_type).has_token_types:
        return 1
    if TOKEN_TYPES not in tokenizer.model_input_names and not trained_with_types(tokenizer, folder):
        return 1
    one, two = (
        max(tokenizer(*texts, return_token_type_ids=True)[TOKEN_TYPES]) + 1 for texts in (["a"], ["a", "b"])
    )
    known = family_of(config.model_type).token_types(config)
    if one > known:
        raise UserError(
            f"the tokenizer of {described} gives a text the token type {one - 1}; "
            f"allowed: types below the model's type_vocab_size {known}"
        )
    return two


def _check_same(copy: Any, original: Any, described: str) -> None:
    """Compare how two tokenizers read texts, and a sample of their vocabulary."""
    pieces = list(original.get_vocab())
    some = [*original.get_added_vocab(), *pieces[:: len(pieces) // _PIECES + 1]]
    texts = _TEXTS + [" ".join(some[start : start + _IN_TEXT]) for start in range(0, len(some), _IN_TEXT)]
    views = []
    for tokenizer in (copy, original):
        try:
            ids = tokenizer(texts)["input_ids"], tokenizer(texts, texts[::-1])["input_ids"]
        except Exception as error:
            raise UserError(
                f"the tokenizer of {described} cannot read every text ({_first_line(error)}); "
                "allowed: one that has an unk_token or needs none"
            ) from error
        sides = tokenizer.truncation_side, tokenizer.model_input_names
        views.append((tokenizer.get_vocab(), tokenizer.special_tokens_map, sides, ids))
    if views[0] != views[1]:
        raise UserError(
            f"the tokenizer of {described} reads texts differently once its own files are copied "
            f"({', '.join(sorted(original.vocab_files_names.values()))}); allowed: one that needs only these "
            "files (save it with save_pretrained of transformers)"
        )


def _shape(shape: Any) -> str:
    return " x ".join(map(str, shape))


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {reason(error)}"
