"""CoLA-shaped rows: acceptable sentences, and the same ones with one thing wrong in their grammar.

Each phenomenon is a function (rng, domain, good) -> sentence; both versions use the same words or nearly so.
"""

from __future__ import annotations

import random

from synthetic_glue.grammar import article, ing, participle, past, plural, sentence, third
from synthetic_glue.lexicon import MASS, MEN, PERSON_OPPOSITES, SOCIAL, TIMES, WOMEN, Domain, words

UNACCEPTABLE, ACCEPTABLE = 0, 1

_INTRANSITIVE = words(
    """
    sleep, arrive, laugh, fall, smile, appear, vanish, sneeze, cough, faint, yawn, wait, die, tremble,
    exist, hesitate
    """
)
_BARE = ("carefully", "quickly", "often", "again", "in silence")
_STATES = words(
    """
    tired, hungry, late, ready, quiet, famous, angry, busy, honest, lucky, careful, lonely, thirsty,
    curious, proud
    """
)
_GERUND = words(
    """
    enjoy, avoid, finish, keep, dislike, suggest, miss, practice, consider, deny, quit, admit
    """
)
_INFINITIVE = words(
    """
    want, decide, hope, refuse, plan, promise, agree, expect, manage, offer, learn, wish
    """
)
# An adjective, its preposition, and ones that it cannot have.
_PREPOSITIONS = words(
    """
    afraid of in at on, proud of in at on, tired of at on, interested in of at on, angry with of in on,
    famous for of on, married to of on from, similar to of at on, responsible for of on from,
    jealous of in at on, worried about of at on, surprised by of on from, ready for of on at,
    different from of on at, fond of in at with,     aware of in at on, kind to of in on, keen on of in from
    """
)
_DATIVE = words("give, show, send, sell, offer, lend, hand, pass")
_NO_DATIVE = words("explain, describe, donate, return, reveal, announce, mention")
_CASES = (("I", "me"), ("he", "him"), ("she", "her"), ("we", "us"), ("they", "them"))
_SCALES = words(
    """
    tall, short, young, old, rich, poor, happy, strong, weak, nice, calm, brave
    """
)


def _two(rng: random.Random, domain: Domain) -> list[str]:
    return rng.sample(domain.people, 2)


def _act(rng: random.Random, domain: Domain) -> tuple[str, str]:
    frame = rng.choice(domain.frames)
    return frame.verb, rng.choice(frame.objects)


def _countable_act(rng: random.Random, domain: Domain) -> tuple[str, str]:
    """Draw a verb and a thing whose plural differs from its singular."""
    while True:
        verb, thing = _act(rng, domain)
        if thing not in MASS and plural(thing) != thing:
            return verb, thing


def agreement(rng: random.Random, domain: Domain, good: bool) -> str:
    """Subject and verb, with another noun between them."""
    one, two = _two(rng, domain)
    many, other_many = rng.random() < 0.5, rng.random() < 0.5
    subject = plural(one) if many else one
    other = plural(two) if other_many else two
    between = rng.choice(
        (
            f"near the {other}",
            f"next to the {other}",
            f"who {past(rng.choice(SOCIAL))} the {other}",
            f"behind the {other}",
            "",
        )
    )
    plural_verb = many == good
    end = rng.choice(
        (
            ("are " if plural_verb else "is ") + rng.choice(_STATES),
            ("were " if plural_verb else "was ") + rng.choice(_STATES),
            ("have " if plural_verb else "has ") + participle(rng.choice(_INTRANSITIVE)),
        )
    )
    return sentence("the", subject, between, end)


def reflexives(rng: random.Random, domain: Domain, good: bool) -> str:
    """Himself, herself, themselves."""
    men = rng.random() < 0.5
    subject = rng.choice(MEN if men else WOMEN)
    many = rng.random() < 0.4
    right = "themselves" if many else "himself" if men else "herself"
    wrong = rng.choice([word for word in ("himself", "herself", "themselves") if word != right])
    other = rng.choice(domain.people)
    return sentence(
        "the",
        plural(subject) if many else subject,
        rng.choice(("", f"near the {other}", f"behind the {other}")),
        past(rng.choice(SOCIAL)),
        right if good else wrong,
        rng.choice(("", rng.choice(TIMES))),
    )


def determiners(rng: random.Random, domain: Domain, good: bool) -> str:
    """These boxes, this box."""
    verb, thing = _countable_act(rng, domain)
    many = rng.random() < 0.5
    word = rng.choice(
        ("these", "those", "many", "several", "two", "a few")
        if many
        else ("this", "that", "every", "each", "one", "another")
    )
    noun = plural(thing) if many == good else thing
    return sentence(
        "the", rng.choice(domain.people), past(verb), word, noun, rng.choice(("", rng.choice(TIMES)))
    )


def word_order(rng: random.Random, domain: Domain, good: bool) -> str:
    """Two neighboring words change places."""
    verb, thing = _act(rng, domain)
    adjective = rng.choice(sorted(PERSON_OPPOSITES))
    order = ["the", adjective, rng.choice(domain.people), *past(verb).split(), "the", *thing.split()]
    if not good:
        place = rng.randrange(len(order) - 1)
        order[place], order[place + 1] = order[place + 1], order[place]
    return sentence(*order, rng.choice((rng.choice(TIMES), rng.choice(domain.indoors))))


def transitivity(rng: random.Random, domain: Domain, good: bool) -> str:
    """An object where there can be none, or none where one must be."""
    one, two = _two(rng, domain)
    end = rng.choice((*_BARE, rng.choice(TIMES)))
    verb, thing = _act(rng, domain)
    if rng.random() < 0.5:
        return sentence(
            "the",
            one,
            past(rng.choice(_INTRANSITIVE)),
            "" if good else rng.choice((f"the {two}", f"the {thing}")),
            end,
        )
    strict = rng.choice(
        (
            "repair",
            "examine",
            "release",
            "discover",
            "lock",
            "damage",
            "purchase",
            "rescue",
            "select",
            "inspect",
            "destroy",
            "conceal",
        )
    )
    frames = [frame for frame in domain.frames if strict in (frame.verb, *frame.synonyms, *frame.opposites)]
    thing = rng.choice(rng.choice(frames or domain.frames).objects)
    return sentence("the", one, past(strict), f"the {thing}" if good else "", end)


def auxiliaries(rng: random.Random, domain: Domain, good: bool) -> str:
    """Has written, did write, can write, is writing."""
    verb, thing = _act(rng, domain)
    forms = {
        "has": participle(verb),
        "did not": verb,
        rng.choice(("can", "must", "will", "should")): verb,
        "is": ing(verb),
    }
    auxiliary, right = rng.choice(list(forms.items()))
    wrong = [form for form in (verb, past(verb), ing(verb), third(verb)) if form != right]
    if auxiliary == "is":
        wrong = [form for form in wrong if form != participle(verb)]
    if auxiliary == "has":
        wrong = [form for form in wrong if form != participle(verb)]
    return sentence(
        "the",
        rng.choice(domain.people),
        auxiliary,
        right if good else rng.choice(wrong),
        "the",
        thing,
        rng.choice(domain.indoors),
    )


def questions(rng: random.Random, domain: Domain, good: bool) -> str:
    """The place that is asked for must be empty."""
    verb, thing = _act(rng, domain)
    one, two = _two(rng, domain)
    place = rng.choice((rng.choice(TIMES), rng.choice(domain.indoors)))
    if rng.random() < 0.5:
        return sentence(f"what did the {one} {verb}", "" if good else f"the {thing}", place + "?")
    order = f"did the {one} {verb}" if good else f"the {one} did {verb}"
    return sentence(rng.choice(("when", "why", "how", "where")), order, f"the {thing} with the {two}?")


def polarity(rng: random.Random, domain: Domain, good: bool) -> str:
    """Ever and any need a negation."""
    verb, thing = _countable_act(rng, domain)
    one = rng.choice(domain.people)
    subject = rng.choice(("no", "not one", "hardly a") if good else ("some", "each", "this"))
    did = f"did not {verb}" if good else past(verb)
    return rng.choice(
        (
            sentence(subject, one, "has ever", participle(verb), article(thing)),
            sentence(subject, one, past(verb), "anything", rng.choice(TIMES)),
            sentence("the", one, did, "any", plural(thing), rng.choice(("yet", "at all"))),
        )
    )


def datives(rng: random.Random, domain: Domain, good: bool) -> str:
    """Gave the man a book, but not: explained the man a rule."""
    one, two = _two(rng, domain)
    _, thing = _act(rng, domain)
    if good and rng.random() < 0.5:
        return sentence("the", one, past(rng.choice(_DATIVE + _NO_DATIVE)), f"the {thing} to the {two}")
    return sentence("the", one, past(rng.choice(_DATIVE if good else _NO_DATIVE)), f"the {two} the {thing}")


def complements(rng: random.Random, domain: Domain, good: bool) -> str:
    """Enjoyed reading, wanted to read."""
    verb, thing = _act(rng, domain)
    gerund = rng.random() < 0.5
    head = past(rng.choice(_GERUND if gerund else _INFINITIVE))
    return sentence(
        "the",
        rng.choice(domain.people),
        head,
        ing(verb) if gerund == good else f"to {verb}",
        f"the {thing}",
        rng.choice(("", rng.choice(TIMES))),
    )


def prepositions(rng: random.Random, domain: Domain, good: bool) -> str:
    """Afraid of, interested in."""
    one, two = _two(rng, domain)
    adjective, right, *wrong = rng.choice(_PREPOSITIONS).split()
    preposition = right if good else rng.choice(wrong)
    be = rng.choice(("is", "was", "became"))
    return sentence("the", one, be, adjective, preposition, "the", two)


def pronouns(rng: random.Random, domain: Domain, good: bool) -> str:
    """He saw her, not: him saw she."""
    subject, object_ = rng.sample(_CASES, 2)
    while {subject[0], object_[0]} == {"I", "we"}:
        subject, object_ = rng.sample(_CASES, 2)
    verb = past(rng.choice(SOCIAL))
    end = rng.choice((rng.choice(TIMES), rng.choice(domain.indoors)))
    wrong_subject = not good and rng.random() < 0.5
    wrong_object = not good and not wrong_subject
    if rng.random() < 0.5:
        noun = f"the {rng.choice(domain.people)}"
        if rng.random() < 0.5:
            return sentence(subject[0 if good else 1], verb, noun, end)
        return sentence(noun, verb, object_[1 if good else 0], end)
    return sentence(subject[wrong_subject], verb, object_[not wrong_object], end)


def comparatives(rng: random.Random, domain: Domain, good: bool) -> str:
    """Taller than, as tall as."""
    one, two = _two(rng, domain)
    scale = rng.choice(_SCALES)
    more = scale[:-1] + "ier" if scale.endswith("y") else scale + ("r" if scale.endswith("e") else "er")
    right = (f"{more} than", f"as {scale} as", f"less {scale} than")
    wrong = (f"more {more} than", f"as {more} as", f"{scale} than", f"{more} as", f"as {scale} than")
    return sentence(
        "the",
        one,
        rng.choice(("is", "was", "seems")),
        rng.choice(right if good else wrong),
        "the",
        two,
        rng.choice(("", rng.choice(domain.indoors))),
    )


_COMMON = (determiners, word_order, auxiliaries, questions, polarity, complements, pronouns, comparatives)
_RARE = (agreement, reflexives, transitivity, datives, prepositions)
PHENOMENA = (*_COMMON, *_COMMON, *_RARE)


def draw(rng: random.Random, domain: Domain, label: int) -> tuple[str]:
    """Draw a sentence of ``label``."""
    return (rng.choice(PHENOMENA)(rng, domain, label == ACCEPTABLE),)
