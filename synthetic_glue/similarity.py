"""STS-B-shaped rows: two events that share more or fewer of their parts; the shared parts give the score."""

from __future__ import annotations

import itertools
import random

from synthetic_glue.grammar import Event, Noun, active, draw_event, draw_place, passive
from synthetic_glue.lexicon import AWAY, GENERAL, HOME, KINDS, TIMES, Domain, Frame

# What the second event may make of each part of the first, and what that takes away from a score of 5.
LOSSES = {
    "agent": {"same": 0.0, "other": 1.0},
    "verb": {"same": 0.0, "other": 1.5},
    "patient": {"same": 0.0, "related": 0.5, "other": 1.5},
    "setting": {"same": 0.0, "missing": 0.5, "other": 1.0},
}
SCORES = tuple(level / 2 for level in range(11))

_PLANS: dict[float, list[dict[str, str]]] = {score: [] for score in SCORES}
for _states in itertools.product(*LOSSES.values()):
    _plan = dict(zip(LOSSES, _states, strict=True))
    _PLANS[5 - sum(LOSSES[part][state] for part, state in _plan.items())].append(_plan)


def _first(rng: random.Random, domain: Domain, frame: Frame) -> Event:
    setting = {"place": draw_place(rng, domain)} if rng.random() < 0.6 else {"time": rng.choice(TIMES)}
    return draw_event(rng, domain, frame).but(**setting)


def _act(
    rng: random.Random, domain: Domain, elsewhere: Domain, frame: Frame, thing: str, plan: dict[str, str]
) -> tuple[str, str] | None:
    """Draw the second event's verb and patient; None if the lexicon has nothing that fits the plan."""
    if plan["verb"] == "same":
        verbs = [frame.verb, *frame.synonyms]
        others = [other for other in frame.objects if GENERAL.get(other, other) != GENERAL.get(thing, thing)]
    elif plan["patient"] == "other":
        other_frame = rng.choice(elsewhere.frames)
        verbs, others = [other_frame.verb], list(other_frame.objects)
    else:
        verbs = [other.verb for other in domain.frames if thing in other.objects] + list(frame.opposites)
        verbs = [verb for verb in verbs if verb not in (frame.verb, *frame.synonyms)]
        others = []
    kinds = KINDS.get(GENERAL.get(thing, ""), ())
    things = {
        "same": [thing],
        "related": [kind for kind in kinds if kind in frame.objects and kind != thing],
        "other": others,
    }[plan["patient"]]
    return (rng.choice(verbs), rng.choice(things)) if verbs and things else None


def draw(rng: random.Random, domain: Domain, label: float) -> tuple[str, str]:
    """Draw two sentences whose similarity is ``label``, one of ``SCORES``."""
    plan = rng.choice(_PLANS[label])
    elsewhere = rng.choice([other for other in HOME + AWAY if other is not domain])
    act = None
    while act is None:
        frame = rng.choice(domain.frames)
        one = _first(rng, domain, frame)
        act = _act(rng, domain, elsewhere, frame, one.patient.head, plan)
    verb, thing = act
    two = one.but(verb=verb, patient=Noun(thing, one.patient.determiner))
    if plan["agent"] == "other":
        two = two.but(agent=Noun(rng.choice(elsewhere.people), one.agent.determiner))
    if plan["setting"] == "missing":
        two = two.but(place="", time="")
    elif plan["setting"] == "other":
        if one.place:
            two = two.but(place=draw_place(rng, elsewhere))
        else:
            two = two.but(time=rng.choice([time for time in TIMES if time != one.time]))
    texts = [rng.choice((active, active, passive))(event) for event in (one, two)]
    rng.shuffle(texts)
    return texts[0], texts[1]
