"""STS-B-shaped rows: two events that share more or fewer of their parts; the shared parts give the score."""

from __future__ import annotations

import random

from kdnas.synthetic.grammar import Event, Noun, active, draw_event, draw_place, passive
from kdnas.synthetic.lexicon import AWAY, GENERAL, HOME, KINDS, TIMES, Domain, Frame

# What each part costs, from 5 down, when it is another one, or only a related one.
LOSS = {"agent": 1.0, "verb": 1.5, "patient": 1.5, "setting": 1.0}
RELATED_LOSS = {"agent": 1.0, "verb": 1.5, "patient": 0.5, "setting": 0.5}
SCORES = tuple(level / 2 for level in range(11))


def _states(rng: random.Random, score: float) -> dict[str, str]:
    """Draw for each part whether it is the same, related or another, so that the losses leave ``score``."""
    while True:
        states = {part: rng.choice(("same", "same", "related", "other")) for part in LOSS}
        loss = sum(
            LOSS[part] if state == "other" else RELATED_LOSS[part] if state == "related" else 0
            for part, state in states.items()
        )
        if loss == 5 - score and states["agent"] != "related" and states["verb"] != "related":
            return states


def _other_domain(rng: random.Random, domain: Domain) -> Domain:
    return rng.choice([other for other in HOME + AWAY if other is not domain])


def _event(rng: random.Random, domain: Domain, frame: Frame, thing: str) -> Event:
    setting = {"place": draw_place(rng, domain)} if rng.random() < 0.6 else {"time": rng.choice(TIMES)}
    return draw_event(rng, domain, frame, thing).but(**setting)


def draw(rng: random.Random, domain: Domain, label: float) -> tuple[str, str]:
    """Draw two sentences whose similarity is ``label``, one of ``SCORES``."""
    states = _states(rng, label)
    while True:
        frame = rng.choice(domain.frames)
        thing = rng.choice(frame.objects)
        one = _event(rng, domain, frame, thing)
        two = one.but(verb=rng.choice((frame.verb, *frame.synonyms)))
        elsewhere = _other_domain(rng, domain)
        if states["agent"] == "other":
            people = [person for person in elsewhere.people if person not in domain.people]
            two = two.but(agent=Noun(rng.choice(people), one.agent.determiner))
        if states["verb"] == "other":
            others = [f.verb for f in domain.frames if states["patient"] == "other" or thing in f.objects]
            excluded = {frame.verb, *frame.synonyms}
            if states["patient"] == "other":
                others = []
                frame_two = rng.choice(elsewhere.frames)
                two = two.but(verb=frame_two.verb, patient=Noun(rng.choice(frame_two.objects), one.patient.determiner))
            else:
                others = [verb for verb in (*others, *frame.opposites) if verb not in excluded]
                if not others:
                    continue
                two = two.but(verb=rng.choice(others))
        if states["patient"] == "related":
            general = GENERAL.get(thing)
            siblings = [kind for kind in KINDS.get(general, ()) if kind != thing and kind in frame.objects]
            if not siblings:
                continue
            two = two.but(patient=Noun(rng.choice([*siblings, general]), one.patient.determiner))
        elif states["patient"] == "other" and states["verb"] == "same":
            unlike = [other for other in frame.objects if GENERAL.get(other, other) != GENERAL.get(thing, thing)]
            if not unlike:
                continue
            two = two.but(patient=Noun(rng.choice(unlike), one.patient.determiner))
        if states["setting"] == "related":
            two = two.but(place="", time="")
        elif states["setting"] == "other":
            other = [place for place in elsewhere.indoors + elsewhere.outdoors if place != one.place]
            two = two.but(place=rng.choice(other), time="") if one.place else two.but(
                time=rng.choice([time for time in TIMES if time != one.time])
            )
        texts = [rng.choice((active, active, passive))(event) for event in (one, two)]
        rng.shuffle(texts)
        return texts[0], texts[1]
