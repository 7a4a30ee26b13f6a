"""A last layer that computes the first token alone gives what the whole one gives, and costs less."""

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from test_families import SMALL, teacher_of
from tiny import FAMILY, token_ids, write_student, write_teacher

from kdnas.losses.base import HIDDEN_STATES, RELATIONS
from kdnas.models.families import family_of
from kdnas.models.last_layer import behind_attention, first_query_only, reading_first_token
from kdnas.models.loading import base_model, load_classifier
from kdnas.runtimes.export import export_classifier
from kdnas.training.forward import Forward

TOKENS = 9


def batch_of(model):
    """Three rows, of which one is padded."""
    mask = torch.ones(3, TOKENS, dtype=torch.long)
    mask[1, 6:] = 0
    ids = token_ids(3, TOKENS).masked_fill(mask == 0, model.config.pad_token_id)
    return {"input_ids": ids, "attention_mask": mask}


def gradients(model, logits):
    model.zero_grad()
    logits.square().sum().backward()
    return {name: weight.grad.clone() for name, weight in model.named_parameters() if weight.grad is not None}


def tokens_computed(model, run):
    """Return how many tokens every layer's FFN reads while ``run`` runs."""
    seen = []
    layers = family_of(model.config.model_type).parts_of(base_model(model))
    hooks = [
        layer.ffn_output.register_forward_pre_hook(lambda _module, inputs: seen.append(inputs[0].shape[1]))
        for layer in layers
    ]
    run()
    for hook in hooks:
        hook.remove()
    return seen


@pytest.mark.parametrize("model_type", FAMILY)
def test_logits_and_gradients_are_those_of_the_whole_layer(model_type, tmp_path):
    model = teacher_of(tmp_path, model_type)
    batch = batch_of(model)
    whole = model(**batch).logits
    of_whole = gradients(model, whole)
    with reading_first_token(behind_attention(model)):
        logits = model(**batch).logits
    torch.testing.assert_close(logits, whole, atol=1e-6, rtol=1e-5)
    of_cut = gradients(model, logits)
    assert of_cut.keys() == of_whole.keys()
    for name, gradient in of_whole.items():
        torch.testing.assert_close(of_cut[name], gradient, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("model_type", FAMILY)
def test_training_computes_one_token_behind_the_last_attention(model_type, tmp_path):
    model = teacher_of(tmp_path, model_type)
    batch = batch_of(model)
    expected = [TOKENS] * (model.config.num_hidden_layers - 1) + [1]
    assert tokens_computed(model, lambda: Forward(model)(batch)) == expected
    assert tokens_computed(model, lambda: model(**batch))[-1] == TOKENS  # nothing is left behind
    assert tokens_computed(model, lambda: Forward(model, frozenset([RELATIONS]))(batch)) == expected


def test_hidden_states_are_of_all_tokens(tmp_path):
    model = teacher_of(tmp_path, "bert")
    found = Forward(model, frozenset([HIDDEN_STATES]))(batch_of(model))
    assert {state.shape[1] for state in found.hidden_states} == {TOKENS}


def test_a_head_that_reads_the_mean_of_all_tokens_gets_all(tmp_path):
    model = teacher_of(tmp_path, "modernbert")
    model.config.classifier_pooling = "mean"
    batch = batch_of(model)
    whole = model(**batch).logits
    with reading_first_token(behind_attention(model)):
        torch.testing.assert_close(model(**batch).logits, whole, atol=0, rtol=0)
    assert set(tokens_computed(model, lambda: Forward(model)(batch))) == {TOKENS}


def test_an_error_leaves_the_model_as_it_was(tmp_path):
    model = teacher_of(tmp_path, "bert")
    with pytest.raises(ZeroDivisionError), reading_first_token(behind_attention(model)):
        raise ZeroDivisionError
    assert set(tokens_computed(model, lambda: model(**batch_of(model)))) == {TOKENS}


@pytest.mark.parametrize("model_type", FAMILY)
def test_attention_of_the_first_token_is_a_row_of_the_whole(model_type, tmp_path):
    model = teacher_of(tmp_path, model_type)
    model.set_attn_implementation("eager")  # as it is exported
    batch = batch_of(model)
    whole = model(**batch).logits
    with reading_first_token(behind_attention(model)), first_query_only(model):
        torch.testing.assert_close(model(**batch).logits, whole, atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(model(**batch).logits, whole, atol=0, rtol=0)


@pytest.mark.parametrize("model_type", FAMILY)
def test_the_exported_graph_computes_no_more_in_its_last_layer(model_type, tmp_path):
    """The products with the layers' matrices are made outputs of the graph, to count their tokens."""
    base = write_teacher(tmp_path / "base", model_type)
    folder = write_student(tmp_path / "model", base, SMALL, "mnli", 12)
    export_classifier(folder, tmp_path / "model.onnx")
    graph = onnx.load(tmp_path / "model.onnx")
    matrices = {item.name for item in graph.graph.initializer if len(item.dims) == 2}
    products = [
        node.output[0]
        for node in graph.graph.node
        if node.op_type == "MatMul" and node.input[1] in matrices and "layer" in node.name
    ]
    graph.graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in products)
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    model = load_classifier(folder)
    batch = batch_of(model)
    given = {value.name: np.zeros((3, TOKENS), np.int64) for value in session.get_inputs()}
    given |= {name: value.numpy() for name, value in batch.items()}
    logits, *found = session.run(None, given)
    tokens = [product.shape[1] for product in found]
    of_a_layer = len(tokens) // SMALL.layers
    assert of_a_layer == (4 if family_of(model_type).gated else 6)
    assert set(tokens[:-of_a_layer]) == {TOKENS}
    # one matrix of a ModernBERT gives queries, keys and values; of others the keys' and values' are left
    whole = 1 if family_of(model_type).gated else 2
    assert sorted(tokens[-of_a_layer:]) == [1] * (of_a_layer - whole) + [TOKENS] * whole
    with torch.no_grad():
        np.testing.assert_allclose(logits, model(**batch).logits.numpy(), atol=1e-5, rtol=1e-4)
