"""Copies of a task's models with the word pieces of its training rows alone, and what that costs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch

from kdnas.data.tasks import Definition, Task, get_task
from kdnas.deployment.gate import check_equal
from kdnas.files.artifacts import read_json, write_json, write_text
from kdnas.models.families import family_of
from kdnas.models.files import DETAILS, TOKENIZER_CONFIG, tokenizer_files
from kdnas.models.loading import load_classifier, save_classifier
from kdnas.models.tokenizer import load_tokenizer
from kdnas.models.tokenizer_json import TOKENIZER, cut, pieces_to_keep, tokenizer_content
from kdnas.models.vocabulary import Vocabulary
from kdnas.teachers.agreement import open_tokenizer
from kdnas.training.data import encode
from kdnas.training.rows import Rows
from kdnas.training.scoring import predict, scores

if TYPE_CHECKING:
    from transformers import PreTrainedModel


_KEPT = (TOKENIZER, TOKENIZER_CONFIG, "special_tokens_map.json")  # the other files say the same once more


@dataclass(frozen=True)
class PiecesInUse:
    """The ids of the pieces in the training rows of ``task``, as texts are cut to ``max_length`` tokens."""

    ids: np.ndarray
    task: Task
    max_length: int

    @classmethod
    def of_task(
        cls, definition: Definition, data_folder: Path, *, model: Path, max_length: int
    ) -> PiecesInUse:
        """Read the rows with and without labels by the tokenizer of ``model``, a transformers folder.

        All models of a task and seed have the same tokenizer. Raises UserError if it cannot be cut.
        """
        tokenizer = load_tokenizer(model)
        tokenizer_content(tokenizer, str(model))
        rows = Rows.of_task(definition, data_folder, max_length=max_length)
        task = get_task(rows.task)  # as its rows complete it
        encoded = encode(rows.train, task, tokenizer, max_length=max_length)
        return cls(np.unique(np.concatenate(encoded.token_ids)), task, max_length)

    def copy(self, source: Path, folder: Path) -> dict[str, int]:
        """Write the classifier of the transformers folder ``source`` to ``folder`` with these pieces.

        Returns how many ``pieces`` it has, and how many the ``whole`` vocabulary has.
        """
        tokenizer, model = load_tokenizer(source), load_classifier(source)
        content, config = tokenizer_content(tokenizer, str(source)), model.config
        whole = config.vocab_size
        named = {
            name: value
            for name, value in config.to_dict().items()
            if name.endswith("_token_id") and isinstance(value, int) and 0 <= value < whole
        }
        # some models count positions from the padding's id, so that one stays
        last_fixed = family_of(config.model_type).last_fixed_id(config, tokenizer.pad_token_id)
        needed = {*range(last_fixed + 1), *named.values(), *tokenizer.all_special_ids}
        kept = pieces_to_keep(content, {*self.ids, *needed})
        vocabulary = Vocabulary([np.array(sorted(kept))], last_fixed, whole)
        vocabulary.shrink(model)
        for name, value in named.items():
            setattr(config, name, int(vocabulary.lookup[value]))
        save_classifier(model, tokenizer_folder=source, folder=folder, details=read_json(source / DETAILS))
        _cut_tokenizer(folder, content, vocabulary)
        return {"pieces": len(vocabulary.used), "whole": whole}

    def compare(
        self, source: Path, folder: Path, frames: Mapping[str, pd.DataFrame], *, name: str
    ) -> dict[str, Any]:
        """Return the ``scores`` of the classifier in ``source`` and the ``retokenised_rows`` of its copy.

        These are the rows of ``frames``, by split, that the copy in ``folder`` reads as other pieces. It is
        opened by transformers alone; raises UserError unless it gives the same logits on all other rows, bit
        for bit. ``name`` is the model's in that sentence.
        """
        readers = load_tokenizer(source), open_tokenizer(folder, f"the copy of {name}")
        models = _in_memory(source), _in_memory(folder)
        found: dict[str, Any] = {"retokenised_rows": 0, "scores": {}}

        def logits(number: int, frame: pd.DataFrame) -> np.ndarray:
            rows = encode(frame, self.task, readers[number], max_length=self.max_length)
            return predict(models[number], rows, torch.device("cpu"))

        for split, frame in frames.items():
            rows = [encode(frame, self.task, reader, max_length=self.max_length) for reader in readers]
            texts = [
                [reader.convert_ids_to_tokens(ids.tolist()) for ids in encoded.token_ids]
                for reader, encoded in zip(readers, rows, strict=True)
            ]
            same = np.array([first == second for first, second in zip(*texts, strict=True)])
            whole = np.empty((len(frame), models[0].config.num_labels), dtype=np.float32)
            if same.any():  # in equal batches: the last bits of a row depend on its company
                whole[same] = logits(0, frame[same])
                check_equal(name, self.task.name, whole=whole[same], copy=logits(1, frame[same]))
            if not same.all():
                whole[~same] = logits(0, frame[~same])
            found["retokenised_rows"] += int((~same).sum())
            found["scores"][split] = scores(whole, rows[0], self.task)
        return found


def _in_memory(folder: Path) -> PreTrainedModel:
    """Load a classifier whose weights do not stay in the mapped file.

    In a file with fewer pieces they are aligned otherwise, and the last bits of a product depend on that.
    """
    model = load_classifier(folder)
    for parameter in model.parameters():
        parameter.data = parameter.data.clone()
    return model


def _cut_tokenizer(folder: Path, content: dict[str, Any], vocabulary: Vocabulary) -> None:
    """Put ``content`` with the pieces of ``vocabulary`` in the place of the whole tokenizer in ``folder``."""

    def renumber(code: int) -> int | None:
        return int(vocabulary.lookup[code]) if vocabulary.lookup[code] >= 0 else None

    for name in tokenizer_files(folder):
        if name not in _KEPT:
            (folder / name).unlink()
    write_text(folder / TOKENIZER, json.dumps(cut(content, renumber), ensure_ascii=False, indent=1) + "\n")
    settings = read_json(folder / TOKENIZER_CONFIG)
    settings.pop("fast_tokenizer_files", None)  # of other versions of the library, with the whole vocabulary
    if "added_tokens_decoder" in settings:
        added = settings["added_tokens_decoder"].items()
        settings["added_tokens_decoder"] = {str(renumber(int(code))): token for code, token in added}
    write_json(folder / TOKENIZER_CONFIG, settings)
