"""Whether a configuration fits its teacher.

It stands outside ``kdnas.config``: otherwise the rule that fetches the teacher would depend on all of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from kdnas.config.student_keys import choices, widths_and_heads
from kdnas.data.tasks import get_task, task_definitions
from kdnas.errors import UserError
from kdnas.files.artifacts import read_json
from kdnas.models.families import FAMILIES, Family, family_of
from kdnas.models.tokenizer_json import TOKENIZER, USED, check_can_be_cut, tokenizer_content
from kdnas.sentences import shown
from kdnas.teachers.fetch import TeacherSource, what_it_is


def check_against_teacher(
    config: dict[str, Any], teacher_config: dict[str, Any], facts: Mapping[str, Any] = MappingProxyType({})
) -> None:
    """Raise UserError for the first contradiction between the configuration and a teacher's config.json.

    ``facts`` is the return value of :func:`kdnas.teachers.agreement.check_agreement`, where the teacher was
    fetched.
    """
    model_type = teacher_config.get("model_type")
    if model_type not in FAMILIES:
        raise UserError(
            f"the teacher {config['teacher']['name']} has model_type {model_type} in its config.json; "
            f"allowed: one of {', '.join(FAMILIES)}"
        )
    family = family_of(model_type)
    for key, value in family.only.items():
        if (given := teacher_config.get(key) or value) != value:
            raise UserError(
                f"the teacher {config['teacher']['name']} has {key} {_word(given)} in its config.json; "
                f"allowed: {_word(value)}, which {family.only_because}"
            )
    if teacher_config.get("add_cross_attention"):
        raise UserError(
            f"the teacher {config['teacher']['name']} has add_cross_attention true in its config.json; "
            "allowed: false, an encoder without a decoder"
        )
    if family.has_token_types and "type_vocab_size" in teacher_config:
        _teacher_size(teacher_config, "type_vocab_size")
    dimensions = ("hidden_size", "layers", "ffn_size", "attention_heads")
    sizes = {name: _teacher_size(teacher_config, family.keys[name]) for name in dimensions}
    hidden_size, layers = sizes["hidden_size"], sizes["layers"]

    most = {"hidden_size": hidden_size, "ffn_size": sizes["ffn_size"], "layers": layers}
    losses = config["distillation"]["losses"]
    for start in ("teacher", "refit"):
        if config["distillation"]["initialisation"] == start:
            _check_at_most(config, most, f"with distillation.initialisation '{start}'")
        if config["fidelity"]["architectures"] and start in config["fidelity"]["initialisations"]:
            searched = config | {"students": {"hand_crafted": []}}  # the study draws from the space alone
            _check_at_most(searched, most, f"with '{start}' in fidelity.initialisations")
    if losses["hidden"] > 0:
        _check_at_most(config, {"layers": layers}, "with distillation.losses.hidden above 0")
    heads = config["distillation"]["relation_heads"]
    if losses["relations"] > 0 and hidden_size % heads:
        raise UserError(
            f"distillation.relation_heads is {heads}; "
            f"allowed: a divisor of the teacher's {family.keys['hidden_size']} {hidden_size}"
        )
    _check_embedding_size(config, teacher_config, family, hidden_size)
    if family.keeps_head_size:
        _check_head_size(config, hidden_size, sizes["attention_heads"])
    _check_positions(config, teacher_config, family)
    _check_pairs(config, teacher_config, facts)


def check_against_fetched(config: dict[str, Any], base: Path) -> None:
    """Check a configuration against the teacher that an earlier run has fetched to the folder ``base``.

    Raises UserError like ``check_against_teacher``. Where nothing is there, it is damaged or another teacher,
    the job that fetches the teacher checks.
    """
    teacher = TeacherSource.from_config(config["teacher"])
    try:
        meta, fetched = read_json(base / "meta.json"), read_json(base / "config.json")
        if teacher.source == "local":
            source = read_json(Path(teacher.name) / "config.json")
            if what_it_is(source) != what_it_is(fetched):
                return
        same = meta.items() >= teacher.origin.items()
    except (UserError, AttributeError):
        return
    if same:
        check_against_teacher(config, fetched, meta)
        check_vocabulary(config, base)


def check_vocabulary(
    config: dict[str, Any], base: Path, load_tokenizer: Callable[[Path], Any] | None = None
) -> None:
    """Raise UserError if the tokenizer of the fetched teacher in ``base`` would have to be cut and cannot.

    Without ``load_tokenizer``, which takes seconds, only a ``tokenizer.json`` tells its kind.
    """
    file, described = base / TOKENIZER, f"the teacher {config['teacher']['name']}"
    if config["deployment"]["vocabulary"] != USED:
        return
    if load_tokenizer is not None:
        tokenizer_content(load_tokenizer(base), described)
    elif file.is_file():
        check_can_be_cut(read_json(file), described)


def _check_at_most(config: dict[str, Any], most: dict[str, int], condition: str) -> None:
    """``most`` holds the teacher's size in each dimension that students may not exceed."""
    for dimension, size in most.items():
        for path, choice in choices(config, dimension):
            if choice > size:
                raise UserError(f"{path} is {choice}; allowed {condition}: at most the teacher's {size}")


def _check_embedding_size(
    config: dict[str, Any], teacher_config: dict[str, Any], family: Family, hidden_size: int
) -> None:
    """ELECTRA projects embeddings only where their width differs from the hidden size."""
    if not family.can_factorise:
        for path, choice in choices(config, "embedding_size"):
            raise UserError(
                f"{path} is {choice}; allowed: null, because students with factorised embeddings are "
                f"ELECTRAs, which cannot do what the teacher, a {teacher_config['model_type']}, does"
            )
    embedding_size = teacher_config.get("embedding_size", hidden_size)
    if teacher_config["model_type"] != "electra" or embedding_size == hidden_size:
        return
    for path, choice in choices(config, "embedding_size"):
        raise UserError(
            f"{path} is {choice}; allowed: null, because the teacher's embeddings are factorised already "
            f"and students keep its embedding_size {embedding_size}"
        )
    for path, choice in choices(config, "hidden_size"):
        if choice == embedding_size:
            raise UserError(
                f"{path} is {choice}; allowed: any other size, because at the teacher's embedding_size "
                f"{embedding_size} a student has no embedding projection to initialise from the teacher's"
            )


def _check_head_size(config: dict[str, Any], hidden_size: int, heads: int) -> None:
    """Rotary positions go by a dimension's place in its head, so heads are kept whole."""
    size = hidden_size / heads
    for path, hidden, count in widths_and_heads(config):
        if hidden != count * size:
            raise UserError(
                f"{path} has hidden_size {hidden} and attention_heads {count}; allowed: heads of the "
                f"teacher's {size:g} dimensions, by which its rotary positions go (search.space.head_size: "
                f"{size:g} keeps the pairs of such heads)"
            )


def _check_positions(config: dict[str, Any], teacher_config: dict[str, Any], family: Family) -> None:
    positions = _teacher_size(teacher_config, "max_position_embeddings")
    positions -= family.unused_positions(_pad_token_id(config, teacher_config, family))
    for path, length in (
        ("teacher.max_length", config["teacher"]["max_length"]),
        ("latency.sequence_length", config["latency"]["sequence_length"]),
    ):
        if length > positions:
            raise UserError(f"{path} is {length}; allowed: at most the teacher's {positions} positions")


def _pad_token_id(config: dict[str, Any], teacher_config: dict[str, Any], family: Family) -> int:
    """Return the id that the model's own code takes for padding; without one, transformers' default."""
    value = teacher_config.get("pad_token_id", family.pad_token_id)
    most = teacher_config.get("vocab_size")
    most = most - 1 if isinstance(most, int) else float("inf")
    if value is None and not family.counts_from_padding:
        return 0
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        raise UserError(
            f"the teacher {config['teacher']['name']} has pad_token_id {shown(value)} in its config.json; "
            "allowed: the id of a token in its vocabulary (at least 0, below vocab_size)"
        )
    return value


def _check_pairs(config: dict[str, Any], teacher_config: dict[str, Any], facts: Mapping[str, Any]) -> None:
    """Two texts have to be of token types that the model tells apart."""
    given, known = facts.get("pair_token_types", 1), teacher_config.get("type_vocab_size", 2)
    pairs = [
        name
        for name, definition in task_definitions(config["data"]).items()
        if len(get_task(definition).text_columns) > 1
    ]
    if pairs and isinstance(known, int) and given > known:
        raise UserError(
            f"the tokenizer of the teacher {config['teacher']['name']} gives the second text of a row of "
            f"{pairs[0]} the token type {given - 1}, but its config.json has type_vocab_size {known}; "
            "allowed: a tokenizer whose token types the model has, or one that gives none "
            "(model_input_names [input_ids, attention_mask] in its tokenizer_config.json)"
        )


def _word(value: Any) -> Any:
    """Return a value as config.json spells it."""
    return str(value).lower() if isinstance(value, bool) else value


def _teacher_size(teacher_config: dict[str, Any], key: str) -> int:
    size = teacher_config.get(key)
    if not isinstance(size, int) or isinstance(size, bool) or size < 1:
        raise UserError(f"the teacher's config.json has {key} {size}; allowed: a whole number (at least 1)")
    return size
