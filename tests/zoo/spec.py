"""What a teacher of the zoo is: a value on each axis, and whether such a one has to be taken or refused."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from hypothesis import strategies as st

ROBERTA_FAMILY = ("roberta", "xlm-roberta", "camembert")
WITHOUT_TYPES = ("distilbert", "mpnet", "modernbert")
PADDED_BY_1 = (*ROBERTA_FAMILY, "mpnet", "modernbert")
ADOPTED = "adopted"

# The first value of an axis is its default. A value is FINE (a teacher of such values alone must be taken),
# BROKEN (must be refused), or neither: then the product may do either, but nothing else.
AXES: dict[str, tuple[Any, ...]] = {
    "model_type": (
        "bert",
        "roberta",
        "electra",
        "xlm-roberta",
        "camembert",
        "distilbert",
        "mpnet",
        "modernbert",
    ),
    "use": ("taught", ADOPTED),
    "texts": (1, 2),
    "task": ("classes", "number"),
    "student": ("narrowed", "same", "factorised"),
    # the tokenizer: its files, the class in tokenizer_config.json, and what else lies beside them
    "tokenizer": ("WordPiece", "WordLevel", "BPE", "Unigram", "vocab.txt", "vocab.json", "bpe.codes", "both"),
    "declared": (
        "own",
        "TokenizersBackend",
        "PreTrainedTokenizerFast",
        "no file",
        "no class",
        "NoSuchTokenizer",
    ),
    "input_names": ("unsaid", "types", "no types"),
    "pair_types": ("of family", "1", "0"),
    "special_map": ("absent", "same", "more", "decoder"),
    "added": ("none", "normal", "special", "unused", "beyond"),
    "markers": (True, False),
    "lower_case": (True, False),
    "padding_side": ("right", "left"),
    "truncation_side": ("right", "left"),
    "baked": ("nothing", "truncation", "padding", "fixed padding"),
    "model_max_length": (512, None, 16, 24, int(1e30)),
    "damage": (
        "none",
        "tokenizer.json cut",
        "tokenizer.json of something else",
        "tokenizer_config.json cut",
        "special_tokens_map.json a list",
        "no tokenizer",
        "no words",
        "only merges",
    ),
    # the padding ids: "own" is what the model's family has
    "tokenizer_pad": ("own", 0, 1, 3, "none"),
    "config_pad": ("tokenizer's", 0, 1, 3, 5, None, 500),  # 5 is a letter's id
    # the model
    "token_types": ("own", 1, 2, 0),
    "embedding_size": ("same", 12),
    "vocabulary": ("larger", "exact", "smaller"),
    "config": (
        "plain",
        "is_decoder",
        "return_dict",
        "output_hidden_states",
        "chunked",
        "relative",
        "five heads",
        "gelu_new",
        "torch_dtype",
        "output_attentions",
        "cross attention",
        "quantised",
        "two labels",
        "no types said",
    ),
    "dtype": ("float32", "float16", "bfloat16", "float64"),
    "weights": (
        "classifier",
        "encoder",
        "language model",
        "no prefix",
        "no pooler",
        "gamma and beta",
        "more tensors",
        "no metadata",
        "of DataParallel",
        "sharded",
        "pickle",
        "cut",
        "a layer less",
        "a bias less",
        "other shape",
        "not a number",
    ),
    "classes": (
        "named",
        "permuted",
        "other case",
        "unnamed",
        "other keys",
        "unnamed permuted",
        "two",
        "repeated",
        "strangers",
        "absent",
    ),
    "lengths": ((24, 24), (37, 24), (38, 38), (40, 40), (41, 24), (24, 41)),
}

FINE = {
    "declared": {"own", "TokenizersBackend", "PreTrainedTokenizerFast", "no file", "no class"},
    "input_names": {"unsaid", "no types"},
    "pair_types": {"of family"},
    "special_map": {"absent", "same", "decoder"},
    "added": {"none", "normal", "special", "unused"},
    "markers": {True},
    "damage": {"none"},
    "tokenizer_pad": {"own"},
    "config_pad": {"tokenizer's"},
    "token_types": {"own"},
    "vocabulary": {"larger", "exact"},
    "config": {"plain", "output_hidden_states", "torch_dtype", "gelu_new"},
    "lengths": {(24, 24)},
}
FINE_ADOPTED = {
    "weights": {"classifier", "more tensors"},
    "classes": {"named", "permuted", "other case", "unnamed", "other keys"},
}
FINE_TAUGHT = {"weights": {"classifier", "encoder", "more tensors", "language model", "no pooler"}}
BROKEN = {
    "config": {"five heads", "relative", "quantised"},
    "weights": {"sharded", "pickle", "cut", "a layer less", "other shape", "not a number"},
    "lengths": {(41, 24), (24, 41)},
    "tokenizer_pad": {"none"},
    "config_pad": {500},
    "damage": {"no tokenizer"},
}
BROKEN_ADOPTED = {
    "weights": {"encoder", "language model", "a bias less"},
    "classes": {"two", "repeated", "strangers", "absent"},
}
OF_PAIRS = ("pair_types", "token_types", "input_names", "declared")  # axes that tell of two texts only
# what each tokenizer belongs to; another model may have it too, but need not be taken
MODELS_OF = {
    "WordPiece": ("bert", "electra", "distilbert", "mpnet"),
    "vocab.txt": ("bert", "electra", "distilbert", "mpnet"),
    "both": ("bert", "electra", "distilbert", "mpnet"),
    "WordLevel": (
        "bert",
        "electra",
        "roberta",
        "xlm-roberta",
        "camembert",
        "distilbert",
        "mpnet",
        "modernbert",
    ),
    "BPE": ("roberta", "modernbert"),
    "vocab.json": ("roberta",),
    "bpe.codes": ("roberta",),
    "Unigram": ("xlm-roberta", "camembert"),
}
SLOW = ("vocab.txt", "vocab.json", "bpe.codes")  # without a tokenizer.json
CUTTABLE = ("WordPiece", "both", "vocab.txt", "BPE", "vocab.json")  # of which word pieces can be left out
TOKENIZER_OF = {
    "bert": "WordPiece",
    "electra": "WordPiece",
    "roberta": "BPE",
    "xlm-roberta": "Unigram",
    "camembert": "Unigram",
    "distilbert": "WordPiece",
    "mpnet": "WordPiece",
    "modernbert": "BPE",
}


@dataclass(frozen=True, repr=False)
class Spec:
    """One teacher and how it is used; prints itself as the call that makes it."""

    model_type: str = "bert"
    use: str = "taught"
    texts: int = 1
    task: str = "classes"
    student: str = "narrowed"
    tokenizer: str = ""  # that of the model type
    declared: str = "own"
    input_names: str = "unsaid"
    pair_types: str = "of family"
    special_map: str = "absent"
    added: str = "none"
    markers: bool = True
    lower_case: bool = True
    padding_side: str = "right"
    truncation_side: str = "right"
    baked: str = "nothing"
    model_max_length: int | None = 512
    damage: str = "none"
    tokenizer_pad: Any = "own"
    config_pad: Any = "tokenizer's"
    token_types: Any = "own"
    embedding_size: Any = "same"
    vocabulary: str = "larger"
    config: str = "plain"
    dtype: str = "float32"
    weights: str = "classifier"
    classes: str = "named"
    lengths: tuple[int, int] = (24, 24)

    def __post_init__(self) -> None:
        if not self.tokenizer:
            object.__setattr__(self, "tokenizer", TOKENIZER_OF[self.model_type])

    def __repr__(self) -> str:
        said = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "tokenizer"}
        plain = {field.name: field.default for field in fields(self)}
        if self.tokenizer != TOKENIZER_OF[self.model_type]:
            said["tokenizer"] = self.tokenizer
        different = [f"{name}={value!r}" for name, value in said.items() if value != plain[name]]
        return f"Spec({', '.join(different)})"

    @property
    def adopted(self) -> bool:
        """Whether it comes as a finished classifier of the task."""
        return self.use == ADOPTED

    @property
    def healthy(self) -> bool:
        """Whether the product has to take it."""
        fine = FINE | (FINE_ADOPTED if self.adopted else FINE_TAUGHT)
        if self.task == "number":
            fine = fine | {"classes": {"named"}}
        own = self.model_type in MODELS_OF[self.tokenizer]
        if self.tokenizer in ("WordLevel", "bpe.codes") and self.declared in ("no file", "no class"):
            own = False  # its class is not the model type's
        if self.tokenizer in SLOW and self.declared in ("TokenizersBackend", "PreTrainedTokenizerFast"):
            own = False  # these read a tokenizer.json
        # ELECTRA's students keep the factorised tables, and need another hidden size
        factorised = self.embedding_size == "same" or (self.model_type, self.student) == ("electra", "same")
        plain = not (self.tokenizer == "bpe.codes" and self.added != "none")
        return (
            own
            and not self.broken
            and factorised
            and plain
            and all(getattr(self, axis) in allowed for axis, allowed in fine.items())
        )

    @property
    def broken(self) -> bool:
        """Whether the product has to refuse it."""
        wrong = {axis for axis, values in BROKEN.items() if getattr(self, axis) in values}
        if self.model_type in ("mpnet", "modernbert") and self.student == "factorised":
            wrong.add("student")  # no ELECTRA has relative or rotary positions
        if self.adopted:
            wrong |= {axis for axis, values in BROKEN_ADOPTED.items() if getattr(self, axis) in values}
            if self.task == "number":
                wrong -= {"classes"}
        return bool(wrong)


def alone() -> list[Spec]:
    """Return plain teachers of every model and use, and every other value of every axis on two of them.

    One of the two is taught here and one adopted, and one has RoBERTa's positions.
    """
    uses = AXES["use"]
    found = [
        Spec(model_type=model, use=use, texts=texts)
        for model in TOKENIZER_OF
        for use in uses
        for texts in (1, 2)
    ]
    for axis, values in AXES.items():
        for value in values[1:]:
            for turn, models in enumerate((("bert", "electra", "distilbert"), PADDED_BY_1)):
                count = len(found)
                if axis == "tokenizer":
                    models = MODELS_OF[value]
                spec = {
                    "model_type": models[count // 2 % len(models)],
                    "use": uses[(count // 6 + turn) % 2],
                    "texts": 2 if axis in OF_PAIRS else 1 + count // 4 % 2,
                }
                if axis == "embedding_size":
                    spec |= {"model_type": "electra", "student": "same"}
                if Spec(**spec | {axis: value}) not in found:
                    found.append(Spec(**spec | {axis: value}))
    return found


@st.composite
def teachers(draw: st.DrawFn) -> Spec:
    """Draw a teacher that differs from a plain one on a few axes: most of many changes are refused."""
    basics = {axis: draw(st.sampled_from(AXES[axis])) for axis in ("model_type", "use", "texts", "student")}
    others = [axis for axis in AXES if axis not in basics]
    chosen = draw(st.lists(st.sampled_from(others), max_size=3, unique=True))
    return Spec(**basics, **{axis: draw(st.sampled_from(AXES[axis])) for axis in chosen})
