"""RTE-shaped rows: a sentence of the news, and whether a short sentence follows from it.

Each phenomenon is a function (rng, entailed) -> (text, hypothesis). The hypothesis uses the text's words.
"""

from __future__ import annotations

import random

from synthetic_glue.grammar import sentence
from synthetic_glue.news import (
    AMOUNTS,
    CITIES,
    DAYS,
    MONTHS,
    OFFICES,
    SOURCES,
    Deal,
    clause,
    draw_company,
    draw_deal,
    draw_person,
    draw_two,
    other_verb,
    told,
)

ENTAILMENT, NOT_ENTAILMENT = 0, 1

Pair = tuple[str, str]


def _setting(rng: random.Random, deal: Deal) -> str:
    return rng.choice((f"in {deal.city}", f"on {deal.day}"))


def roles(rng: random.Random, entailed: bool) -> Pair:
    """Who did it to whom."""
    deal = draw_deal(rng)
    verb = rng.choice((deal.verbs[0], *deal.verbs[1]))
    text = told(
        rng, clause(deal, deal.verbs[0], rng.random() < 0.5), deal, rng.choice(("", rng.choice(SOURCES)))
    )
    if not entailed:
        deal = Deal(deal.patient, deal.agent, deal.verbs, deal.city, deal.day)
    return text, sentence(clause(deal, verb, rng.random() < 0.5))


def meanings(rng: random.Random, entailed: bool) -> Pair:
    """Synonyms and opposites of the verb."""
    deal = draw_deal(rng)
    verb, synonyms, opposites = deal.verbs
    text = told(rng, clause(deal, verb, rng.random() < 0.3), deal, rng.choice(("", rng.choice(SOURCES))))
    return text, sentence(clause(deal, rng.choice(synonyms if entailed else opposites), rng.random() < 0.3))


def binding(rng: random.Random, entailed: bool) -> Pair:
    """Whose office and whose city it is."""
    one, two = draw_two(rng, companies=False)
    office, other_office = rng.sample(OFFICES, 2)
    city, other_city = rng.sample(CITIES, 2)
    verb = rng.choice(("met", "called", "praised", "criticized", "visited", "thanked", "warned"))
    text = sentence(f"{one}, the {office} of {city}, {verb} {two}, the {other_office} of {other_city}")
    facts = [(one, office, city), (two, other_office, other_city)]
    person, is_office, is_city = rng.choice(facts)
    other_person, other, elsewhere = next(fact for fact in facts if fact[0] != person)
    if entailed:
        forms = [
            f"{person} is the {is_office} of {is_city}",
            f"{person} is a {is_office}",
            f"{one} {verb} the {other_office} of {other_city}",
            f"{person} has an office in {is_city}",
        ]
    else:
        forms = [
            f"{person} is the {other} of {elsewhere}",
            f"{person} is a {other}",
            f"{two} {verb} the {office} of {city}",
            f"{person} has an office in {elsewhere}",
        ]
    return text, sentence(rng.choice(forms))


def amounts(rng: random.Random, entailed: bool) -> Pair:
    """Which sum belongs to which."""
    buyer = draw_company(rng)
    one, two = draw_two(rng, companies=True)
    cost, other_cost = rng.sample(AMOUNTS, 2)
    verb = rng.choice(("bought", "sold", "acquired"))
    text = sentence(f"{buyer} {verb} {one} for {cost} dollars and {two} for {other_cost}")
    which = rng.random() < 0.5
    company, price = (
        (one, cost if entailed else other_cost) if which else (two, other_cost if entailed else cost)
    )
    return text, sentence(
        rng.choice(
            (
                f"the price of {company} was {price} dollars",
                f"{company} cost {price} dollars",
                f"{buyer} {verb} {company} for {price} dollars",
            )
        )
    )


_REPORTS = {
    True: ("confirmed", "admitted", "proved", "found out", "knew", "was glad"),
    False: ("denied", "wrongly claimed", "wrongly believed", "disproved", "pretended"),
}
_SPEAKERS = (
    "a spokesman",
    "a judge",
    "an expert",
    "a lawyer",
    "a witness",
    "a reporter",
    "a voter",
    "the police",
)


def reports(rng: random.Random, entailed: bool) -> Pair:
    """Confirmed or denied: who denies that it happened says that it did not."""
    deal = draw_deal(rng)
    true, negated = rng.random() < 0.5, rng.random() < 0.4
    claim = clause(deal, deal.verbs[0], False, negated)
    text = sentence(
        f"{rng.choice(_SPEAKERS)} {rng.choice(_REPORTS[true])} that {claim} {_setting(rng, deal)}"
    )
    return text, sentence(clause(deal, deal.verbs[0], False, negated == (true == entailed)))


_ATTEMPTS = {
    True: ("managed to", "remembered to", "was able to", "was happy to", "was forced to"),
    False: ("failed to", "forgot to", "refused to", "was unable to", "declined to"),
}


def attempts(rng: random.Random, entailed: bool) -> Pair:
    """Managed to or failed to."""
    deal = draw_deal(rng)
    verb = deal.verbs[0]
    done = rng.random() < 0.5
    text = sentence(f"{deal.agent} {rng.choice(_ATTEMPTS[done])} {verb} {deal.patient} {_setting(rng, deal)}")
    return text, sentence(clause(deal, verb, False, done != entailed))


def denials(rng: random.Random, entailed: bool) -> Pair:
    """The same act, told or denied; or another act of the same two."""
    deal = draw_deal(rng)
    negated = rng.random() < 0.5
    text = sentence(f"{clause(deal, deal.verbs[0], False, negated)} {_setting(rng, deal)}")
    if not entailed and rng.random() < 0.4:
        return text, sentence(clause(deal, other_verb(rng, deal), False, negated))
    return text, sentence(clause(deal, deal.verbs[0], False, negated == entailed))


def itineraries(rng: random.Random, entailed: bool) -> Pair:
    """Where somebody was on which day."""
    person = rng.choice((draw_person(rng), f"the {rng.choice(OFFICES)}"))
    city, other = rng.sample(CITIES, 2)
    day, later = rng.sample(DAYS, 2)
    does = rng.choice(
        (
            "gave a speech",
            "met voters",
            "opened a school",
            "attended a wedding",
            "signed a treaty",
            "visited a factory",
        )
    )
    text = sentence(
        rng.choice(
            (
                f"{person} {does} in {city} on {day} and flew to {other} on {later}",
                f"on {day}, {person} {does} in {city} before traveling to {other} on {later}",
            )
        )
    )
    when, where = (
        (day, city if entailed else other) if rng.random() < 0.5 else (later, other if entailed else city)
    )
    return text, sentence(
        rng.choice((f"{person} was in {where} on {when}", f"on {when}, {person} could be seen in {where}"))
    )


def trends(rng: random.Random, entailed: bool) -> Pair:
    """What rose and what fell."""
    one, two = draw_two(rng, companies=True)
    what = rng.choice(("profits", "sales", "shares", "prices", "exports", "costs"))
    up, down = rng.choice(
        (("rose", "fell"), ("climbed", "dropped"), ("increased", "decreased"), ("soared", "sank"))
    )
    if rng.random() < 0.5:
        up, down = down, up
    text = sentence(f"the {what} of {one} {up} in {rng.choice(MONTHS)} while those of {two} {down}")
    grew, shrank = (one, two) if up in ("rose", "climbed", "increased", "soared") else (two, one)
    if not entailed:
        grew, shrank = shrank, grew
    return text, sentence(
        rng.choice(
            (
                f"the {what} of {grew} went up",
                f"the {what} of {shrank} went down",
                f"the {what} of {grew} grew",
                f"the {what} of {shrank} became lower",
            )
        )
    )


def relatives(rng: random.Random, entailed: bool) -> Pair:
    """A clause inside a clause: which of the two did what."""
    one, two = (f"the {office}" for office in rng.sample(OFFICES, 2))
    first = rng.choice(
        ("criticized", "visited", "helped", "warned", "followed", "invited", "praised", "called")
    )
    act = rng.choice(
        (
            "resigned",
            "left the country",
            "won the election",
            "was arrested",
            "opened a museum",
            "fell ill",
            "bought a newspaper",
        )
    )
    by_two = rng.random() < 0.5
    text = sentence(
        f"{one} who {two if by_two else first} {first if by_two else two} {act} on {rng.choice(DAYS)}"
    )
    criticized = f"{two} {first} {one}" if by_two else f"{one} {first} {two}"
    swapped = f"{one} {first} {two}" if by_two else f"{two} {first} {one}"
    return text, sentence(
        rng.choice((f"{one} {act}", criticized)) if entailed else rng.choice((f"{two} {act}", swapped))
    )


_COMMON = (meanings, reports, attempts, denials)
_RARE = (roles, binding, amounts, itineraries, trends, relatives)
PHENOMENA = (*_COMMON, *_COMMON, *_COMMON, *_RARE)


def draw(rng: random.Random, domain: object, label: int) -> Pair:
    """Draw a text and a hypothesis of ``label``; the domain plays no part."""
    return rng.choice(PHENOMENA)(rng, label == ENTAILMENT)
