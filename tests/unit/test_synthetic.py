"""The generated tasks: GLUE's shape, no leak, fixed shares, determinism, and labels an oracle confirms."""

import hashlib
import random
import re
from collections import Counter

import numpy as np
import pandas as pd
import pytest

from kdnas.errors import UserError
from synthetic_glue import TASKS, acceptability, generator, nli, rte, sentiment, similarity, tasks
from synthetic_glue.generator import generate
from synthetic_glue.grammar import article, ing, participle, past, plural, third
from synthetic_glue.lexicon import AWAY, GENERAL, HOME, KINDS

# From the data set card of nyu-mll/glue.
COLUMNS = {
    "mnli": ["premise", "hypothesis", "label", "idx"],
    "rte": ["sentence1", "sentence2", "label", "idx"],
    "mrpc": ["sentence1", "sentence2", "label", "idx"],
    "qqp": ["question1", "question2", "label", "idx"],
    "qnli": ["question", "sentence", "label", "idx"],
    "sst2": ["sentence", "label", "idx"],
    "cola": ["sentence", "label", "idx"],
    "stsb": ["sentence1", "sentence2", "label", "idx"],
}
SHARES = {
    "mnli": {0: 1 / 3, 1: 1 / 3, 2: 1 / 3},
    "rte": {0: 0.5, 1: 0.5},
    "mrpc": {0: 0.32, 1: 0.68},
    "qqp": {0: 0.5, 1: 0.5},
    "qnli": {0: 0.5, 1: 0.5},
    "sst2": {0: 0.5, 1: 0.5},
    "cola": {0: 0.3, 1: 0.7},
}
ENTAILMENT, NEUTRAL, CONTRADICTION = 0, 1, 2
ROWS, VALIDATION_ROWS = 600, 200


@pytest.fixture(scope="module")
def splits() -> dict[str, dict[str, pd.DataFrame]]:
    return {task: generate(task, 1, ROWS, VALIDATION_ROWS) for task in TASKS}


def texts(frame: pd.DataFrame) -> list[str]:
    return [text for column in frame.columns[:-2] for text in frame[column]]


def tokens(text: str) -> list[str]:
    return re.findall(r"[a-z]+", text.lower())


def draws(phenomenon, label, count=150):
    rng = random.Random(phenomenon.__name__)
    return [phenomenon(rng, rng.choice(HOME + AWAY), label) for _ in range(count)]


@pytest.mark.parametrize("task", TASKS)
def test_shape_is_that_of_glue(splits, task):
    frames = splits[task]
    validation = ["validation_matched", "validation_mismatched"] if task == "mnli" else ["validation"]
    assert list(frames) == ["train", *validation]
    for split, frame in frames.items():
        assert list(frame.columns) == COLUMNS[task]
        rows = ROWS if split == "train" else VALIDATION_ROWS
        assert frame["idx"].tolist() == list(range(rows))
        assert frame["label"].dtype == (np.float64 if task == "stsb" else np.int64)


@pytest.mark.parametrize("task", sorted(SHARES))
def test_labels_have_their_shares(splits, task):
    for frame in splits[task].values():
        counts = Counter(frame["label"])
        assert set(counts) == set(SHARES[task])
        for label, share in SHARES[task].items():
            assert abs(counts[label] - share * len(frame)) < 1


def test_stsb_scores_spread_evenly_from_0_to_5(splits):
    counts = Counter(splits["stsb"]["train"]["label"])
    assert sorted(counts) == [0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5]
    assert max(counts.values()) - min(counts.values()) <= 1


@pytest.mark.parametrize("task", TASKS)
def test_no_text_leaks_and_no_row_repeats(splits, task):
    sets = [set(texts(frame)) for frame in splits[task].values()]
    for index, one in enumerate(sets):
        for two in sets[index + 1 :]:
            assert not one & two
    for frame in splits[task].values():
        assert not frame.duplicated(list(frame.columns[:-2])).any()
        if frame.shape[1] == 4:
            assert (frame.iloc[:, 0] != frame.iloc[:, 1]).all()


@pytest.mark.parametrize("task", TASKS)
def test_sentences_are_short_varied_and_well_formed(splits, task):
    every = [text for frame in splits[task].values() for text in texts(frame)]
    lengths = [len(text.split()) for text in every]
    assert 5 <= np.mean(lengths) <= 13 and max(lengths) <= 24 and min(lengths) >= 2
    for text in every:
        assert re.fullmatch(r"[A-Z][A-Za-z0-9', -]*[a-zA-Z0-9][.?]", text), text
        assert "  " not in text and " ," not in text
    frequent = [
        word for word, count in Counter(w for text in every for w in tokens(text)).items() if count > 1
    ]
    assert len(frequent) > 200


def test_same_arguments_same_bytes_and_another_seed_other_texts():
    one, two, other = (generate("mnli", seed, 50, 20) for seed in (1, 1, 2))
    for split in one:
        pd.testing.assert_frame_equal(one[split], two[split])
    assert one["train"]["premise"].tolist() != other["train"]["premise"].tolist()


def test_every_named_task_has_a_generator():
    assert tuple(generator.TASKS) == TASKS


def test_frames_do_not_depend_on_hash_seed(tmp_path):
    import subprocess
    import sys

    code = (
        "from synthetic_glue.generator import TASKS, generate\n"
        "for task in TASKS: print(task, *(f.to_csv() for f in generate(task, 3, 30, 10).values()))"
    )
    outputs = set()
    for hash_seed in ("1", "2"):
        result = subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": hash_seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            check=True,
        )
        outputs.add(hashlib.sha256(result.stdout).hexdigest())
    assert len(outputs) == 1


def test_validation_does_not_depend_on_the_training_rows():
    small, large = (generate("rte", 1, rows, 30)["validation"] for rows in (20, 200))
    pd.testing.assert_frame_equal(small, large)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("wnli", 1, 10, 10), "wnli"),
        (("sst2", 1, 0, 10), "train_rows"),
        (("sst2", 1, 10, -1), "validation_rows"),
        (("sst2", 1, 10, 2.5), "validation_rows"),
        (("sst2", 1, True, 5), "train_rows"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(UserError, match=message):
        generate(*arguments)


def test_too_many_rows_are_refused(monkeypatch):
    monkeypatch.setattr(sentiment, "PHENOMENA", (sentiment.lacking,))
    monkeypatch.setattr(tasks, "_PATIENCE", 100)
    monkeypatch.setattr(sentiment, "WORKS", ("film",))
    monkeypatch.setattr(sentiment, "ASPECTS", ("plot", "cast", "music"))
    with pytest.raises(
        UserError, match=r"asks for 50000 rows in split train of task sst2, but only about \d+ "
    ):
        generate("sst2", 1, 50000, 10)


def test_mismatched_domains_share_no_person_and_no_thing():
    def nouns(domains):
        return {
            noun
            for domain in domains
            for noun in (*domain.people, *(thing for frame in domain.frames for thing in frame.objects))
        }

    shared = nouns(HOME) & nouns(AWAY)
    assert not shared


def test_lexicon_is_sound():
    things = {thing for domain in HOME + AWAY for frame in domain.frames for thing in frame.objects}
    assert len(things) > 200
    assert set(GENERAL) <= things
    assert sum(map(len, KINDS.values())) == len(GENERAL)
    for domain in HOME + AWAY:
        assert len(set(domain.people)) == len(domain.people) > 5
        for frame in domain.frames:
            assert not set(frame.synonyms) & set(frame.opposites)
            assert frame.verb not in (*frame.synonyms, *frame.opposites)
            assert len(frame.objects) > 2


def test_inflection():
    assert [
        plural(noun) for noun in ("box", "berry", "boy", "police officer", "man", "piece of jewelry")
    ] == [
        "boxes",
        "berries",
        "boys",
        "police officers",
        "men",
        "pieces of jewelry",
    ]
    assert [past(verb) for verb in ("bake", "carry", "chop", "throw away", "write", "play")] == [
        "baked",
        "carried",
        "chopped",
        "threw away",
        "wrote",
        "played",
    ]
    assert [ing(verb) for verb in ("tie", "write", "stop", "open", "switch on", "free")] == [
        "tying",
        "writing",
        "stopping",
        "opening",
        "switching on",
        "freeing",
    ]
    assert [participle("steal"), third("wash"), third("carry")] == ["stolen", "washes", "carries"]
    assert [article("apple"), article("uniform"), article("hour"), article("old car")] == [
        "an apple",
        "a uniform",
        "an hour",
        "an old car",
    ]


def is_negated(text: str) -> bool:
    return " not " in text


def test_negation_pairs_differ_in_negation_only_when_they_contradict():
    for label, differs in ((ENTAILMENT, False), (CONTRADICTION, True)):
        for premise, hypothesis in draws(nli.negation, label):
            assert (is_negated(premise) != is_negated(hypothesis)) == differs
    marked = Counter(is_negated(hypothesis) for _, hypothesis in draws(nli.negation, CONTRADICTION))
    assert min(marked.values()) > 40  # "not" alone does not tell


def counts(text: str) -> set[int]:
    """The numbers up to 20 that a sentence such as "At least two boys ..." allows."""
    number = next(index for index, word in enumerate(nli.NUMBERS, 1) if word in tokens(text))
    tests = {
        "exactly": lambda n: n == number,
        "only": lambda n: n == number,
        "at least": lambda n: n >= number,
        "more than": lambda n: n > number,
        "fewer than": lambda n: n < number,
        "at most": lambda n: n <= number,
    }
    test = next(test for start, test in tests.items() if text.lower().startswith(start))
    return {n for n in range(21) if test(n)}


def rest(text: str) -> str:
    """What follows the verb's subject, up to the object."""
    return " ".join(tokens(text)[3:])


def test_numerals_follow_arithmetic():
    for label in (ENTAILMENT, CONTRADICTION):
        for premise, hypothesis in draws(nli.numerals, label):
            says, asks = counts(premise), counts(hypothesis)
            assert (says <= asks) if label == ENTAILMENT else not says & asks
    for premise, hypothesis in draws(nli.numerals, NEUTRAL):
        says, asks = counts(premise), counts(hypothesis)
        same_event = rest(premise).startswith(rest(hypothesis).split(" the ")[0])
        if same_event and set(tokens(hypothesis)[3:]) <= set(tokens(premise)[3:]):
            assert says & asks and not says <= asks


def worlds(quantifier: str) -> set[int]:
    """How many of five people did it, for each quantifier."""
    return {"all": {5}, "most": {3, 4, 5}, "some": {1, 2, 3, 4, 5}, "none": {0}}[quantifier]


def test_quantifier_table_follows_set_inclusion():
    for (first, second), label in nli.QUANTIFIERS.items():
        says, asks = worlds(first), worlds(second)
        assert label == (ENTAILMENT if says <= asks else NEUTRAL if says & asks else CONTRADICTION)


def test_taxonomy_entails_from_the_kind_to_the_general_word():
    for premise, hypothesis in draws(nli.taxonomy, ENTAILMENT):
        upper, lower = (hypothesis, premise) if not is_negated(premise) else (premise, hypothesis)
        general = [word for word in KINDS if word in upper]
        assert any(kind in lower for word in general for kind in KINDS[word])


def test_roles_keep_or_swap_agent_and_patient():
    def agent_patient(text):
        one, two = re.findall(
            r"[Tt]he ([a-z]+(?: officer)?)", re.sub(r" (?:in|on|at|near|next|outside) .*", "", text)
        )[:2]
        return (two, one) if " by the " in text else (one, two)

    for premise, hypothesis in draws(nli.roles, ENTAILMENT):
        assert agent_patient(premise) == agent_patient(hypothesis)
        assert is_negated(premise) == is_negated(hypothesis)
    for premise, hypothesis in draws(nli.roles, CONTRADICTION):
        assert agent_patient(premise) == agent_patient(hypothesis)
        assert is_negated(premise) != is_negated(hypothesis)


def test_amounts_belong_to_their_company():
    rng = random.Random(1)
    for entailed in (True, False):
        for _ in range(100):
            text, hypothesis = rte.amounts(rng, entailed)
            one, cost, two, other = re.fullmatch(
                r".* (?:bought|sold|acquired) (\w+ \w+) for (\d+ \w+) dollars and (\w+ \w+) for (\d+ \w+)\.",
                text,
            ).groups()
            company = one if one in hypothesis else two
            price = cost if company == one else other
            assert (f" {price} dollars" in hypothesis) == entailed


def test_sentiment_of_denied_words_is_turned_round():
    rng = random.Random(1)
    for label in (sentiment.NEGATIVE, sentiment.POSITIVE):
        for _ in range(100):
            text = tokens(sentiment.negated(rng, label))
            assert any(word in text for word in sentiment.ADJECTIVES[1 - label])


def test_agreement_errors_are_errors():
    many = {plural(person) for domain in HOME + AWAY for person in domain.people}
    rng = random.Random(1)
    for good in (True, False):
        for _ in range(200):
            text = acceptability.agreement(rng, rng.choice(HOME + AWAY), good)[4:-1]
            subject = re.match(r"police officers?|[a-z]+", text).group()
            verb = re.findall(r"\b(?:is|are|was|were|has|have)\b", text)[-1]
            assert ((subject in many) == (verb in ("are", "were", "have"))) == good


def test_similarity_of_the_ends():
    rng = random.Random(1)
    shared = {score: [] for score in (0.0, 5.0)}
    stop = {"the", "a", "an", "some", "was", "by", "being", "in", "on", "at", "near", "of"}
    for score, shares in shared.items():
        for _ in range(100):
            one, two = (set(tokens(text)) - stop for text in similarity.draw(rng, rng.choice(HOME), score))
            shares.append(len(one & two) / min(len(one), len(two)))
    assert np.mean(shared[0.0]) < 0.1 and np.mean(shared[5.0]) > 0.75


@pytest.mark.parametrize(("task", "bound"), [("mnli", 0.56), ("rte", 0.66), ("qqp", 0.68), ("sst2", 0.70)])
def test_words_alone_do_not_solve_the_task(splits, task, bound):
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression

    frames = splits[task]
    join = [frame.iloc[:, :-2].agg(" ; ".join, axis=1) for frame in frames.values()]
    vectors = CountVectorizer(ngram_range=(1, 2), binary=True)
    model = LogisticRegression(tol=0.01).fit(vectors.fit_transform(join[0]), frames["train"]["label"])
    for texts_, frame in zip(join[1:], list(frames.values())[1:], strict=True):
        assert model.score(vectors.transform(texts_), frame["label"]) < bound
