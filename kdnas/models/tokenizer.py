"""A model's tokenizer as training uses it, and the same one in a saved folder."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from kdnas.files.artifacts import read_json, write_json
from kdnas.models.families import family_of
from kdnas.models.files import CONFIG, TOKENIZER_CONFIG, tokenizer_files

TOKEN_TYPES = "token_type_ids"


def load_tokenizer(folder: str | Path) -> Any:
    """Read the tokenizer of a model's folder, as training uses it.

    It pads on the right, because classifiers read the first token, and ``model_input_names`` says whether the
    model was trained with token types (:func:`trained_with_types`).
    """
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.padding_side = "right"
    names = ["input_ids", "attention_mask"]
    if trained_with_types(tokenizer, Path(folder)):
        names.insert(1, TOKEN_TYPES)
    tokenizer.model_input_names = names
    return tokenizer


def trained_with_types(tokenizer: Any, folder: Path) -> bool:
    """Tell whether the model in ``folder`` was trained with token types, as far as its files say.

    ``tokenizer`` is what transformers opens. A model that knows one type only needs none. Where neither the
    settings nor the class say it, version 4 of transformers gave token types and version 5 gives none.
    """
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(folder)
    if family_of(config.model_type).token_types(config) < 2:
        return False
    if says_its_inputs(tokenizer, folder):
        return TOKEN_TYPES in tokenizer.model_input_names
    named = _settings(folder).get("tokenizer_class")
    written_by = str(read_json(folder / CONFIG).get("transformers_version") or "4").split(".")[0]
    of_version_4 = named == "PreTrainedTokenizerFast" or written_by in ("2", "3", "4")
    return of_version_4 and named != "TokenizersBackend"  # what version 5 calls it


def says_its_inputs(tokenizer: Any, folder: Path) -> bool:
    """Tell whether a tokenizer's settings or its class say what inputs its model takes."""
    from transformers import PreTrainedTokenizerBase

    of_class = type(tokenizer).model_input_names is not PreTrainedTokenizerBase.model_input_names
    return of_class or "model_input_names" in _settings(folder)


def save_tokenizer(source: str | Path, folder: Path, *, model_type: str, max_length: int | None) -> None:
    """Put the tokenizer of the model folder ``source`` into ``folder``, which holds a model trained with it.

    Its settings spell out how training read texts, so that versions 4 and 5 of transformers read them alike;
    ``max_length`` is the number of tokens that texts were cut to, ``model_type`` that of the saved model.
    """
    for name in tokenizer_files(source):
        shutil.copyfile(Path(source) / name, folder / name)
    tokenizer, settings = load_tokenizer(source), _settings(source)
    if read_json(Path(source) / CONFIG).get("model_type") != model_type:  # it would decide the class
        settings.setdefault("tokenizer_class", type(tokenizer).__name__)
    if settings.get("tokenizer_class") == "TokenizersBackend":  # version 4 knows neither name nor list
        settings["tokenizer_class"] = "PreTrainedTokenizerFast"
    if isinstance(settings.get("extra_special_tokens"), list):
        settings["additional_special_tokens"] = settings.pop("extra_special_tokens")
    settings["model_input_names"] = tokenizer.model_input_names
    settings["padding_side"] = tokenizer.padding_side
    settings["pad_token_type_id"] = 0
    if max_length is not None:
        settings["model_max_length"] = max_length
    write_json(folder / TOKENIZER_CONFIG, settings)


def _settings(folder: str | Path) -> dict[str, Any]:
    path = Path(folder) / TOKENIZER_CONFIG
    return read_json(path) if path.is_file() else {}
