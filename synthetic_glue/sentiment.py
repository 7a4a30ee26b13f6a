"""SST-2-shaped rows: a sentence of a review; its words alone seldom tell whether it likes the work."""

from __future__ import annotations

import random

from synthetic_glue.grammar import article, past, sentence, third
from synthetic_glue.lexicon import words

NEGATIVE, POSITIVE = 0, 1

ADJECTIVES = {
    POSITIVE: words(
        """
        brilliant, funny, charming, moving, superb, clever, gripping, delightful, wonderful, excellent,
        thrilling, fresh, original, touching, beautiful, smart, elegant, exciting, engaging, enjoyable,
        fascinating, inspired, powerful, witty, sharp, warm, graceful, memorable, hilarious, lively,
        magnificent, marvelous, imaginative, inventive, entertaining, great, fantastic, perfect,
        impressive, compelling, convincing, intelligent, tender, stunning, satisfying, refreshing,
        amusing, remarkable, splendid, amazing
        """
    ),
    NEGATIVE: words(
        """
        boring, dull, awful, terrible, stupid, silly, clumsy, tedious, lifeless, predictable, bland,
        shallow, ugly, weak, pointless, annoying, confusing, messy, stale, tiresome, horrible, dreadful,
        flat, slow, empty, pathetic, forgettable, disappointing, lazy, ridiculous, irritating,
        incoherent, sloppy, unfunny, dreary, mediocre, bad, poor, painful, depressing, pretentious,
        unconvincing, uninspired, absurd, hollow, lame, cheap, tasteless, disastrous, unwatchable
        """
    ),
}
QUALITIES = {
    POSITIVE: words(
        """
        charm, wit, heart, depth, energy, imagination, warmth, suspense, humor, style, grace, passion,
        tension, originality, intelligence, fun, beauty, life, fresh ideas, surprises
        """
    ),
    NEGATIVE: words(
        """
        nonsense, noise, boredom, bad jokes, stupidity, cliches, plot holes, errors, tedious speeches,
        flat jokes, vulgarity, empty talk, dull scenes, stale ideas, false notes, silly twists,
        mistakes, weak moments, confusion, cheap tricks
        """
    ),
}
EFFECTS = {
    POSITIVE: words(
        """
        entertain, move, delight, amuse, charm, thrill, impress, inspire, touch, excite, fascinate,
        captivate
        """
    ),
    NEGATIVE: words(
        """
        bore, annoy, irritate, disappoint, depress, tire, insult, confuse, offend, frustrate, exhaust,
        upset
        """
    ),
}
WORKS = words(
    """
    film, movie, comedy, drama, thriller, documentary, romance, sequel, remake, western, musical, novel,
    show, play, cartoon, series, biography, concert, album, mystery
    """
)
ASPECTS = words(
    """
    plot, acting, dialogue, music, script, cast, ending, direction, soundtrack, pace, story, camera
    work, lead actor, first half, second half, opening scene, editing, villain, heroine, love story,
    narration, finale
    """
)
_DEGREES = ("", "", "very", "really", "quite", "truly", "remarkably", "thoroughly")


def _adjective(rng: random.Random, label: int) -> str:
    return rng.choice(ADJECTIVES[label])


def _parts(rng: random.Random) -> tuple[str, str, str]:
    """Draw a work and two of its aspects."""
    work = rng.choice(WORKS)
    one, other = rng.sample(ASPECTS, 2)
    return work, one, other


def plain(rng: random.Random, label: int) -> str:
    """The words say it."""
    work, aspect, _ = _parts(rng)
    one, two = rng.sample(ADJECTIVES[label], 2)
    degree = rng.choice(_DEGREES)
    return rng.choice(
        (
            sentence(f"the {aspect} of this {work} is", degree, one),
            sentence(f"this is {article(one)} and {two} {work}"),
            sentence("I found the", aspect, degree, one),
            sentence(f"{article(one)} {work} with {article(two)} {aspect}"),
        )
    )


def negated(rng: random.Random, label: int) -> str:
    """The opposite is denied."""
    work, aspect, _ = _parts(rng)
    word = _adjective(rng, 1 - label)
    return rng.choice(
        (
            sentence(f"the {aspect} of this {work} is not {word}", rng.choice(("", "at all"))),
            sentence(f"the {work} is never {word}"),
            sentence(f"the {aspect} is anything but {word}"),
            sentence(f"this {work} is far from {word}"),
            sentence(f"nobody will call this {work} {word}"),
            sentence(f"there is nothing {word} about the {aspect} of this {work}"),
            sentence(f"I did not find the {work} {word}"),
            sentence(f"the {aspect} is hardly {word}"),
        )
    )


def contrast(rng: random.Random, label: int) -> str:
    """Two opinions; the one after "but", or in the main clause, decides."""
    work, one, two = _parts(rng)
    weak, strong = _adjective(rng, 1 - label), _adjective(rng, label)
    degree = rng.choice(_DEGREES)
    return rng.choice(
        (
            sentence(f"the {one} is {weak}, but the {work} as a whole is", degree, strong),
            sentence(f"although the {one} is {weak}, the {work} is", degree, strong),
            sentence(f"the {work} is", degree, f"{strong}, even though the {one} is {weak}"),
            sentence(f"despite its {weak} {one}, this is {article(strong)} {work}"),
            sentence(f"{article(strong)} {work} despite the {weak} {one}"),
            sentence(f"the {one} may be {weak}, yet the {work} remains {strong}"),
            sentence(f"what starts as {article(weak)} {work} soon becomes {article(strong)} one"),
        )
    )


def lacking(rng: random.Random, label: int) -> str:
    """Having or lacking a good or a bad quality."""
    work, aspect, _ = _parts(rng)
    has = rng.random() < 0.4
    quality = rng.choice(QUALITIES[label if has else 1 - label])
    verb = rng.choice(
        ("is full of", "has plenty of", "offers a lot of", "never runs out of", "is rich in")
        if has
        else (
            "lacks",
            "has no",
            "is free of",
            "avoids",
            "does without",
            "shows no trace of",
            "is without any",
        )
    )
    return sentence(
        "the",
        rng.choice((work, aspect)),
        verb,
        quality,
        rng.choice(("", "from start to finish", "for two hours")),
    )


def effects(rng: random.Random, label: int) -> str:
    """What it does, fails to do, or never does to the audience."""
    work = rng.choice(WORKS)
    does = rng.random() < 0.35
    effect = rng.choice(EFFECTS[label if does else 1 - label])
    who = rng.choice(("you", "the audience", "its viewers", "me", "the whole family"))
    verb = rng.choice(
        (
            third(effect),
            f"never fails to {effect}",
            f"is sure to {effect}",
            f"manages to {effect}",
            past(effect),
        )
        if does
        else (
            f"fails to {effect}",
            f"does not {effect}",
            f"never {third(effect)}",
            f"will hardly {effect}",
            f"did not {effect}",
        )
    )
    return sentence("the" if rng.random() < 0.5 else "this", work, verb, who)


def expectations(rng: random.Random, label: int) -> str:
    """What was expected, and whether that came true."""
    work, aspect, _ = _parts(rng)
    right = rng.random() < 0.5
    word = _adjective(rng, label if right else 1 - label)
    critics = rng.choice(("critics", "my friends", "the posters", "some people", "reviewers"))
    return (
        rng.choice(
            (
                sentence(f"I expected {article(word)} {work} and that is what I got"),
                sentence(f"{critics} call the {aspect} {word}, and they are right"),
                sentence(f"I thought the {work} would be {word}, and it was"),
            )
        )
        if right
        else rng.choice(
            (
                sentence(f"I expected {article(word)} {work} and got the opposite"),
                sentence(f"{critics} call the {aspect} {word}, but they are wrong"),
                sentence(f"I thought the {work} would be {word}, but it was not"),
                sentence(f"if only the {aspect} were {word}")
                if label == NEGATIVE
                else sentence(f"who says the {work} is {word} has not seen it"),
            )
        )
    )


_OPENINGS = {
    True: ("I think that", "everybody agrees that", "it is clear that", "critics are right to say that"),
    False: ("I doubt that", "nobody can say that", "it is not true that", "critics are wrong to say that"),
}


def nested(rng: random.Random, label: int) -> str:
    """An opinion about an opinion: two denials cancel each other."""
    work, aspect, _ = _parts(rng)
    affirmed, has = rng.random() < 0.4, rng.random() < 0.5
    inner = label if affirmed == has else 1 - label
    claim = rng.choice(
        (
            f"{'is' if has else 'is not'} {rng.choice(ADJECTIVES[inner])}",
            f"{'has' if has else 'lacks'} {rng.choice(QUALITIES[inner])}",
        )
    )
    return sentence(rng.choice(_OPENINGS[affirmed]), f"the {rng.choice((work, aspect))}", claim)


PHENOMENA = (plain, negated, contrast, contrast, lacking, effects, expectations, nested, nested)


def draw(rng: random.Random, domain: object, label: int) -> tuple[str]:
    """Draw a sentence of ``label``; the domain plays no part."""
    return (rng.choice(PHENOMENA)(rng, label),)
