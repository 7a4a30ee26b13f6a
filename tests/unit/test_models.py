"""Fetching, narrowing, the compact vocabulary and saved folders, for every model of the family."""

import shutil

import numpy as np
import pytest
import torch
from tiny import FAMILY, FOLDS_GAINS, signals_of, token_ids, write_teacher

from kdnas.data.tasks import get_task
from kdnas.errors import UserError
from kdnas.files.artifacts import read_json
from kdnas.models.families import family_of, shape_of
from kdnas.models.loading import (
    base_model,
    load_classifier,
    load_config,
    new_classifier,
    pretrained_classifier,
    save_classifier,
    student_config,
)
from kdnas.models.narrowing import choose_kept, narrow_classifier
from kdnas.models.residual import normalised_moments, residual_basis
from kdnas.models.signals import LayerSignals, Moments, measure_signals
from kdnas.models.student import build_student
from kdnas.models.vocabulary import Vocabulary
from kdnas.search.space import Architecture
from kdnas.teachers.fetch import TeacherSource, fetch_teacher

TASK = get_task("mnli")
SHAPE = Architecture(4, 24, 6, 48, "gelu")


def logits(model, seed=0, high=64):
    ids = token_ids(seed=seed, high=high)
    with torch.no_grad():
        return model.eval()(input_ids=ids, attention_mask=torch.ones_like(ids)).logits


def narrow(teacher, student, signals=None):
    family = family_of(teacher.config.model_type)
    given = {"family": family, "signals": signals or signals_of(teacher), "student": student}
    tensors = teacher.state_dict()
    tensors = narrow_classifier(tensors, choose_kept(tensors, shape=SHAPE, **given), **given)
    return {name.removeprefix(f"{family.prefix}."): value for name, value in tensors.items()}


@pytest.mark.parametrize("model_type", FAMILY)
def test_narrowing_nothing_gives_the_teacher(model_type, tmp_path):
    teacher = pretrained_classifier(write_teacher(tmp_path / "base", model_type), TASK, dropout=0.0, seed=1)
    student = build_student(SHAPE, teacher, TASK, signals=signals_of(teacher), dropout=0.0, seed=1)
    apart = (logits(student) - logits(teacher)).abs().max()
    assert apart < 5e-6 if model_type in FOLDS_GAINS else apart == 0


@pytest.mark.parametrize(
    ("model_type", "heads"),
    [(name, heads) for name in FAMILY for heads in (2, 3, 6) if name != "modernbert" or heads == 3],
)
def test_any_smaller_shape_can_be_narrowed_to_and_runs(model_type, heads, tmp_path):
    teacher = pretrained_classifier(write_teacher(tmp_path / "base", model_type), TASK, dropout=0.0, seed=1)
    small = Architecture(3, 12, heads, 20, "relu")
    student = build_student(small, teacher, TASK, signals=signals_of(teacher), dropout=0.0, seed=1)
    assert shape_of(student.config) == small
    assert torch.isfinite(logits(student)).all()


@pytest.mark.parametrize("model_type", [name for name in FAMILY if name != "modernbert"])
def test_a_teacher_that_needs_fewer_dimensions_is_narrowed_without_loss(model_type, tmp_path):
    """A model of 12 dimensions is laid into 24 by hand, along a basis that holds (1, ..., 1)."""
    own = {"embedding_size": 10} if model_type == "electra" else {}
    folder = write_teacher(tmp_path / "small", model_type, hidden_size=12, intermediate_size=20, **own)
    small = pretrained_classifier(folder, TASK, dropout=0.0, seed=1)
    large = pretrained_classifier(
        write_teacher(tmp_path / "large", model_type, **own), TASK, dropout=0.0, seed=2
    )
    with torch.no_grad():
        for name, gain in small.named_parameters():
            if name.lower().replace("_", "").endswith("layernorm.weight"):
                gain.fill_(0.9)  # other gains are not diagonal in another basis
    large.load_state_dict(widen(small.state_dict(), large.state_dict()))
    expected = logits(small)
    differences = expected.std(0).max()
    assert (logits(large) - expected).abs().max() < 0.01 * differences
    student = build_student(
        Architecture(4, 12, 6, 20, "gelu"), large, TASK, signals=signals_of(large), dropout=0.0, seed=1
    )
    assert (logits(student) - expected).abs().max() < 0.02 * differences


def widen(small, large):
    """Return the tensors of a model of twice the hidden size that computes what ``small`` does."""
    generator = torch.Generator().manual_seed(3)
    ones = torch.ones(24, 1) / 24**0.5
    others = torch.randn(24, 11, generator=generator)
    basis = torch.linalg.qr(torch.cat([ones, others], 1)).Q
    basis[:, 0] = ones[:, 0]
    first = torch.linalg.qr(torch.cat([torch.ones(12, 1), torch.eye(12)[:, 1:]], 1)).Q
    first[:, 0] = 1 / 12**0.5
    basis = basis @ first.T  # (1, ..., 1) of the small one goes to that of the large one
    spread = torch.cat([torch.arange(2) + 4 * head for head in range(6)])  # rows of each head that are in use
    tensors = {}
    for name, value in small.items():
        wide = torch.zeros_like(large[name])
        module, _, part = name.rpartition(".")
        if module.lower().replace("_", "").endswith("layernorm"):
            if wide.shape == value.shape:
                wide = value
            else:
                wide = basis @ value if part == "bias" else torch.full((24,), float(value[0]) / 2**0.5)
        elif module.endswith("_embeddings"):
            wide = value @ basis.T if value.shape != wide.shape else value
        elif module.endswith("embeddings_project"):
            wide = basis @ value
        elif module.endswith(("query", "key", "value", "_lin", ".q", ".k", ".v")) and "out_lin" not in module:
            scale = 2**0.5 if module.endswith(("query", "q_lin", ".q")) else 1.0
            wide[spread] = scale * (value @ basis.T if part == "weight" else value)
        elif module.endswith(("attention.output.dense", "out_lin", ".o")):
            wide = basis @ value if part == "bias" else wide.index_copy(1, spread, basis @ value)
        elif module.endswith(("intermediate.dense", "lin1")):
            wide[7:27] = value @ basis.T if part == "weight" else value
        elif module.endswith(("output.dense", "lin2")):
            wide = basis @ value if part == "bias" else wide.index_copy(1, torch.arange(7, 27), basis @ value)
        elif module.endswith(("pooler.dense", "classifier.dense", "pre_classifier")):
            wide[:12] = value @ basis.T if part == "weight" else value
        elif part == "weight" and value.shape != wide.shape:
            wide[:, :12] = value
        else:
            wide = value
        tensors[name] = wide
    return tensors


@pytest.mark.parametrize(
    ("model_type", "layers", "of", "expected"),
    [
        ("bert", 3, 6, [1, 3, 5]),
        ("bert", 4, 6, [1, 2, 4, 5]),
        ("bert", 2, 12, [5, 11]),
        ("modernbert", 1, 6, [0]),
        ("modernbert", 2, 6, [0, 5]),
        ("modernbert", 4, 6, [0, 2, 3, 5]),
        ("modernbert", 6, 6, [0, 1, 2, 3, 4, 5]),
        ("modernbert", 8, 22, [0, 3, 6, 9, 12, 15, 18, 21]),
    ],
)
def test_layers_are_every_kth_and_the_last_and_a_modernberts_first(model_type, layers, of, expected):
    assert [family_of(model_type).teacher_layer(i, layers, of) for i in range(layers)] == expected


@pytest.mark.parametrize("model_type", FAMILY)
def test_signals_are_moments_over_real_tokens(model_type, tmp_path):
    teacher = pretrained_classifier(write_teacher(tmp_path / "base", model_type), TASK, dropout=0.0, seed=1)
    rows = [token_ids(1, length, seed=length, high=60)[0] + 1 for length in (9, 5, 7)]
    padded = torch.nn.utils.rnn.pad_sequence(
        rows, batch_first=True, padding_value=teacher.config.pad_token_id
    )
    mask = torch.tensor([[1] * len(row) + [0] * (9 - len(row)) for row in rows])
    signals = measure_signals(
        teacher,
        [
            {"input_ids": padded[:2], "attention_mask": mask[:2]},
            {"input_ids": padded[2:], "attention_mask": mask[2:]},
        ],
    )
    with torch.no_grad():
        alone = [
            teacher(input_ids=row[None], attention_mask=torch.ones(1, len(row)), output_hidden_states=True)
            for row in rows
        ]
    before, after = (torch.cat([output.hidden_states[i][0] for output in alone]) for i in (2, 3))
    if model_type == "modernbert":
        before, after = (torch.nn.functional.layer_norm(states, (24,)) for states in (before, after))
    before, after = before.double(), after.double()
    assert torch.allclose(signals[2].entering.mean, before.mean(0), atol=1e-5)
    assert torch.allclose(signals[2].entering.second, before.T @ before / 21, atol=1e-5)
    assert torch.allclose(signals[2].leaving.second, after.T @ after / 21, atol=1e-5)
    assert torch.allclose(signals[3].entering.second, signals[2].leaving.second, atol=1e-6)
    assert len(signals) == 4 and signals[3].neurons.second.shape == (48, 48)


def test_basis_is_orthonormal_and_keeps_the_direction_of_the_mean(tmp_path):
    signals = signals_of(pretrained_classifier(write_teacher(tmp_path / "base"), TASK, dropout=0.0, seed=1))
    basis = residual_basis(signals, 9)
    assert torch.allclose(basis.T @ basis, torch.eye(9, dtype=torch.float64), atol=1e-9)
    ones = torch.ones(24, dtype=torch.float64) / 24**0.5
    assert torch.allclose(basis.T @ ones, torch.full((9,), 1 / 3, dtype=torch.float64), atol=1e-9)


def test_a_gain_that_is_lost_beside_its_bias_counts_as_none():
    """(y - b) / g in float32: rounding of y at 1e-7 of b is more than g itself carries."""
    normalised = torch.randn(4000, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    gain, bias = torch.tensor([2.0, 2e-6, 0.5]), torch.tensor([0.1, 0.5, -0.2])
    leaving = (normalised * gain.double() + bias).float()
    mean, outer = normalised_moments(
        gain, bias, Moments(leaving.mean(0).double(), leaving.T.double() @ leaving.double() / 4000)
    )
    sound = [0, 2]
    assert torch.allclose(mean[sound], normalised.mean(0)[sound], atol=1e-5)
    assert torch.allclose(
        outer[sound][:, sound], (normalised.T @ normalised / 4000)[sound][:, sound], atol=1e-4
    )
    assert not outer[1].any() and not outer[:, 1].any() and mean[1] == 0


def test_every_signal_counts_alike_whatever_its_scale():
    across = ((1.0, -1.0, 0.0), (1.0, 1.0, -2.0))  # (1, 1, 1) is in every basis
    one, other = (torch.tensor(values).double() for values in across)

    def along(direction, scale):
        return Moments(torch.zeros(3), scale * torch.outer(direction, direction).float())

    loud, quiet = along(one, 1000.0), along(other, 1.0)
    basis = residual_basis([LayerSignals(loud, quiet, quiet, loud, loud)], 2)
    assert (basis.T @ other).norm() == pytest.approx(float(other.norm()))
    assert (basis.T @ one).norm() < 1e-6


def test_what_layers_carry_that_are_not_copied_has_no_say(tmp_path):
    teacher = pretrained_classifier(write_teacher(tmp_path / "base"), TASK, dropout=0.0, seed=1)
    signals, small = signals_of(teacher), Architecture(2, 12, 3, 20, "gelu")  # from layers 1 and 3
    expected = narrow(teacher, small, signals)
    signals[2] = None
    found = narrow(teacher, small, signals)
    assert all(torch.equal(found[name], value) for name, value in expected.items())


def test_silent_neurons_and_those_that_nothing_reads_go_first(tmp_path):
    teacher = pretrained_classifier(write_teacher(tmp_path / "base"), TASK, dropout=0.0, seed=1)
    tensors = teacher.state_dict()
    silent, unread = [3, 17], [40]
    for layer in range(4):
        prefix = f"bert.encoder.layer.{layer}."
        tensors[prefix + "intermediate.dense.weight"][silent] = 0.0
        tensors[prefix + "intermediate.dense.bias"][silent] = -30.0  # gelu makes nothing of it
        tensors[prefix + "output.dense.weight"][:, unread] = 0.0
    teacher.load_state_dict(tensors)
    narrowed = narrow(teacher, Architecture(4, 24, 6, 45, "gelu"))
    kept = [neuron for neuron in range(48) if neuron not in silent + unread]
    name = "encoder.layer.2.intermediate.dense.bias"
    assert torch.equal(narrowed[name], tensors[f"bert.{name}"][kept])


def test_refitted_projection_predicts_the_teachers_output_best(tmp_path):
    teacher = pretrained_classifier(write_teacher(tmp_path / "base"), TASK, dropout=0.0, seed=1)
    module = teacher.bert.encoder.layer[1].output.dense
    seen = []
    hook = module.register_forward_hook(lambda _module, inputs, output: seen.append((inputs[0], output)))
    signals = signals_of(teacher)
    hook.remove()
    reads, writes = (value.flatten(0, 1).double().numpy() for value in seen[0])
    narrowed = narrow(teacher, Architecture(4, 24, 6, 30, "gelu"), signals)
    biases = teacher.bert.encoder.layer[1].intermediate.dense.bias
    kept = [int((biases == bias).nonzero()) for bias in narrowed["encoder.layer.1.intermediate.dense.bias"]]
    inputs = np.hstack([reads[:, kept], np.ones((len(reads), 1))])

    def error(weight, bias):
        return np.square(inputs @ np.vstack([weight.T, bias]) - writes).mean()

    best = np.linalg.lstsq(inputs, writes, rcond=None)[0].T
    fitted = [narrowed[f"encoder.layer.1.output.dense.{part}"].numpy() for part in ("weight", "bias")]
    plain = module.weight.detach().numpy()[:, kept], module.bias.detach().numpy()
    least = error(best[:, :-1], best[:, -1])
    assert least <= error(*fitted) < 1.05 * least < error(*plain)


def test_wider_or_deeper_than_the_teacher_is_refused(teacher_base):
    teacher = pretrained_classifier(teacher_base, TASK, dropout=0.0, seed=1)
    with pytest.raises(ValueError, match="does not fit"):
        build_student(
            Architecture(4, 24, 6, 96, "gelu"),
            teacher,
            TASK,
            signals=signals_of(teacher),
            dropout=0.0,
            seed=1,
        )


@pytest.mark.parametrize("model_type", FAMILY)
def test_compact_vocabulary_changes_no_output_and_is_undone(model_type, tmp_path):
    model = pretrained_classifier(write_teacher(tmp_path / "base", model_type), TASK, dropout=0.0, seed=1)
    padding = model.config.pad_token_id
    ids = np.array([[2, 30, 31, 90, 3], [2, 17, 3, padding, padding]])
    before = {name: value.clone() for name, value in model.state_dict().items()}

    def run(token_ids):
        mask = torch.from_numpy((ids != padding).astype(np.int64))
        with torch.no_grad():
            return model.eval()(input_ids=torch.from_numpy(token_ids), attention_mask=mask).logits

    expected = run(ids)
    vocabulary = Vocabulary(list(ids), family_of(model_type).last_fixed_id(model.config), 200)
    whole = vocabulary.shrink(model)
    assert len(base_model(model).get_input_embeddings().weight) < 12
    assert torch.equal(run(vocabulary.lookup[ids]), expected)
    with torch.no_grad():
        base_model(model).get_input_embeddings().weight[vocabulary.lookup[90]] = 5.0
    vocabulary.restore(model, whole)
    after = model.state_dict()
    name = f"{model.base_model_prefix}.{family_of(model_type).word_embeddings}.weight"
    assert (after[name][90] == 5.0).all()
    before[name][90] = 5.0
    assert all(torch.equal(after[key], value) for key, value in before.items())


def test_saved_student_opens_with_transformers_and_has_no_absolute_path(teacher_base, tmp_path):
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    teacher = pretrained_classifier(teacher_base, TASK, dropout=0.0, seed=1)
    student = build_student(
        Architecture(2, 12, 3, 24, "relu"), teacher, TASK, signals=signals_of(teacher), dropout=0.1, seed=1
    )
    folder = tmp_path / "student"
    folder.mkdir()
    save_classifier(student, tokenizer_folder=teacher_base, folder=folder, details={"task": "mnli"})
    (folder / "ordinary").touch()
    assert len({path.stat().st_mode for path in folder.iterdir()}) == 1  # who may read one may read all
    opened = AutoModelForSequenceClassification.from_pretrained(folder)
    assert opened.config.id2label == {0: "entailment", 1: "neutral", 2: "contradiction"}
    assert torch.equal(logits(opened), logits(student))
    assert AutoTokenizer.from_pretrained(folder)("w1 w2")["input_ids"]
    assert str(teacher_base.parent) not in (folder / "config.json").read_text()
    assert torch.equal(logits(load_classifier(folder)), logits(student))


def test_outputs_of_a_checkpoint_are_never_used(teacher_base, tmp_path):
    # a checkpoint with three labels in another order must not bring its head along
    wrong = pretrained_classifier(teacher_base, TASK, dropout=0.0, seed=9)
    wrong.config.id2label = {0: "contradiction", 1: "neutral", 2: "entailment"}
    save_classifier(wrong, tokenizer_folder=teacher_base, folder=tmp_path, details={})
    fresh = pretrained_classifier(tmp_path, TASK, dropout=0.0, seed=1)
    assert fresh.config.id2label[0] == "entailment"
    assert not torch.equal(fresh.classifier.weight, wrong.classifier.weight)


@pytest.mark.parametrize("model_type", FAMILY)
def test_all_but_the_output_layer_goes_on_to_another_task(model_type, tmp_path):
    """Whether it is counted to the encoder, as by BERT, or to the head, as by its relatives."""
    base = write_teacher(tmp_path / "base", model_type)
    trained = pretrained_classifier(base, TASK, dropout=0.0, seed=9)
    save_classifier(trained, tokenizer_folder=base, folder=tmp_path, details={})
    other = pretrained_classifier(tmp_path, get_task("rte"), dropout=0.0, seed=1).state_dict()
    output = f"{family_of(model_type).head[1]}."
    kept = [name for name in other if not name.startswith(output)]
    assert len(kept) == len(other) - 2
    assert all(torch.equal(other[name], trained.state_dict()[name]) for name in kept)


def test_random_student_depends_on_seed_and_shape_only(teacher_base):
    config = student_config(load_config(teacher_base), Architecture(1, 12, 3, 24, "gelu"))
    torch.manual_seed(1)
    one = new_classifier(config, 4)
    torch.manual_seed(2)
    other = new_classifier(config, 4)
    assert torch.equal(logits(one), logits(other))
    assert not torch.equal(logits(one), logits(new_classifier(config, 5)))


def accept(config, facts):
    pass


def local(folder, **changes):
    return {"source": "local", "name": str(folder), "revision": None, "sha256": None} | changes


def test_a_sentencepiece_model_alone_is_refused(teacher_base, tmp_path):
    folder = tmp_path / "teacher"
    shutil.copytree(teacher_base, folder)
    (folder / "tokenizer.json").rename(folder / "sentencepiece.bpe.model")
    teacher = {"source": "local", "name": str(folder), "revision": None, "sha256": None}
    with pytest.raises(UserError, match="allowed: one of tokenizer.json, vocab.txt, vocab.json in"):
        fetch_teacher(TeacherSource.from_config(teacher), tmp_path / "base", lambda config, facts: None)
    assert not (tmp_path / "base").exists()


def test_fetch_copies_weights_configuration_and_tokenizer(teacher_base, tmp_path):
    fetch_teacher(TeacherSource.from_config(local(teacher_base)), tmp_path / "base", accept)
    meta = read_json(tmp_path / "base" / "meta.json")
    assert meta["name"] == "base"
    assert len(meta["sha256"]) == 64
    assert load_config(tmp_path / "base").hidden_size == 24


@pytest.mark.parametrize(
    ("card", "licence"),
    [
        (None, None),
        ("A model.", None),
        ("---\nlanguage: en\nlicense: cc-by-sa-4.0\n---\nA model.", "cc-by-sa-4.0"),
        ("---\nlicense: [mit, other]\n---\n", None),
        ("---\nlicense: : :\n---\n", None),
        ("---\n- mit\n---\n", None),
    ],
)
def test_licence_is_the_one_that_the_models_card_states(card, licence, teacher_base, tmp_path):
    folder = tmp_path / "teacher"
    shutil.copytree(teacher_base, folder)
    if card is not None:
        (folder / "README.md").write_text(card)
    fetch_teacher(TeacherSource.from_config(local(folder)), tmp_path / "base", accept)
    assert read_json(tmp_path / "base" / "meta.json")["licence"] == licence


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda folder: local(folder / "nowhere"), "there is no such folder"),
        (lambda folder: local(folder, sha256="f" * 64), "SHA-256"),
        (lambda folder: local(folder, source="package", name="no_such_package_here"), "no such package"),
        (lambda folder: local(folder, source="package", name="json"), "no model.safetensors"),
    ],
)
def test_teacher_that_is_not_there_is_one_sentence(change, sentence, teacher_base, tmp_path):
    with pytest.raises(UserError, match=sentence):
        fetch_teacher(TeacherSource.from_config(change(teacher_base)), tmp_path / "base", accept)
    assert not (tmp_path / "base").exists()


def test_damaged_and_pickled_weights_and_strangers_are_refused(teacher_base, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(teacher_base, folder)
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(UserError, match="damaged"):
        fetch_teacher(TeacherSource.from_config(local(folder)), tmp_path / "base", accept)
    weights.rename(folder / "pytorch_model.bin")
    with pytest.raises(UserError, match=r"no model\.safetensors"):
        fetch_teacher(TeacherSource.from_config(local(folder)), tmp_path / "base", accept)
    (folder / "config.json").write_text('{"model_type": "gpt2"}')
    with pytest.raises(UserError, match='"gpt2"; allowed: one of the BERT family'):
        fetch_teacher(TeacherSource.from_config(local(folder)), tmp_path / "base", accept)
