"""QQP-shaped rows: two questions, and whether one answer would serve both.

Each phenomenon is a function (rng, duplicate) -> (question, question).
"""

from __future__ import annotations

import random

from synthetic_glue.grammar import past, sentence
from synthetic_glue.lexicon import words

NOT_DUPLICATE, DUPLICATE = 0, 1

# What people want to do: wordings of one wish before "!", a different but close wish after it.
_WISHES = """
lose weight = become slimmer = get thinner ! gain weight
learn to cook = become a good cook ! learn to bake
quit smoking = stop smoking = give up cigarettes ! start smoking
fall asleep quickly = get to sleep faster ! stay awake
earn money online = make money on the internet ! spend money online
buy a house = purchase a home ! sell a house
find a job = get employed ! quit a job
learn English = study English ! teach English
remove a stain from a shirt = get a stain out of a shirt ! remove a stain from a carpet
start a company = set up a business ! close a company
get rid of mice = get mice out of the house ! get rid of ants
improve my memory = remember things better ! forget bad memories
repair a phone = fix a broken phone ! repair a laptop
open a bank account = set up an account at a bank ! close a bank account
train a dog = teach a dog to obey ! train a cat
write a novel = become the author of a novel ! publish a novel
invest money = put my savings to work ! borrow money
learn to drive = get a driving license ! learn to fly
build muscle = become more muscular ! lose muscle
reduce stress = feel less stressed ! reduce noise
clean a carpet = wash a carpet ! clean a mattress
grow tomatoes = cultivate tomatoes ! grow potatoes
hide my phone number = keep my phone number secret ! find a phone number
delete an email account = remove an email account ! create an email account
travel to Japan cheaply = visit Japan on a small budget ! travel to China cheaply
make friends = get to know new people ! lose friends
raise a child = bring up a child ! adopt a child
become a doctor = get to work as a physician ! become a lawyer
wake up early = get up early in the morning ! go to bed early
save electricity = use less power at home ! save water
speak in public = give a speech to an audience ! speak in private
cure a cold = get over a cold ! catch a cold
increase my income = earn more money ! increase my expenses
learn the guitar = learn to play the guitar ! learn the piano
cancel a flight = call off a flight booking ! book a flight
rent an apartment = find a flat to rent ! rent a car
lower my blood pressure = bring my blood pressure down ! raise my blood pressure
get over a breakup = recover from the end of a relationship ! get out of a relationship
learn programming = learn to write code ! learn drawing
prepare for an interview = get ready for a job interview ! prepare for an exam
"""
WISHES = [
    ([wording.strip() for wording in same.split("=")], other.strip())
    for same, other in (line.split("!") for line in _WISHES.strip().splitlines())
]
_HOW = (
    "how can I {}",
    "how do I {}",
    "what is the best way to {}",
    "what should I do to {}",
    "is there an easy way to {}",
    "how do people {}",
    "what are some good ways to {}",
    "can you tell me how to {}",
)

CITIES = words(
    """
    London, Paris, Berlin, Madrid, Rome, Vienna, Moscow, Tokyo, Beijing, Delhi, Sydney, Boston, Chicago,
    Toronto, Dublin, Athens, Cairo, Lisbon, Prague, Oslo, Dallas, Seattle, Miami, Mumbai, Singapore,
    Amsterdam, Zurich
    """
)
COUNTRIES = words(
    """
    France, Germany, Spain, Italy, Russia, China, India, Japan, Brazil, Canada, Mexico, Egypt, Turkey,
    Sweden, Norway, Poland, Greece, Ireland, Austria, Australia, Argentina, Chile, Kenya, Nigeria,
    Thailand, Vietnam
    """
)
_FACTS = (
    ("what is the population of {}", "how many people live in {}", "how many inhabitants does {} have"),
    ("what is the capital of {}", "which city is the capital of {}", "in which city is the government of {}"),
    ("how big is {}", "what is the area of {}", "how large is the territory of {}"),
    (
        "what language is spoken in {}",
        "which language do people speak in {}",
        "what do the people of {} speak",
    ),
    ("what money is used in {}", "what is the currency of {}", "with which currency do you pay in {}"),
    ("who is the leader of {}", "who governs {}", "who is in charge of the government of {}"),
    ("is it safe to travel to {}", "is {} a safe country for tourists", "is it dangerous to visit {}"),
    ("what is the weather like in {}", "how is the climate in {}", "what kind of weather does {} have"),
    ("what do people eat in {}", "what is the typical food of {}", "which dishes is {} known for"),
    (
        "when is the best time to visit {}",
        "in which season should I travel to {}",
        "which month is best for a trip to {}",
    ),
    ("how old is {}", "when was {} founded", "in which year did {} come into being"),
)
_RIVALS = words(
    """
    a cat, a dog, a laptop, a tablet, tea, coffee, Python, Java, football, tennis, a bus, a train, a
    car, a bicycle, rice, bread, butter, oil, gold, silver, yoga, running, a book, a film, chess, poker,
    wine, beer, a lion, a tiger, a shark, a crocodile, an eagle, an owl, a robot, a human, a king, a
    president, a doctor, a nurse
    """
)
_SCALES = tuple(
    tuple(pair.split(" or "))
    for pair in words(
        """
        better or worse, cheaper or more expensive, faster or slower, healthier or less healthy,
        stronger or weaker, safer or more dangerous, smarter or dumber, older or younger
        """
    )
)
_HABITS = words(
    """
    eat breakfast, take a shower, go for a run, drink coffee, brush my teeth, do my homework, go to bed,
    watch TV, check my email, take a nap, feed the dog, clean the house, wash my hair, read the news,
    study, take a vitamin, stretch, lift weights, call my boss, drink water, paint the walls, install
    the software, pay the bill, sign the form
    """
)
_TRAVEL = ("flight", "train", "bus", "trip", "ticket", "ferry", "tour", "ride")
_GROUPS = tuple(
    tuple(pair.split(" and "))
    for pair in words(
        """
        parents and children, teachers and students, doctors and patients, managers and employees,
        men and women, cats and dogs, lawyers and judges, actors and directors, police officers and criminals,
        voters and politicians, players and coaches, writers and readers, landlords and tenants,
        customers and sellers, neighbors and tourists, nurses and surgeons, husbands and wives,
        brothers and sisters, Americans and Russians, scientists and engineers
        """
    )
)
_FEELINGS = words(
    """
    hate, fear, trust, ignore, admire, blame, envy, respect, avoid, love, help, criticize, follow, need,
    attack, protect
    """
)
Pair = tuple[str, str]


def _ask(text: str) -> str:
    return sentence(text + "?")


def wishes(rng: random.Random, duplicate: bool) -> Pair:
    """The same wish in other words, or a close but different wish."""
    same, other = rng.choice(WISHES)
    one, two = rng.sample(_HOW, 2)
    first = rng.choice(same)
    if duplicate:
        second = rng.choice(same)
    else:
        second = other
        if rng.random() < 0.5:
            first, second = second, first
    return _ask(one.format(first)), _ask(two.format(second))


def facts(rng: random.Random, duplicate: bool) -> Pair:
    """The same fact of the same country, or another fact, or another country."""
    fact, other = rng.sample(_FACTS, 2)
    country, elsewhere = rng.sample(COUNTRIES, 2)
    one, two = rng.sample(fact, 2)
    if not duplicate:
        if rng.random() < 0.5:
            two = rng.choice(other)
        else:
            return _ask(one.format(country)), _ask(two.format(elsewhere))
    return _ask(one.format(country)), _ask(two.format(country))


def directions(rng: random.Random, duplicate: bool) -> Pair:
    """From one city to another, and back."""
    start, end = rng.sample(CITIES, 2)
    what = rng.choice(_TRAVEL)
    forms = (
        "what is the cheapest {w} from {a} to {b}",
        "which {w} from {a} to {b} costs the least",
        "what is the cheapest {w} to {b} from {a}",
        "where do I find a cheap {w} from {a} to {b}",
        "how do I get a cheap {w} to {b} if I start in {a}",
    )
    one, two = rng.sample(forms, 2)
    first = one.format(w=what, a=start, b=end)
    return _ask(first), _ask(
        two.format(w=what, a=start, b=end) if duplicate else two.format(w=what, a=end, b=start)
    )


def rivals(rng: random.Random, duplicate: bool) -> Pair:
    """Better and worse, with the two things in either order."""
    one, two = rng.sample(_RIVALS, 2)
    more, less = rng.sample(rng.choice(_SCALES), 2)
    claims = [f"{one} is {more} than {two}", f"{two} is {less} than {one}"]
    opposite = [f"{two} is {more} than {one}", f"{one} is {less} than {two}"]
    openings = rng.sample(
        ("is it true that {}", "do you think {}", "can it be that {}", "who says that {}"), 2
    )
    first = rng.choice(claims)
    second = rng.choice(
        [claim for claim in claims if claim != first] * 2 + [first] if duplicate else opposite
    )
    return _ask(openings[0].format(first)), _ask(openings[1].format(second))


def sequence(rng: random.Random, duplicate: bool) -> Pair:
    """Before and after."""
    one, two = rng.sample(_HABITS, 2)
    opening = rng.sample(
        ("should I {}", "is it good to {}", "is it better to {}", "do I have to {}", "is it wise to {}"), 2
    )
    forms = [(one, "before", two), (two, "after", one)]
    wrong = [(one, "after", two), (two, "before", one)]
    first, second = rng.choice(forms), rng.choice(forms if duplicate else wrong)
    one, two = (
        _ask(o.format(f"{a} {w} I {b}")) for o, (a, w, b) in zip(opening, (first, second), strict=True)
    )
    return one, two


def feelings(rng: random.Random, duplicate: bool) -> Pair:
    """Who does it to whom, in the active and the passive."""
    one, two = rng.sample(rng.choice(_GROUPS), 2)
    verb = rng.choice(_FEELINGS)
    opening = rng.choice(("why do", "when do", "do most", "how often do"))
    agent, patient = (one, two) if duplicate else (two, one)
    passive = f"{opening.replace('do', 'are')} {patient} {past(verb)} by {agent}"
    first = f"{opening} {one} {verb} {two}"
    second = passive if duplicate or rng.random() < 0.7 else f"{opening} {agent} {verb} {patient}"
    if rng.random() < 0.5:
        first, second = second, first
    return _ask(first), _ask(second)


_COMMON = (wishes, facts)
_RARE = (directions, rivals, sequence, feelings)
PHENOMENA = (*_COMMON, *_COMMON, *_COMMON, *_RARE)


def draw(rng: random.Random, domain: object, label: int) -> Pair:
    """Draw two questions of ``label``; the domain plays no part."""
    return rng.choice(PHENOMENA)(rng, label == DUPLICATE)
