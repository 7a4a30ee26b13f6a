"""English inflection and the wording of events: active, passive, negated, past or in progress."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import Any

from synthetic_glue.lexicon import MASS, Domain, Frame, words

_PLURALS = {
    "man": "men",
    "woman": "women",
    "child": "children",
    "mouse": "mice",
    "goose": "geese",
    "sheep": "sheep",
    "tooth": "teeth",
    "fish": "fish",
    "aircraft": "aircraft",
    "knife": "knives",
    "salmon": "salmon",
    "trout": "trout",
    "tuna": "tuna",
    "fisherman": "fishermen",
    "fisherwoman": "fisherwomen",
    "person": "people",
}

# base: past, participle
_IRREGULAR = {
    "buy": "bought bought",
    "sell": "sold sold",
    "build": "built built",
    "catch": "caught caught",
    "feed": "fed fed",
    "ride": "rode ridden",
    "drink": "drank drunk",
    "cut": "cut cut",
    "freeze": "froze frozen",
    "break": "broke broken",
    "shut": "shut shut",
    "hide": "hid hidden",
    "show": "showed shown",
    "find": "found found",
    "lose": "lost lost",
    "throw": "threw thrown",
    "keep": "kept kept",
    "write": "wrote written",
    "read": "read read",
    "draw": "drew drawn",
    "begin": "began begun",
    "sweep": "swept swept",
    "steal": "stole stolen",
    "choose": "chose chosen",
    "spit": "spat spat",
    "win": "won won",
    "leave": "left left",
    "send": "sent sent",
    "pay": "paid paid",
    "teach": "taught taught",
    "eat": "ate eaten",
    "sing": "sang sung",
    "go": "went gone",
    "see": "saw seen",
    "know": "knew known",
    "give": "gave given",
    "take": "took taken",
    "speak": "spoke spoken",
    "fall": "fell fallen",
    "run": "ran run",
    "swim": "swam swum",
    "sleep": "slept slept",
    "beat": "beat beaten",
    "hurt": "hurt hurt",
    "tell": "told told",
    "meet": "met met",
    "sue": "sued sued",
    "overcome": "overcame overcome",
}
_DOUBLED = frozenset(
    words(
        """
    cut, chop, shut, hug, stop, begin, win, plan, drop, spit, wrap, run, swim, admit, quit
    """
    )
)


def plural(noun: str) -> str:
    """Return the plural of ``noun``; of "piece of X" the plural is "pieces of X"."""
    head, of, rest = noun.partition(" of ")
    if of:
        return plural(head) + of + rest
    before, space, last = noun.rpartition(" ")
    if last in _PLURALS:
        last = _PLURALS[last]
    elif last.endswith(("s", "x", "z", "ch", "sh")) or last in ("potato", "tomato"):
        last += "es"
    elif last.endswith("y") and last[-2] not in "aeiou":
        last = last[:-1] + "ies"
    else:
        last += "s"
    return before + space + last


def article(phrase: str) -> str:
    """Return ``phrase`` with "a" or "an" before it."""
    vowel = phrase[0] in "aeiou" and not phrase.startswith(("uni", "use", "one"))
    return ("an " if vowel or phrase.startswith(("hour", "honest")) else "a ") + phrase


def _inflect(verb: str, form: str) -> str:
    head, space, particle = verb.partition(" ")
    if form in ("past", "participle"):
        if head in _IRREGULAR:
            head = _IRREGULAR[head].split()[form == "participle"]
        elif head.endswith("e"):
            head += "d"
        elif head.endswith("y") and head[-2] not in "aeiou":
            head = head[:-1] + "ied"
        else:
            head += (head[-1] if head in _DOUBLED else "") + "ed"
    elif form == "ing":
        if head.endswith("ie"):
            head = head[:-2] + "ying"
        elif head.endswith("e") and not head.endswith("ee"):
            head = head[:-1] + "ing"
        else:
            head += (head[-1] if head in _DOUBLED else "") + "ing"
    elif form == "s":
        if head.endswith(("s", "x", "z", "ch", "sh", "o")):
            head += "es"
        elif head.endswith("y") and head[-2] not in "aeiou":
            head = head[:-1] + "ies"
        else:
            head += "s"
    return head + space + particle


def past(verb: str) -> str:
    """Return the past tense, e.g. "wrote"."""
    return _inflect(verb, "past")


def participle(verb: str) -> str:
    """Return the past participle, e.g. "written"."""
    return _inflect(verb, "participle")


def ing(verb: str) -> str:
    """Return the present participle, e.g. "writing"."""
    return _inflect(verb, "ing")


def third(verb: str) -> str:
    """Return the third person singular, e.g. "writes"."""
    return _inflect(verb, "s")


def sentence(*parts: str) -> str:
    """Join the non-empty parts with spaces, with a capital letter and a full stop (unless one is there)."""
    text = " ".join(part for part in parts if part).replace(" ,", ",")
    text = text[0].upper() + text[1:]
    return text if text[-1] in ".?!" else text + "."


@dataclass(frozen=True)
class Noun:
    """A noun phrase in the singular, or in the plural with ``many``."""

    head: str
    determiner: str = "the"  # the, a, any
    adjective: str = ""
    many: bool = False

    def __str__(self) -> str:
        words = " ".join(filter(None, (self.adjective, plural(self.head) if self.many else self.head)))
        if self.determiner == "a":
            if self.many or (self.head in MASS):
                return f"some {words}"
            return article(words)
        if self.determiner == "any" and self.head not in MASS and not self.many:
            return f"any {words}"
        return f"{self.determiner} {words}".strip()


@dataclass(frozen=True)
class Event:
    """Somebody does something to something; worded by :func:`active` and :func:`passive`."""

    agent: Noun
    verb: str
    patient: Noun
    progressive: bool = False
    negated: bool = False
    place: str = ""
    time: str = ""

    def but(self, **changes: Any) -> Event:
        """Return a copy with some parts changed."""
        return replace(self, **changes)


def predicate(event: Event, agent: Noun | None = None) -> str:
    """Return what the agent does, without the agent: "was not peeling the apple in the kitchen"."""
    many = (agent or event.agent).many
    if event.progressive:
        verb = ("were" if many else "was") + (" not " if event.negated else " ") + ing(event.verb)
    else:
        verb = f"did not {event.verb}" if event.negated else past(event.verb)
    return " ".join(filter(None, (verb, str(event.patient), event.place, event.time)))


def active(event: Event) -> str:
    """Word ``event`` with the agent as the subject."""
    return sentence(str(event.agent), predicate(event))


def passive(event: Event) -> str:
    """Word ``event`` with the patient as the subject."""
    verb = "were" if event.patient.many else "was"
    if event.negated:
        verb += " not"
    if event.progressive:
        verb += " being"
    return sentence(
        str(event.patient), verb, participle(event.verb), f"by {event.agent}", event.place, event.time
    )


def draw_event(
    rng: random.Random, domain: Domain, frame: Frame | None = None, thing: str | None = None
) -> Event:
    """Draw an event of ``domain`` with indefinite or definite phrases and no place or time."""
    frame = frame or rng.choice(domain.frames)
    agent = Noun(rng.choice(domain.people), rng.choice(("the", "the", "a")))
    patient = Noun(thing or rng.choice(frame.objects), rng.choice(("the", "a")))
    return Event(agent, frame.verb, patient, progressive=rng.random() < 0.4)


def draw_place(rng: random.Random, domain: Domain) -> str:
    """Draw a place of ``domain``, e.g. "in the kitchen"."""
    return rng.choice(domain.indoors + domain.outdoors)
