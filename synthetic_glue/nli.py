"""MNLI-shaped rows: a premise, and a hypothesis that it entails, leaves open or contradicts.

Each phenomenon is a function (rng, domain, label) -> (premise, hypothesis). Where it can, it draws the
hypothesis so that its own words do not tell the label: only the comparison with the premise does.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from synthetic_glue.grammar import (
    Event,
    Noun,
    active,
    draw_event,
    draw_place,
    ing,
    passive,
    past,
    plural,
    predicate,
    sentence,
)
from synthetic_glue.lexicon import (
    GENERAL,
    KINDS,
    PERSON_OPPOSITES,
    SOCIAL,
    SYNONYM_ADJECTIVES,
    THING_OPPOSITES,
    TIMES,
    Domain,
    Frame,
)

ENTAILMENT, NEUTRAL, CONTRADICTION = 0, 1, 2

Pair = tuple[str, str]


def _extra(rng: random.Random, domain: Domain) -> dict[str, str]:
    """Draw a place, a time, or neither."""
    return rng.choice(({"place": draw_place(rng, domain)}, {"time": rng.choice(TIMES)}, {}))


def _other_patient(rng: random.Random, frame: Frame, thing: str) -> str:
    return rng.choice([other for other in frame.objects if other != thing])


def _unrelated(rng: random.Random, domain: Domain, event: Event) -> Event:
    """Draw what the same agent does to something else, with another verb."""
    frame = _frame_with(
        rng, domain, lambda frame: event.verb not in (frame.verb, *frame.synonyms, *frame.opposites)
    )
    thing = rng.choice([thing for thing in frame.objects if thing != event.patient.head])
    return event.but(verb=frame.verb, patient=Noun(thing, event.patient.determiner, event.patient.adjective))


def _open(rng: random.Random, label: int) -> tuple[int, bool]:
    """Return the label to word, and whether the hypothesis must then be about an unrelated event.

    Half of the neutral pairs are made so: the words of either sentence alone then fit any label.
    """
    if label == NEUTRAL and rng.random() < 0.5:
        return rng.choice((ENTAILMENT, CONTRADICTION)), True
    return label, False


def _frame_with(rng: random.Random, domain: Domain, keep: Callable[[Frame], bool]) -> Frame:
    return rng.choice([frame for frame in domain.frames if keep(frame)])


def taxonomy(rng: random.Random, domain: Domain, label: int) -> Pair:
    """Kinds of things: an apple is a fruit, and is not a pear; under "not" the direction turns round."""
    pairs = [(frame, thing) for frame in domain.frames for thing in frame.objects if thing in GENERAL]
    frame, thing = rng.choice(pairs)
    general = GENERAL[thing]
    siblings = [other for other in frame.objects if other in KINDS[general] and other != thing]
    event = draw_event(rng, domain, frame, thing)
    specific = event.but(patient=Noun(thing, "a"))
    wide = event.but(patient=Noun(general, "a"))
    extra = _extra(rng, domain)
    if label == NEUTRAL and rng.random() < 0.5:
        return active(specific.but(**extra)), active(_unrelated(rng, domain, specific))
    if label == CONTRADICTION:
        if siblings and rng.random() < 0.6:
            return active(specific.but(**extra)), active(
                specific.but(patient=Noun(rng.choice(siblings), "a"))
            )
        none = wide.but(negated=True, patient=Noun(general, "any"))
        premise, hypothesis = rng.choice(((specific, none), (none, specific), (none, wide)))
    elif rng.random() < 0.35:
        no_wide, no_specific = (
            wide.but(negated=True, patient=Noun(general, "any")),
            specific.but(negated=True),
        )
        premise, hypothesis = (no_wide, no_specific) if label == ENTAILMENT else (no_specific, no_wide)
        return active(premise), active(hypothesis)
    else:
        premise, hypothesis = (specific, wide) if label == ENTAILMENT else (wide, specific)
    return active(premise.but(**extra)), active(hypothesis)


def modifiers(rng: random.Random, domain: Domain, label: int) -> Pair:
    """Adjectives: dropped or replaced by a synonym, added, or replaced by the opposite."""
    event = draw_event(rng, domain)
    on_person = event.patient.head not in GENERAL or rng.random() < 0.5
    opposites = PERSON_OPPOSITES if on_person else THING_OPPOSITES
    first, second = rng.sample(sorted(opposites.items()), 2)
    first, second = rng.sample(first, 2), rng.sample(second, 2)

    def with_adjective(adjective: str) -> Event:
        if on_person:
            return event.but(agent=Noun(event.agent.head, event.agent.determiner, adjective))
        return event.but(patient=Noun(event.patient.head, event.patient.determiner, adjective))

    label, unrelated = _open(rng, label)
    stated = first[0]
    if label == ENTAILMENT:
        hypothesis = with_adjective(SYNONYM_ADJECTIVES.get(stated, stated))
    elif label == NEUTRAL:
        hypothesis = with_adjective(second[0])
    else:
        hypothesis = with_adjective(SYNONYM_ADJECTIVES.get(first[1], first[1]))
    if unrelated:
        hypothesis = _unrelated(rng, domain, hypothesis)
    return active(with_adjective(stated).but(**_extra(rng, domain))), active(hypothesis)


def negation(rng: random.Random, domain: Domain, label: int) -> Pair:
    """The same or another event, with and without "not" on either side."""
    frame = rng.choice(domain.frames)
    event = draw_event(rng, domain, frame)
    event = event.but(agent=Noun(event.agent.head), patient=Noun(event.patient.head))
    premise = event.but(negated=rng.random() < 0.5, **_extra(rng, domain))
    if label == NEUTRAL:
        event = event.but(patient=Noun(_other_patient(rng, frame, event.patient.head)))
        if rng.random() < 0.7:
            event = _unrelated(rng, domain, event)
        negated = rng.random() < 0.5
    else:
        negated = premise.negated == (label == ENTAILMENT)
    # Denying a whole event does not deny its place: the hypothesis keeps the setting.
    return active(premise), active(event.but(negated=negated, place=premise.place, time=premise.time))


# What "Q1 of them did" says about "Q2 of them did".
QUANTIFIERS = {
    ("all", "all"): ENTAILMENT,
    ("all", "most"): ENTAILMENT,
    ("all", "some"): ENTAILMENT,
    ("all", "none"): CONTRADICTION,
    ("most", "all"): NEUTRAL,
    ("most", "some"): ENTAILMENT,
    ("most", "none"): CONTRADICTION,
    ("some", "all"): NEUTRAL,
    ("some", "most"): NEUTRAL,
    ("some", "none"): CONTRADICTION,
    ("none", "none"): ENTAILMENT,
    ("none", "some"): CONTRADICTION,
    ("none", "most"): CONTRADICTION,
    ("none", "all"): CONTRADICTION,
}
_QUANTIFIER_WORDS = {
    "all": ("all of the {}", "all the {}", "every one of the {}"),
    "most": ("most of the {}", "most {}"),
    "some": ("some of the {}", "some {}", "a few of the {}"),
    "none": ("none of the {}", "no {}"),
}


def quantifiers(rng: random.Random, domain: Domain, label: int) -> Pair:
    """All, most, some, none."""
    label, unrelated = _open(rng, label)
    first, second = rng.choice([pair for pair, value in QUANTIFIERS.items() if value == label])
    event = draw_event(rng, domain).but(progressive=False)
    people = plural(event.agent.head)
    premise = rng.choice(_QUANTIFIER_WORDS[first]).format(people)
    hypothesis = rng.choice(_QUANTIFIER_WORDS[second]).format(people)
    asked = _unrelated(rng, domain, event) if unrelated else event
    return (
        sentence(premise, predicate(event.but(**_extra(rng, domain)))),
        sentence(hypothesis, predicate(asked)),
    )


NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_BOUNDS = {
    "exactly {}": lambda n: set(range(n, n + 1)),
    "only {}": lambda n: set(range(n, n + 1)),
    "at least {}": lambda n: set(range(n, 100)),
    "more than {}": lambda n: set(range(n + 1, 100)),
    "fewer than {}": lambda n: set(range(0, n)),
    "at most {}": lambda n: set(range(0, n + 1)),
}


def numerals(rng: random.Random, domain: Domain, label: int) -> Pair:
    """Counts and bounds: exactly four is more than three and fewer than nine."""
    label, unrelated = _open(rng, label)
    while True:
        forms = [
            rng.choice(("exactly {}", "only {}", rng.choice(sorted(_BOUNDS)))),
            rng.choice(sorted(_BOUNDS)),
        ]
        counts = [rng.randint(2, 10), rng.randint(2, 10)]
        says, asks = (_BOUNDS[form](count) for form, count in zip(forms, counts, strict=True))
        value = ENTAILMENT if says <= asks else NEUTRAL if says & asks else CONTRADICTION
        if value == label:
            break
    event = draw_event(rng, domain).but(progressive=False)
    people = plural(event.agent.head)
    premise, hypothesis = (
        f"{form.format(NUMBERS[count - 1])} {people}" for form, count in zip(forms, counts, strict=True)
    )
    asked = _unrelated(rng, domain, event) if unrelated else event
    return (
        sentence(premise, predicate(event.but(**_extra(rng, domain)))),
        sentence(hypothesis, predicate(asked)),
    )


def roles(rng: random.Random, domain: Domain, label: int) -> Pair:
    """Who did it to whom, in the active and the passive; the swapped event stays open."""
    one, two = rng.sample(domain.people, 2)
    event = Event(Noun(one), rng.choice(SOCIAL), Noun(two), rng.random() < 0.3, negated=rng.random() < 0.35)
    premise = rng.choice((active, passive))(event.but(**_extra(rng, domain)))
    label, unrelated = _open(rng, label)
    if unrelated:
        event = event.but(
            verb=rng.choice([verb for verb in SOCIAL if verb != event.verb]),
            patient=Noun(rng.choice([person for person in domain.people if person not in (one, two)])),
        )
    if label == NEUTRAL:
        event = event.but(agent=event.patient, patient=event.agent)
    if label == CONTRADICTION:
        event = event.but(negated=not event.negated)
    return premise, rng.choice((active, passive))(event)


# What "she X-ed to do it" says about "she did it".
IMPLICATIVES = {
    "managed to": ENTAILMENT,
    "remembered to": ENTAILMENT,
    "forgot to": CONTRADICTION,
    "failed to": CONTRADICTION,
    "refused to": CONTRADICTION,
    "was unable to": CONTRADICTION,
    "was glad to": ENTAILMENT,
    "wanted to": NEUTRAL,
    "planned to": NEUTRAL,
    "hoped to": NEUTRAL,
    "promised to": NEUTRAL,
    "was asked to": NEUTRAL,
    "agreed to": NEUTRAL,
}


def implicatives(rng: random.Random, domain: Domain, label: int) -> Pair:
    """Managed to, forgot to, wanted to."""
    label, unrelated = _open(rng, label)
    negated = rng.random() < 0.5
    wanted = NEUTRAL if label == NEUTRAL else CONTRADICTION - label if negated else label
    phrase = rng.choice([phrase for phrase, value in IMPLICATIVES.items() if value == wanted])
    event = draw_event(rng, domain).but(progressive=False, negated=negated)
    premise = sentence(
        str(event.agent),
        phrase,
        event.verb,
        str(event.patient),
        rng.choice((draw_place(rng, domain), rng.choice(TIMES))),
    )
    return premise, active(_unrelated(rng, domain, event) if unrelated else event)


# What "she X that" says about the clause.
EMBEDDINGS = {
    "knew that": ENTAILMENT,
    "noticed that": ENTAILMENT,
    "realized that": ENTAILMENT,
    "was glad that": ENTAILMENT,
    "believed that": NEUTRAL,
    "hoped that": NEUTRAL,
    "said that": NEUTRAL,
    "thought that": NEUTRAL,
    "doubted that": NEUTRAL,
    "wrongly believed that": CONTRADICTION,
    "falsely claimed that": CONTRADICTION,
    "pretended that": CONTRADICTION,
    "lied that": CONTRADICTION,
}


def embeddings(rng: random.Random, domain: Domain, label: int) -> Pair:
    """Knew that, believed that, pretended that."""
    label, unrelated = _open(rng, label)
    phrase = rng.choice([phrase for phrase, value in EMBEDDINGS.items() if value in (label, 2 - label)])
    value = EMBEDDINGS[phrase]
    event = draw_event(rng, domain).but(progressive=False, negated=rng.random() < 0.5)
    speaker = rng.choice([person for person in domain.people if person != event.agent.head])
    premise = sentence(f"the {speaker}", phrase, str(event.agent), predicate(event))
    if value != label:
        event = event.but(negated=not event.negated)
    return premise, active(_unrelated(rng, domain, event) if unrelated else event)


def _two_acts(rng: random.Random, domain: Domain) -> tuple[Noun, Event, Event]:
    frames = rng.sample(domain.frames, 2)
    one, two = (draw_event(rng, domain, frame).but(progressive=False) for frame in frames)
    agent = Noun(one.agent.head)
    return agent, one.but(agent=agent), two.but(agent=agent)


def order(rng: random.Random, domain: Domain, label: int) -> Pair:
    """Before and after; told without an order it stays open."""
    label, unrelated = _open(rng, label)
    agent, one, two = _two_acts(rng, domain)
    first, second = predicate(one), predicate(two)
    premise = rng.choice(
        (
            sentence(str(agent), first, f"before {ing(two.verb)} {two.patient}"),
            sentence(str(agent), second, f"after {ing(one.verb)} {one.patient}"),
            sentence(str(agent), f"first {first} and then {second}"),
        )
    )
    if label == NEUTRAL:
        premise = sentence(
            str(agent), *rng.choice(((first, "and", second), (second, "and", first))), rng.choice(TIMES)
        )
    if unrelated:
        two = _unrelated(rng, domain, two)
    earlier, later = (two, one) if label == CONTRADICTION else (one, two)
    hypothesis = rng.choice(
        (
            sentence(str(agent), predicate(earlier), f"before {ing(later.verb)} {later.patient}"),
            sentence(str(agent), predicate(later), f"after {ing(earlier.verb)} {earlier.patient}"),
        )
    )
    return premise, hypothesis


def coordination(rng: random.Random, domain: Domain, label: int) -> Pair:
    """And, or, but not, neither nor."""
    label, unrelated = _open(rng, label)
    agent, one, two = _two_acts(rng, domain)
    premises = {
        sentence(str(agent), predicate(one), "and", predicate(two)): (True, True),
        sentence(str(agent), "either", predicate(one), "or", predicate(two)): (None, None),
        sentence(str(agent), predicate(one), "but", predicate(two.but(negated=True))): (True, False),
        sentence(str(agent), predicate(one.but(negated=True)), "but", predicate(two)): (False, True),
        sentence(str(agent), f"neither {past(one.verb)} {one.patient} nor {past(two.verb)} {two.patient}"): (
            False,
            False,
        ),
    }
    while True:
        premise, facts = rng.choice(list(premises.items()))
        index, negated = rng.randrange(2), rng.random() < 0.5
        fact = facts[index]
        value = NEUTRAL if fact is None else CONTRADICTION if fact == negated else ENTAILMENT
        if value == label:
            asked = (one, two)[index].but(negated=negated)
            return premise, active(_unrelated(rng, domain, asked) if unrelated else asked)


COMPARATIVES = (
    ("bigger", "smaller"),
    ("heavier", "lighter"),
    ("older", "newer"),
    ("cheaper", "more expensive"),
    ("longer", "shorter"),
    ("cleaner", "dirtier"),
    ("better", "worse"),
)
PERSON_COMPARATIVES = (
    ("taller", "shorter"),
    ("younger", "older"),
    ("richer", "poorer"),
    ("happier", "sadder"),
    ("stronger", "weaker"),
    ("faster", "slower"),
)


def comparatives(rng: random.Random, domain: Domain, label: int) -> Pair:
    """Bigger than, smaller than, as big as."""
    if rng.random() < 0.5:
        one, two = rng.sample(domain.people, 2)
        scales = PERSON_COMPARATIVES
    else:
        one, two = rng.sample(
            sorted({thing for frame in domain.frames for thing in frame.objects} & set(GENERAL)), 2
        )
        scales = COMPARATIVES
    scale, other = rng.sample(scales, 2)
    more, less = rng.sample(scale, 2)
    premise = sentence(
        f"the {one} is", rng.choice(("", "much")), more, f"than the {two}", draw_place(rng, domain)
    )
    if label == NEUTRAL:
        more, less = rng.sample(other, 2)
    if label == CONTRADICTION:
        one, two = two, one
    forms = [f"the {one} is {more} than the {two}", f"the {two} is {less} than the {one}"]
    return premise, sentence(forms[1] if label != CONTRADICTION and rng.random() < 0.7 else rng.choice(forms))


def verbs(rng: random.Random, domain: Domain, label: int) -> Pair:
    """Synonyms, opposites and other verbs of the same thing."""
    frame = _frame_with(rng, domain, lambda frame: bool(frame.synonyms or frame.opposites))
    thing = rng.choice(frame.objects)
    others = sorted({other.verb for other in domain.frames if thing in other.objects} - {frame.verb})
    event = draw_event(rng, domain, frame, thing)
    event = event.but(agent=Noun(event.agent.head), patient=Noun(thing))
    label, unrelated = _open(rng, label)
    if label == ENTAILMENT:
        pairs = [(frame.verb, synonym) for synonym in frame.synonyms]
        pairs += [(synonym, frame.verb) for synonym in frame.synonyms]
        pairs += [
            (a, b) for a in frame.opposites for b in frame.opposites if a != b and len(frame.opposites) > 1
        ]
    elif label == CONTRADICTION:
        pairs = [(frame.verb, opposite) for opposite in frame.opposites]
        pairs += [(opposite, frame.verb) for opposite in frame.opposites]
        pairs += [(synonym, opposite) for synonym in frame.synonyms for opposite in frame.opposites]
    else:
        excluded = {*frame.synonyms, *frame.opposites}
        pairs = [(frame.verb, other) for other in others if other not in excluded]
        pairs += [(other, frame.verb) for other in others if other not in excluded]
    if not pairs:
        return verbs(rng, domain, NEUTRAL if unrelated else label)
    one, two = rng.choice(pairs)
    asked = event.but(verb=two)
    if unrelated:
        asked = _unrelated(rng, domain, asked)
    return active(event.but(verb=one, **_extra(rng, domain))), active(asked)


def places(rng: random.Random, domain: Domain, label: int) -> Pair:
    """Indoors and outdoors, and what the place does not tell."""
    event = draw_event(rng, domain)
    label, unrelated = _open(rng, label)
    inside = rng.random() < 0.5
    place = rng.choice(domain.indoors if inside else domain.outdoors)
    if label == NEUTRAL:
        premise = event.but(time=rng.choice(TIMES))
    else:
        premise = event.but(place=place, time=rng.choice(("", rng.choice(TIMES))))
    said = inside if label == ENTAILMENT else not inside
    words = ("indoors", "inside a building") if said else ("outdoors", "outside", "in the open air")
    asked = event.but(place=rng.choice(words))
    return active(premise), active(_unrelated(rng, domain, asked) if unrelated else asked)


_COMMON = (taxonomy, modifiers, negation, quantifiers, roles, implicatives, embeddings, coordination, verbs)
_RARE = (numerals, order, comparatives, places)
PHENOMENA = (*_COMMON, *_COMMON, *_RARE)


def draw(rng: random.Random, domain: Domain, label: int) -> Pair:
    """Draw a premise and a hypothesis of ``label``."""
    return rng.choice(PHENOMENA)(rng, domain, label)
