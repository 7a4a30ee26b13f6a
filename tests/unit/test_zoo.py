"""Teachers of every kind, a sample: taken, and what was saved is what was scored, or refused in one sentence.

The whole zoo is in tests/faults; `Spec` and what has to hold are in tests/zoo.
"""

import pytest
from zoo.run import judge
from zoo.spec import ADOPTED, AXES, BROKEN, FINE, Spec

TAKEN = [
    Spec(use=ADOPTED, texts=2, declared="PreTrainedTokenizerFast", classes="permuted", special_map="decoder"),
    Spec(use=ADOPTED, tokenizer="vocab.txt", added="normal", classes="other case", lower_case=False),
    Spec("roberta", use=ADOPTED, config_pad=5, texts=2, truncation_side="left", classes="unnamed"),
    Spec("roberta", tokenizer="vocab.json", added="special", padding_side="left", dtype="bfloat16"),
    Spec("roberta", use=ADOPTED, tokenizer="bpe.codes", vocabulary="exact", student="same"),
    Spec("electra", embedding_size=12, student="same", weights="more tensors", pair_types="0"),
    Spec("xlm-roberta", use=ADOPTED, task="number", student="factorised", dtype="float16"),
    Spec("camembert", baked="fixed padding", model_max_length=16, weights="language model"),
    Spec(tokenizer="WordLevel", input_names="types", texts=2, lengths=(37, 24), weights="encoder"),
    Spec("electra", use=ADOPTED, markers=False, config="is_decoder", special_map="same"),
    Spec("roberta", tokenizer_pad=3, config="torch_dtype", weights="gamma and beta", declared="no class"),
    Spec("distilbert", texts=2, padding_side="left", model_max_length=16, student="factorised"),
    Spec("distilbert", use=ADOPTED, texts=2, declared="no class", classes="permuted", config_pad=None),
    Spec("mpnet", texts=2, tokenizer="vocab.txt", baked="fixed padding", lengths=(38, 38)),
    Spec("modernbert", texts=2, padding_side="left", weights="language model", lengths=(40, 40)),
    Spec("modernbert", use=ADOPTED, tokenizer_pad=3, student="same", dtype="bfloat16", classes="permuted"),
    Spec("mpnet", use=ADOPTED, tokenizer_pad=3, config_pad=0, student="same", dtype="bfloat16"),
]
REFUSED = [
    Spec(added="beyond"),
    Spec("roberta", damage="tokenizer.json cut"),
    Spec("camembert", use=ADOPTED, tokenizer_pad="none"),
    Spec("roberta", config_pad=None),
    Spec(texts=2, token_types=1),
    Spec("xlm-roberta", config="five heads"),
    Spec("roberta", use=ADOPTED, weights="sharded"),
    Spec("electra", use=ADOPTED, weights="not a number"),
    Spec("camembert", weights="other shape"),
    Spec(use=ADOPTED, classes="unnamed permuted"),
    Spec("roberta", use=ADOPTED, classes="two"),
    Spec("roberta", tokenizer_pad=3, lengths=(37, 24)),
    Spec("distilbert", config="five heads"),
    Spec("distilbert", weights="a layer less"),
    Spec("mpnet", lengths=(40, 40)),
    Spec("mpnet", student="factorised"),
    Spec("modernbert", student="factorised"),
    Spec("modernbert", weights="other shape"),
]


@pytest.mark.parametrize("spec", TAKEN, ids=repr)
def test_teacher_that_is_taken_is_what_it_was(spec):
    assert judge(spec)


@pytest.mark.parametrize("spec", REFUSED, ids=repr)
def test_teacher_that_is_refused_is_refused_in_a_sentence(spec):
    assert not judge(spec)


def test_sample_leaves_no_axis_out():
    varied = {axis for spec in TAKEN + REFUSED for axis in AXES if getattr(spec, axis) != AXES[axis][0]}
    assert varied == set(AXES)


def test_axes_name_their_own_values():
    for verdict in (FINE, BROKEN):
        for axis, values in verdict.items():
            assert values <= set(AXES[axis])
