"""The tokenizer files of a teacher of the zoo."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from zoo.spec import PADDED_BY_1, SLOW, Spec

WORDS = [f"{first}{second}" for first in "bcdfghkl" for second in "aeiou"]
LETTERS = list("bcdfghklaeioutnwr")  # of all words and of the added tokens
TAGS = ("tagone", "tagtwo", "tagthree")  # added tokens tell the class, where there are any
SPECIAL_TAGS = ("[ONE]", "[TWO]", "[THREE]")
BERT_ROLES = {"pad": "[PAD]", "unk": "[UNK]", "cls": "[CLS]", "sep": "[SEP]", "mask": "[MASK]"}
MPNET_ROLES = {"pad": "<pad>", "unk": "[UNK]", "cls": "<s>", "sep": "</s>", "mask": "<mask>"}
ROBERTA_ROLES = {"pad": "<pad>", "unk": "<unk>", "cls": "<s>", "sep": "</s>", "mask": "<mask>"}
FAMILY_NAMES = {
    "WordPiece": "BertTokenizer",
    "vocab.txt": "BertTokenizer",
    "both": "BertTokenizer",
    "BPE": "RobertaTokenizer",
    "vocab.json": "RobertaTokenizer",
    "bpe.codes": "PhobertTokenizer",
    "WordLevel": "TokenizersBackend",
}


def roles(spec: Spec) -> dict[str, str]:
    """Return the special tokens by what they are for."""
    if spec.model_type == "mpnet":
        return MPNET_ROLES
    return BERT_ROLES if spec.tokenizer in ("WordPiece", "WordLevel", "vocab.txt", "both") else ROBERTA_ROLES


def tokenizer_pad(spec: Spec) -> int:
    """Return the id of the padding token (or of what would be it, where there is none)."""
    if spec.tokenizer == "bpe.codes":
        return 1  # PhoBERT's, fixed
    if spec.tokenizer_pad in ("own", "none"):
        return 1 if spec.model_type in PADDED_BY_1 else 0
    return spec.tokenizer_pad


def tags(spec: Spec) -> tuple[str, ...]:
    """Return the added tokens."""
    if spec.added == "none":
        return ()
    return SPECIAL_TAGS if spec.added == "special" else TAGS


def with_types(spec: Spec) -> bool:
    """Return whether the second text of a pair has the type 1 by the tokenizer's template."""
    if spec.pair_types == "of family":
        return spec.model_type not in PADDED_BY_1
    return spec.pair_types == "1"


def write_tokenizer(spec: Spec, folder: Path) -> int:
    """Write the files; return how many tokens there are."""
    names = roles(spec)
    order = [names[role] for role in ("unk", "cls", "sep", "mask")]
    order.insert(tokenizer_pad(spec), names["pad"])
    write = {
        "vocab.txt": _write_vocab_txt,
        "both": _write_both,
        "vocab.json": _write_vocab_json,
        "bpe.codes": _write_bpe_codes,
    }.get(spec.tokenizer, _write_tokenizer_json)
    size = write(spec, order, folder)
    added = {tag: size + place for place, tag in enumerate(tags(spec))}
    if added and spec.tokenizer in SLOW:
        _dump(folder / "added_tokens.json", added)
    _write_config(spec, names, {token: order.index(token) for token in order}, added, folder)
    _damage(spec, folder)
    return size + len(added)


def _write_config(
    spec: Spec, names: dict[str, str], codes: dict[str, int], added: dict[str, int], folder: Path
) -> None:
    said: dict[str, Any] = {f"{role}_token": token for role, token in names.items()}
    if spec.tokenizer_pad == "none":
        said["pad_token"] = None
    if not spec.markers:
        said |= {"cls_token": None, "sep_token": None}
    if spec.special_map in ("same", "more") or (spec.tokenizer in SLOW and spec.added == "special"):
        given = {key: value for key, value in said.items() if value is not None}
        if spec.added == "special":
            given["additional_special_tokens"] = list(tags(spec))[::-1]
        if spec.special_map == "more":
            given["additional_special_tokens"] = [*given.get("additional_special_tokens", []), "[MORE]"]
        _dump(folder / "special_tokens_map.json", given)
    if spec.declared == "no file":
        return
    if spec.special_map == "decoder":  # version 4 of transformers writes it
        flags = {"lstrip": False, "normalized": False, "rstrip": False, "single_word": False}
        said["added_tokens_decoder"] = {
            str(code): {"content": token, "special": token in codes or spec.added == "special", **flags}
            for token, code in (codes | added).items()
        }
    own = FAMILY_NAMES.get(spec.tokenizer) or {"camembert": "CamembertTokenizer"}.get(
        spec.model_type, "XLMRobertaTokenizer"
    )
    if spec.model_type == "modernbert":
        own = "TokenizersBackend"
    if own == "BertTokenizer":
        own = {"distilbert": "DistilBertTokenizer", "mpnet": "MPNetTokenizer"}.get(spec.model_type, own)
    if spec.declared != "no class":
        said["tokenizer_class"] = own if spec.declared == "own" else spec.declared
    if own in ("BertTokenizer", "DistilBertTokenizer", "MPNetTokenizer"):
        said["do_lower_case"] = spec.lower_case
    if spec.model_max_length is not None:
        said["model_max_length"] = spec.model_max_length
    names_of_inputs = ["input_ids", "attention_mask"]
    if spec.input_names == "no types":
        said["model_input_names"] = names_of_inputs
    elif spec.input_names == "types" or (spec.tokenizer, spec.declared) == ("WordLevel", "own"):
        said["model_input_names"] = [*names_of_inputs, *["token_type_ids"][: int(with_types(spec))]]
    for side in ("padding_side", "truncation_side"):
        if getattr(spec, side) != "right":
            said[side] = getattr(spec, side)
    _dump(folder / "tokenizer_config.json", said)


def _write_vocab_txt(spec: Spec, order: list[str], folder: Path) -> int:
    vocabulary = _word_pieces(order)
    (folder / "vocab.txt").write_text("\n".join(vocabulary) + "\n", encoding="utf-8")
    return len(vocabulary)


def _write_both(spec: Spec, order: list[str], folder: Path) -> int:
    _write_vocab_txt(spec, order, folder)
    return _write_tokenizer_json(spec, order, folder)


def _write_vocab_json(spec: Spec, order: list[str], folder: Path) -> int:
    vocabulary, merges = _byte_pairs(order)
    _dump(folder / "vocab.json", vocabulary)
    lines = ["#version: 0.2", *(" ".join(merge) for merge in merges)]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return len(vocabulary)


def _write_bpe_codes(spec: Spec, order: list[str], folder: Path) -> int:
    """Write PhoBERT's files: its vocabulary without the special tokens, and merges with a count."""
    pieces = [letter + end for letter in LETTERS for end in ("@@", "")]
    lines = [f"{piece} 1" for piece in [*pieces, *WORDS]]
    (folder / "vocab.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    merges = [(word[0], f"{word[1]}</w>") for word in WORDS]
    text = "".join(f"{left} {right} 1\n" for left, right in merges)
    (folder / "bpe.codes").write_text(text, encoding="utf-8")
    return 5 + len(lines)


def _write_tokenizer_json(spec: Spec, order: list[str], folder: Path) -> int:
    from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers, processors

    names = roles(spec)
    if spec.tokenizer in ("WordPiece", "both"):
        vocabulary = {piece: code for code, piece in enumerate(_word_pieces(order))}
        tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token=names["unk"]))
        tokenizer.normalizer = normalizers.BertNormalizer(lowercase=spec.lower_case)
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    elif spec.tokenizer == "WordLevel":
        words = [*order, *WORDS]
        tokenizer = Tokenizer(
            models.WordLevel({word: code for code, word in enumerate(words)}, unk_token=names["unk"])
        )
        tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
        if spec.lower_case:
            tokenizer.normalizer = normalizers.Lowercase()
    elif spec.tokenizer == "Unigram":
        pieces = [*((word, 0.0) for word in order), *((f"▁{word}", -3.0) for word in WORDS)]
        pieces += [(letter, -9.0) for letter in [*LETTERS, "▁"]]
        if spec.model_type == "camembert":  # its class adds these where they are not
            pieces += [(f"{token}NOTUSED", -100.0) for token in ("<s>", "</s>", "<unk>")]
        tokenizer = Tokenizer(models.Unigram(pieces, unk_id=order.index(names["unk"])))
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    else:
        vocabulary, merges = _byte_pairs(order)
        tokenizer = Tokenizer(models.BPE(vocabulary, merges, unk_token=names["unk"]))
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    specials = [token for token in order if token != names["pad"] or spec.tokenizer_pad != "none"]
    tokenizer.add_special_tokens(specials)
    if spec.added == "special":
        tokenizer.add_special_tokens(list(tags(spec)))
    else:
        tokenizer.add_tokens([AddedToken(tag, normalized=False) for tag in tags(spec)])
    if spec.markers:
        second = ":1" if with_types(spec) else ""
        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{names['cls']} $A {names['sep']}",
            pair=f"{names['cls']} $A {names['sep']} $B{second} {names['sep']}{second}",
            special_tokens=[(names[role], order.index(names[role])) for role in ("cls", "sep")],
        )
    if spec.baked == "truncation":
        tokenizer.enable_truncation(10)
    if "padding" in spec.baked:
        length = 20 if spec.baked == "fixed padding" else None
        tokenizer.enable_padding(pad_id=tokenizer_pad(spec), pad_token=names["pad"], length=length)
    tokenizer.save(str(folder / "tokenizer.json"))
    return tokenizer.get_vocab_size() - len(tags(spec))


def _word_pieces(order: list[str]) -> list[str]:
    return [*order, *LETTERS, *(f"##{letter}" for letter in LETTERS), *WORDS]


def _byte_pairs(order: list[str]) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Return a byte-level vocabulary and its merges; words come after a space, which is written as Ġ."""
    starts = sorted({word[0] for word in WORDS})
    pieces = [*order, *LETTERS, "Ġ", *(f"Ġ{start}" for start in starts), *(f"Ġ{word}" for word in WORDS)]
    merges = [("Ġ", start) for start in starts] + [(f"Ġ{word[0]}", word[1]) for word in WORDS]
    return {piece: code for code, piece in enumerate(pieces)}, merges


def _damage(spec: Spec, folder: Path) -> None:
    files = ("tokenizer.json", "vocab.txt", "vocab.json", "merges.txt", "bpe.codes")
    present = [folder / name for name in files if (folder / name).is_file()]
    if spec.damage == "no tokenizer":
        for path in present:
            path.unlink()
    elif spec.damage == "no words":
        for path in present:
            path.write_text("", encoding="utf-8")
    elif spec.damage == "only merges":
        for path in present[:-1]:
            path.unlink()
    elif spec.damage == "special_tokens_map.json a list":
        _dump(folder / "special_tokens_map.json", [1, 2])
    elif spec.damage.startswith("tokenizer.json"):
        text = present[0].read_text(encoding="utf-8")
        other = '{"version": "1.0", "model": {"type": "Neural"}}'
        present[0].write_text(text[: len(text) // 2] if "cut" in spec.damage else other, encoding="utf-8")
    elif spec.damage == "tokenizer_config.json cut":
        path = folder / "tokenizer_config.json"
        path.write_text('{"tokenizer_class": "Bert', encoding="utf-8")


def _dump(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
