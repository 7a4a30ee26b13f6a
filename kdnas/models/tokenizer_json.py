"""The content of a ``tokenizer.json`` with some of its pieces: WordPiece and byte-level BPE."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any

from kdnas.errors import UserError

TOKENIZER = "tokenizer.json"
USED = "used"  # the value of deployment.vocabulary that cuts
WORD_PIECE, BYTE_PAIRS = "WordPiece", "BPE"


def tokenizer_content(tokenizer: Any, described: str) -> dict[str, Any]:
    """Return the content for an open ``tokenizer`` of transformers.

    Raises UserError if it is of a kind that cannot lose pieces here; ``described`` is whose it is.
    """
    if not hasattr(tokenizer, "backend_tokenizer"):  # it is written in Python, with rules of its own
        raise _refusal(type(tokenizer).__name__, described)
    content = json.loads(tokenizer.backend_tokenizer.to_str())
    check_can_be_cut(content, described)
    return content


def check_can_be_cut(content: dict[str, Any], described: str) -> None:
    """Raise UserError like :func:`tokenizer_content`, for the content of a file."""
    model = content["model"]
    kind = model.get("type")  # old files do not say it; what the library writes does
    if kind in (None, WORD_PIECE) or (kind == BYTE_PAIRS and _reads_bytes(content)):
        return
    raise _refusal("BPE of characters" if kind == BYTE_PAIRS else str(kind), described)


def _refusal(kind: str, described: str) -> UserError:
    return UserError(
        f'deployment.vocabulary is "used", but the tokenizer of {described} is {kind}; allowed: teacher, as '
        "only WordPiece and byte-level BPE can be cut"
    )


def _reads_bytes(content: dict[str, Any]) -> bool:
    """Tell whether a BPE spells a text in symbols that each stand for a byte, and marks no ends of words."""
    step = content.get("pre_tokenizer") or {}
    steps = [step, *step.get("pretokenizers", ())]
    model = content["model"]
    marked = model.get("continuing_subword_prefix") or model.get("end_of_word_suffix")
    return not marked and any(step.get("type") == "ByteLevel" for step in steps)


def pieces_to_keep(content: dict[str, Any], used: Iterable[int]) -> set[int]:
    """Return the ids of ``used`` pieces and of those that the tokenizer needs to read any text.

    These are all single characters (WordPiece, also as continuations of a word) or bytes (BPE), the tokens
    that the file names by id, and with BPE all parts that a kept piece is merged from. Then a text that is
    made of ``used`` pieces is read as before: the longest known beginning of the rest of a word stays the
    longest, and each merge that was applied, always the first in the list that fits, stays the first.
    """
    model, vocabulary = content["model"], content["model"]["vocab"]
    prefix = model.get("continuing_subword_prefix") or ""
    kept = {int(code) for code in used} | {place[key] for place, key in _ids(content)}
    kept |= {code for piece, code in vocabulary.items() if len(piece.removeprefix(prefix)) == 1}
    if model.get("unk_token") in vocabulary:
        kept.add(vocabulary[model["unk_token"]])
    if model["type"] == WORD_PIECE:
        return kept
    parts: dict[str, list[str]] = {}
    for left, right in model["merges"]:
        parts.setdefault(left + right, []).extend((left, right))
    waiting = [piece for piece, code in vocabulary.items() if code in kept]
    while waiting:
        new = [part for part in parts.get(waiting.pop(), ()) if vocabulary[part] not in kept]
        kept |= {vocabulary[part] for part in new}
        waiting += new
    return kept


def cut(content: dict[str, Any], renumber: Callable[[int], int | None]) -> dict[str, Any]:
    """Return ``content`` with the pieces that ``renumber`` gives a new id, by that id; None drops a piece.

    What is kept is what :func:`pieces_to_keep` returned, so with a merged piece its parts. The result pads
    and truncates nothing by itself: transformers does that by its own settings.
    """
    content = copy.deepcopy(content)
    model = content["model"]
    numbered = ((piece, renumber(code)) for piece, code in model["vocab"].items())
    kept = {piece: code for piece, code in numbered if code is not None}
    model["vocab"] = dict(sorted(kept.items(), key=lambda entry: entry[1]))
    if model["type"] == BYTE_PAIRS:
        model["merges"] = [[left, right] for left, right in model["merges"] if left + right in kept]
    for place, key in _ids(content):
        place[key] = renumber(place[key])
    return content | {"padding": None, "truncation": None}


def _ids(content: dict[str, Any]) -> Iterator[tuple[Any, Any]]:
    """Yield each place that holds an id outside the vocabulary, as a container and its key."""
    yield from ((token, "id") for token in content["added_tokens"])
    processor = content.get("post_processor") or {}
    for step in (processor, *processor.get("processors", ())):
        yield from ((step[name], 1) for name in ("sep", "cls") if name in step)
        lists = [token["ids"] for token in step.get("special_tokens", {}).values()]
        yield from chain.from_iterable(((ids, place) for place in range(len(ids))) for ids in lists)
