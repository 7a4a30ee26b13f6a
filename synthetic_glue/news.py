"""Words of the news and the wording of deals: who bought, sued or beat whom, where, when, for how much."""

from __future__ import annotations

import random
from dataclasses import dataclass

from synthetic_glue.grammar import participle, past, sentence
from synthetic_glue.lexicon import words

CITIES = words(
    """
    London, Paris, Berlin, Madrid, Rome, Vienna, Moscow, Tokyo, Beijing, Delhi, Sydney, Boston, Chicago,
    Toronto, Dublin, Athens, Cairo, Lisbon, Prague, Oslo, Dallas, Seattle, Miami, Geneva, Denver,
    Houston, Montreal
    """
)
_FIRST_NAMES = words(
    """
    Maria, John, Anna, David, Laura, Peter, Susan, Robert, Helen, Thomas, Karen, Michael, Julia, Daniel,
    Emma, George, Alice, Martin, Sarah, Paul, Nina, Victor, Diana, Henry
    """
)
_LAST_NAMES = words(
    """
    Lopez, Miller, Keller, Brown, Garcia, Novak, Rossi, Clark, Jensen, Cooper, Moore, Singh, Baker,
    Murphy, Walker, Fischer, Turner, Silva, Khan, Evans, Parker, Dubois, Lee, Ward
    """
)
OFFICES = words(
    """
    mayor, police chief, bishop, governor, transport minister, chief judge, football coach, union
    leader, bank director, museum director, school inspector, airport manager, fire chief, senator,
    hospital director
    """
)
_BRANDS = words(
    """
    Northern, Sunrise, Delta, Royal, Atlas, Golden, Pacific, Union, Silver, Eagle, Global, Metro,
    Alpine, Liberty, Phoenix, Central, Ocean, Crown, Victoria, Orion, Summit, Diamond, Falcon, Harbor
    """
)
_SECTORS = words(
    """
    Bank, Foods, Motors, Airlines, Energy, Steel, Media, Insurance, Software, Oil, Hotels, Railways,
    Telecom
    """
)
DAYS = words("Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday")
MONTHS = words(
    """
    January, March, April, June, July, August, September, October, November, December
    """
)
AMOUNTS = tuple(
    f"{count} {unit}" for count in (2, 3, 5, 8, 12, 20, 30, 45, 60, 75, 90) for unit in ("million", "billion")
)
SOURCES = words(
    """
    officials, the police, a spokesman, two newspapers, investors, a lawyer, analysts, the government, a
    witness, local media, an expert, the company's board
    """
)

# verb, its synonyms, its opposites
COMPANY_VERBS = (
    ("buy", ("acquire", "purchase", "take over"), ("sell",)),
    ("sue", ("take to court", "prosecute"), ("thank",)),
    ("praise", ("applaud", "commend"), ("criticize", "attack")),
    ("criticize", ("blame", "denounce"), ("praise", "defend")),
    ("support", ("back", "help"), ("oppose", "fight")),
    ("supply", ("provide for",), ("boycott",)),
    ("replace", ("succeed",), ("join",)),
    ("reject", ("refuse", "turn down"), ("accept", "welcome")),
    ("copy", ("imitate",), ("inspire",)),
)
PERSON_VERBS = (
    ("meet", ("see",), ("avoid",)),
    ("defeat", ("beat", "overcome"), ("lose to",)),
    ("praise", ("applaud", "commend"), ("criticize", "attack")),
    ("criticize", ("blame", "denounce"), ("praise", "defend")),
    ("support", ("back", "help"), ("oppose", "fight")),
    ("hire", ("employ", "recruit"), ("fire", "dismiss")),
    ("arrest", ("detain",), ("release", "free")),
    ("call", ("phone", "telephone"), ("ignore",)),
    ("trust", ("believe in", "rely on"), ("distrust", "doubt")),
    ("warn", ("alert", "caution"), ("calm",)),
    ("help", ("assist", "aid"), ("hinder",)),
    ("accuse", ("charge",), ("defend",)),
)


@dataclass(frozen=True)
class Deal:
    """Somebody does something to somebody in a city on a day; ``verbs`` is (verb, synonyms, opposites)."""

    agent: str
    patient: str
    verbs: tuple[str, tuple[str, ...], tuple[str, ...]]
    city: str
    day: str


def draw_person(rng: random.Random) -> str:
    """Draw a name, e.g. "Maria Lopez"."""
    return f"{rng.choice(_FIRST_NAMES)} {rng.choice(_LAST_NAMES)}"


def draw_company(rng: random.Random) -> str:
    """Draw a company, e.g. "Sunrise Foods"."""
    return f"{rng.choice(_BRANDS)} {rng.choice(_SECTORS)}"


def draw_two(rng: random.Random, companies: bool) -> tuple[str, str]:
    """Draw two companies or two people without a common word."""
    draw = draw_company if companies else draw_person
    while True:
        one, two = draw(rng), draw(rng)
        if not set(one.split()) & set(two.split()):
            return one, two


def draw_deal(rng: random.Random) -> Deal:
    """Draw a deal between two companies, two people, or two office holders."""
    kind = rng.choice(("company", "person", "office"))
    if kind == "office":
        agent, patient = (f"the {office}" for office in rng.sample(OFFICES, 2))
    else:
        agent, patient = draw_two(rng, kind == "company")
    verbs = rng.choice(COMPANY_VERBS if kind == "company" else PERSON_VERBS)
    return Deal(agent, patient, verbs, rng.choice(CITIES), rng.choice(DAYS))


def other_verb(rng: random.Random, deal: Deal) -> str:
    """Draw a verb that fits the two but says something unrelated to the deal's."""
    family = COMPANY_VERBS if deal.verbs in COMPANY_VERBS else PERSON_VERBS
    verb, synonyms, opposites = deal.verbs
    told = {verb, *synonyms, *opposites}
    return rng.choice([verbs[0] for verbs in family if not told & {verbs[0], *verbs[1], *verbs[2]}])


def clause(deal: Deal, verb: str, passive: bool, negated: bool = False) -> str:
    """Word a deal with ``verb``, one of its verbs, without city and day."""
    if verb == "take to court":
        done, base = f"took {deal.patient} to court", f"take {deal.patient} to court"
        suffered = "taken to court"
    else:
        done, base, suffered = f"{past(verb)} {deal.patient}", f"{verb} {deal.patient}", participle(verb)
    if passive:
        return f"{deal.patient} was {'not ' if negated else ''}{suffered} by {deal.agent}"
    return f"{deal.agent} did not {base}" if negated else f"{deal.agent} {done}"


def told(rng: random.Random, text: str, deal: Deal, source: str = "") -> str:
    """Word a whole report: the clause with city and day in one of several places, and who said it."""
    on, at = f"on {deal.day}", f"in {deal.city}"
    source = source and f"{source} said"
    forms = [
        sentence(f"{on}, {text} {at}"),
        sentence(text, at, on),
        sentence(text, on, at),
        sentence(f"{at}, {text} {on}"),
    ]
    if source:
        forms = [
            sentence(f"{source} that {text} {at} {on}"),
            sentence(f"{text} {at} {on}, {source}"),
            sentence(f"{on}, {text} {at}, {source}"),
        ]
    return rng.choice(forms)
