"""QNLI-shaped rows: a question, and whether a sentence answers it."""

from __future__ import annotations

import random

from synthetic_glue.grammar import Noun, active, draw_event, draw_place, ing, passive, past, sentence
from synthetic_glue.lexicon import TIMES, Domain

ENTAILMENT, NOT_ENTAILMENT = 0, 1


def draw(rng: random.Random, domain: Domain, label: int) -> tuple[str, str]:
    """Draw a question and a sentence; a wrong one lacks what is asked, or tells of something else."""
    frame = rng.choice(domain.frames)
    event = draw_event(rng, domain, frame)
    agent, thing = f"the {event.agent.head}", f"the {event.patient.head}"
    did = f"was {ing(event.verb)}" if event.progressive else past(event.verb)
    auxiliary, verb = ("was", ing(event.verb)) if event.progressive else ("did", event.verb)
    asked = rng.choice(("who", "what", "where", "when"))
    place, time = draw_place(rng, domain), rng.choice(TIMES)
    setting = {"where": {"place": place}, "when": {"time": time}}.get(asked) or rng.choice(
        ({"place": place}, {"time": time}, {})
    )
    question = {
        "who": f"who {did} {thing}",
        "what": f"what {auxiliary} {agent} {verb}",
        "where": f"where {auxiliary} {agent} {verb} {thing}",
        "when": f"when {auxiliary} {agent} {verb} {thing}",
    }[asked]
    told = event.but(**setting)
    if label == NOT_ENTAILMENT:
        if asked in ("where", "when") and rng.random() < 0.6:
            told = event.but(**({"time": time} if asked == "where" else {"place": place}))
        elif asked == "what" or (asked in ("where", "when") and rng.random() < 0.5):
            others = [person for person in domain.people if person != event.agent.head]
            told = told.but(agent=Noun(rng.choice(others)))
        else:
            others = [other for other in frame.objects if other != event.patient.head]
            told = told.but(patient=Noun(rng.choice(others)))
    return sentence(question + "?"), rng.choice((active, active, passive))(told)
