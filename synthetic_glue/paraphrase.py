"""MRPC-shaped rows: two sentences of the news, and whether they report the same.

Each phenomenon is a function (rng, same) -> (sentence, sentence); the wording changes in both cases.
"""

from __future__ import annotations

import random
from dataclasses import replace

from synthetic_glue.grammar import sentence
from synthetic_glue.news import (
    AMOUNTS,
    CITIES,
    DAYS,
    MONTHS,
    SOURCES,
    Deal,
    clause,
    draw_company,
    draw_deal,
    draw_two,
    other_verb,
    told,
)

DIFFERENT, PARAPHRASE = 0, 1

Pair = tuple[str, str]


def _report(rng: random.Random, deal: Deal, passive: bool, verb: str, source: str) -> str:
    return told(rng, clause(deal, verb, passive), deal, source)


def roles(rng: random.Random, same: bool) -> Pair:
    """Active and passive; a different report swaps the two."""
    deal = draw_deal(rng)
    source = rng.choice(("", rng.choice(SOURCES)))
    passive = rng.random() < 0.5
    first = _report(rng, deal, passive, deal.verbs[0], source)
    if not same:
        deal = replace(deal, agent=deal.patient, patient=deal.agent)
    return first, _report(rng, deal, not passive if rng.random() < 0.7 else passive, deal.verbs[0], source)


def meanings(rng: random.Random, same: bool) -> Pair:
    """A synonym, or the opposite, of the verb."""
    deal = draw_deal(rng)
    source = rng.choice(("", rng.choice(SOURCES)))
    verb, synonyms, opposites = deal.verbs
    other = rng.choice(synonyms if same else opposites)
    first, second = rng.sample((verb, other), 2)
    passive = rng.random() < 0.3
    return _report(rng, deal, passive, first, source), _report(rng, deal, passive, second, source)


def acts(rng: random.Random, same: bool) -> Pair:
    """The same act in other words, or another act of the same two."""
    deal = draw_deal(rng)
    source = rng.choice(SOURCES)
    verb = rng.choice((deal.verbs[0], *deal.verbs[1])) if same else other_verb(rng, deal)
    passive = rng.random() < 0.5
    one = _report(rng, deal, passive, deal.verbs[0], source)
    two = _report(rng, deal, rng.random() < 0.5, verb, rng.choice((source, "")))
    first, second = rng.sample((one, two), 2)
    return first, second


def denials(rng: random.Random, same: bool) -> Pair:
    """It happened, or it did not."""
    deal = draw_deal(rng)
    negated = rng.random() < 0.4
    verbs = (deal.verbs[0], rng.choice(deal.verbs[1]))
    one = told(rng, clause(deal, verbs[0], False, negated), deal, rng.choice(SOURCES))
    two = told(rng, clause(deal, rng.choice(verbs), False, negated == same), deal)
    first, second = rng.sample((one, two), 2)
    return first, second


def details(rng: random.Random, same: bool) -> Pair:
    """The day and the city, in another place of the sentence or changed."""
    deal = draw_deal(rng)
    other = replace(deal, day=rng.choice([day for day in DAYS if day != deal.day]))
    elsewhere = replace(deal, city=rng.choice([city for city in CITIES if city != deal.city]))
    second = deal if same else rng.choice((other, elsewhere))
    source = rng.choice(SOURCES)
    sources = rng.choice((("", source), (source, ""), (source, source), ("", "")))
    told_first, told_second = (
        _report(rng, one, False, deal.verbs[0], who) for one, who in zip((deal, second), sources, strict=True)
    )
    return told_first, told_second


def results(rng: random.Random, same: bool) -> Pair:
    """Sums that rose or fell, between two figures in either order."""
    company = draw_company(rng)
    low, high = rng.sample(AMOUNTS, 2)
    month = rng.choice(MONTHS)
    what = rng.choice(("profit", "revenue", "debt", "loss", "income"))
    forms = (
        "the {w} of {c} changed from {a} to {b} dollars in {m}",
        "in {m}, the {w} of {c} went to {b} dollars from {a}",
        "{c} said its {w} had been {a} dollars but was {b} in {m}",
        "in {m}, {c} reported {b} dollars of {w} after {a} before",
    )
    one, two = rng.sample(forms, 2)
    values = {"c": company, "m": month, "w": what}
    if rng.random() < 0.5:
        changed = {"a": low, "b": high} if same else {"a": high, "b": low}
    else:
        changed = {
            "a": low,
            "b": high if same else rng.choice([sum_ for sum_ in AMOUNTS if sum_ not in (low, high)]),
        }
    return sentence(one.format(**values, a=low, b=high)), sentence(two.format(**values, **changed))


def rankings(rng: random.Random, same: bool) -> Pair:
    """Who is ahead of whom."""
    one, two = draw_two(rng, companies=True)
    month = rng.choice(MONTHS)
    up, down = rng.choice(
        (
            ("grew faster", "grew more slowly"),
            ("earned more", "earned less"),
            ("was bigger", "was smaller"),
            ("had more customers", "had fewer customers"),
            ("did better", "did worse"),
        )
    )
    forms = [f"{one} {up} than {two} in {month}", f"in {month}, {two} {down} than {one}"]
    wrong = [f"in {month}, {two} {up} than {one}", f"{one} {down} than {two} in {month}"]
    if same:
        first, second = rng.sample(forms, 2)
    else:
        first, second = rng.sample((rng.choice(forms), rng.choice(wrong)), 2)
    return sentence(first), sentence(second)


_COMMON = (meanings, acts, details)
_RARE = (denials, roles, results, rankings)
PHENOMENA = (*_COMMON, *_COMMON, *_COMMON, *_RARE)


def draw(rng: random.Random, domain: object, label: int) -> Pair:
    """Draw two sentences of ``label``; the domain plays no part."""
    return rng.choice(PHENOMENA)(rng, label == PARAPHRASE)
