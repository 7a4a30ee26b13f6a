"""Words of everyday events, by domain: who does what to what, and where; and how words relate.

The domains fall in two partitions with disjoint people and things. ``HOME`` is used everywhere,
``AWAY`` only in the mismatched validation split of MNLI and mixed into the tasks that need no partition.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Frame:
    """A transitive verb with the things it is done to, its synonyms and the verbs that exclude it."""

    verb: str
    objects: tuple[str, ...]
    synonyms: tuple[str, ...]
    opposites: tuple[str, ...]


@dataclass(frozen=True)
class Domain:
    """A corner of the world: people, transitive frames, places indoors and outdoors."""

    name: str
    people: tuple[str, ...]
    frames: tuple[Frame, ...]
    indoors: tuple[str, ...]
    outdoors: tuple[str, ...]


def words(text: str) -> tuple[str, ...]:
    """Return the phrases of ``text``, which stand between commas."""
    return tuple(" ".join(phrase.split()) for phrase in text.split(",") if phrase.strip())


def _frame(line: str) -> Frame:
    head, objects = line.split(":")
    head, _, opposites = head.partition("!")
    verb, _, synonyms = head.partition("=")
    return Frame(verb.strip(), words(objects), words(synonyms), words(opposites))


def _domain(name: str, people: str, frames: str, indoors: str, outdoors: str) -> Domain:
    lines = [line for line in frames.strip().splitlines() if line.strip()]
    return Domain(name, words(people), tuple(map(_frame, lines)), words(indoors), words(outdoors))


# A frame's line reads "verb = synonyms ! opposites : objects".
HOME = (
    _domain(
        "kitchen",
        "cook, chef, waiter, waitress, baker, butcher, diner, host",
        """
        peel: potato, onion, carrot, apple, orange
        chop = cut: onion, carrot, cabbage, mushroom, pepper
        taste = try: soup, sauce, cake, pie, cheese
        heat = warm ! cool, freeze: soup, milk, sauce, juice
        bake: cake, pie, cookie, muffin
        order: pizza, salad, coffee, burger
        wash = clean: plate, cup, bowl, knife, pan
        fill ! empty: cup, bowl, bottle, jar
        slice = cut: melon, lemon, banana, potato, cake
        drink: tea, coffee, milk, juice
        """,
        "in the kitchen, in the restaurant, in the bakery, in the dining room",
        "on the terrace, at the picnic",
    ),
    _domain(
        "farm",
        "farmer, gardener, shepherd, boy, girl, villager, hunter, widow",
        """
        feed: horse, cow, goat, chicken, sheep, pig
        plant: tree, rose, tulip, lily, daisy
        pick = gather: apple, cherry, pear, peach, rose
        chase = pursue: rabbit, fox, duck, goose, goat
        build = construct ! destroy, demolish: barn, shed, fence, wall
        ride: horse, donkey, pony, camel
        catch = capture ! release, free: rabbit, frog, mouse, chicken, duck
        buy = purchase ! sell: cow, horse, tractor, shovel, rake
        paint: fence, gate, barn, shed
        """,
        "in the barn, in the stable, in the greenhouse",
        "in the field, in the garden, in the yard, near the river, in the orchard",
    ),
    _domain(
        "house",
        "woman, man, mother, father, grandmother, grandfather, uncle, aunt, neighbor, landlord, cleaner",
        """
        open ! close, shut: door, window, drawer, box
        repair = fix, mend ! break, smash: chair, table, lamp, radio, clock, toaster
        move: sofa, desk, bed, table
        iron: shirt, dress, skirt, blouse
        lock ! unlock: door, gate, cabinet, box
        hide = conceal ! show, reveal: letter, key, necklace, present, diary
        find = discover ! lose: key, wallet, ring, necklace, glove
        fold ! unfold: shirt, towel, blanket, sweater
        clean = wash: window, oven, carpet, sofa, mirror
        throw away = discard ! keep: newspaper, magazine, sock, pillow
        """,
        "in the bedroom, in the living room, in the hallway, in the attic, in the basement",
        "on the balcony, on the porch, in the backyard",
    ),
    _domain(
        "school",
        "teacher, student, pupil, principal, librarian, child, janitor, tutor",
        """
        write = compose ! erase: essay, poem, story, report
        read: novel, textbook, poem, story, comic
        draw = sketch ! erase: circle, square, triangle, map
        solve: puzzle, riddle, problem, equation
        borrow ! return: dictionary, pencil, ruler, eraser, novel
        finish = complete ! start, begin: project, test, essay, exercise
        carry ! drop: backpack, globe, microscope, textbook
        explain: lesson, rule, riddle, experiment
        """,
        "in the classroom, in the library, in the gym, in the cafeteria",
        "on the playground, in the schoolyard",
    ),
    _domain(
        "street",
        "driver, police officer, tourist, jogger, cyclist, beggar, courier, widower",
        """
        park: car, van, truck, motorcycle
        photograph: statue, fountain, bridge, pigeon, squirrel
        follow = trail: dog, puppy, cat, kitten
        push ! pull: cart, stroller, bicycle, wagon
        throw = toss ! catch: ball, frisbee, stone, snowball
        climb: ladder, hill, wall, stairway
        stop ! start: bus, taxi, truck, tram
        sweep = brush: sidewalk, bridge, stairway
        steal ! return: bicycle, wallet, car, purse
        """,
        "in the garage, in the station, in the tunnel",
        "on the street, in the park, in the square, at the corner, on the sidewalk",
    ),
    _domain(
        "shop",
        "customer, cashier, clerk, tailor, jeweler, florist, merchant, shopper",
        """
        buy = purchase ! sell: jacket, scarf, bracelet, coat, sweater
        wrap ! unwrap: vase, doll, candle, bracelet
        examine = inspect ! ignore: diamond, earring, watch, bracelet
        damage = harm ! repair: vase, mirror, clock, coat
        measure: skirt, coat, curtain, carpet
        choose = select ! refuse: scarf, toy, kite, puzzle, doll
        count: coin, candle, button, bead
        """,
        "in the store, in the shop, in the mall, in the boutique",
        "at the market, on the shopping street",
    ),
)

AWAY = (
    _domain(
        "hospital",
        "doctor, nurse, surgeon, patient, dentist, pharmacist, paramedic",
        """
        examine = inspect ! ignore: wound, knee, tooth, shoulder, ankle
        treat = heal: burn, fever, injury, infection
        lift = raise ! lower: stretcher, blind, bandage
        swallow ! spit out: pill, tablet, syrup
        clean = wash: needle, wound, syringe
        order = request ! cancel: vaccine, syringe, bandage
        """,
        "in the clinic, in the ward, in the hospital, in the waiting room",
        "outside the clinic, next to the ambulance",
    ),
    _domain(
        "harbor",
        "sailor, captain, fisherman, diver, lifeguard, fisherwoman, pirate",
        """
        sail = steer: boat, yacht, ship, ferry
        catch = capture ! release, free: salmon, trout, tuna, crab, shark
        load ! unload: crate, barrel, container, ship
        tie ! untie: rope, boat, raft
        rescue = save ! abandon: dolphin, seal, turtle, whale
        buy = purchase ! sell: lobster, boat, anchor, net
        """,
        "in the cabin, in the warehouse, in the engine room",
        "at the harbor, on the beach, on the deck, on the island",
    ),
    _domain(
        "airport",
        "pilot, passenger, mechanic, traveler, stewardess, officer, porter",
        """
        land: airplane, helicopter, jet, glider
        pack ! unpack: suitcase, bag, trunk
        show = present ! hide: passport, ticket, visa
        repair = fix ! break: engine, wing, propeller
        weigh: suitcase, parcel, crate
        cancel ! confirm: flight, trip, reservation
        """,
        "in the terminal, in the hangar, in the lounge",
        "on the runway, outside the terminal",
    ),
    _domain(
        "music",
        "singer, pianist, actor, actress, dancer, composer, drummer, director",
        """
        play: guitar, piano, violin, flute, trumpet
        tune: guitar, violin, harp, cello
        record = tape ! delete: song, album, symphony
        write = compose: opera, song, musical, symphony
        praise = applaud ! criticize, condemn: concert, ballet, performance, opera
        carry ! drop: drum, costume, mask, cello
        """,
        "in the theater, in the studio, in the concert hall, on the stage",
        "at the festival, at the open-air stage",
    ),
    _domain(
        "sports",
        "goalkeeper, swimmer, boxer, skier, referee, athlete, runner, trainer",
        """
        win ! lose: match, race, tournament, medal
        watch = view ! ignore: match, race, replay
        carry ! drop: trophy, helmet, racket, paddle
        kick: football, bucket, locker
        break = damage ! repair: racket, ski, helmet, paddle
        enter ! leave: stadium, arena, pool
        """,
        "in the gymnasium, in the locker room, in the arena",
        "on the track, on the slope, in the stadium",
    ),
    _domain(
        "office",
        "scientist, manager, secretary, lawyer, accountant, programmer, professor, engineer",
        """
        sign: contract, form, invoice, petition
        send ! receive: email, package, invoice, fax
        accept = approve ! reject, refuse: offer, proposal, plan
        design = invent: robot, computer, phone, camera
        study = examine ! ignore: beetle, ant, bee, butterfly
        print ! delete: contract, document, photo, chart
        switch on = turn on ! switch off, turn off: computer, printer, scanner, robot
        """,
        "in the office, in the laboratory, in the meeting room, in the lobby",
        "on the roof, in the parking lot",
    ),
)

# General word of a thing -> its kinds. Kinds of one thing exclude each other.
KINDS = {
    "fruit": "apple, orange, melon, lemon, banana, cherry, pear, peach",
    "vegetable": "potato, onion, carrot, cabbage, pepper",
    "animal": "horse, cow, goat, sheep, pig, rabbit, fox, frog, mouse, donkey, pony, camel, squirrel",
    "bird": "chicken, duck, goose, pigeon",
    "pet": "dog, cat, puppy, kitten",
    "flower": "rose, tulip, lily, daisy",
    "tool": "shovel, rake, ladder",
    "vehicle": "car, van, truck, motorcycle, bus, taxi, tractor, tram",
    "piece of furniture": "chair, table, sofa, desk, bed, cabinet",
    "piece of clothing": "shirt, dress, skirt, blouse, jacket, scarf, coat, sweater, sock, glove",
    "piece of jewelry": "necklace, ring, bracelet, earring",
    "drink": "tea, coffee, milk, juice",
    "book": "novel, textbook, dictionary, diary, comic",
    "toy": "doll, kite, frisbee",
    "building": "barn, shed",
    "shape": "circle, square, triangle",
    "dessert": "cake, pie, cookie, muffin",
    "fish": "salmon, trout, tuna, shark",
    "medicine": "pill, tablet, syrup, vaccine",
    "sea animal": "dolphin, seal, turtle, whale, crab, lobster",
    "vessel": "boat, yacht, ship, ferry",
    "aircraft": "airplane, helicopter, jet, glider",
    "piece of luggage": "suitcase, bag, trunk",
    "instrument": "guitar, piano, violin, flute, trumpet, harp, cello, drum",
    "insect": "beetle, ant, bee, butterfly",
    "document": "contract, invoice, passport, visa, petition",
    "machine": "computer, robot, printer, scanner, phone, camera",
    "piece of sports equipment": "racket, ski, helmet, paddle, football",
    "show": "opera, ballet, concert, musical",
}
KINDS = {general: words(kinds) for general, kinds in KINDS.items()}
GENERAL = {kind: general for general, kinds in KINDS.items() for kind in kinds}

MASS = frozenset(words("soup, sauce, cheese, milk, juice, tea, coffee, syrup, fruit, medicine"))

MEN = words(
    """
    waiter, boy, man, father, grandfather, uncle, landlord, fisherman, actor, widower
    """
)
WOMEN = words(
    """
    waitress, girl, woman, mother, grandmother, aunt, widow, fisherwoman, stewardess, actress
    """
)

# What one person does to another; either could do it to the other.
SOCIAL = words(
    """
    thank, greet, call, help, invite, blame, visit, praise, follow, hug, push, interview, trust, warn,
    ignore, chase, watch, kiss, admire, insult, tease, accuse, forgive, photograph, recognize, remember,
    pay, hire, question, comfort, fool, punish, surprise, annoy, impress, scare, trick, teach
    """
)

# Adjective <-> the one that excludes it.
THING_OPPOSITES = {
    "big": "small",
    "old": "new",
    "cheap": "expensive",
    "beautiful": "ugly",
}
PERSON_OPPOSITES = {
    "young": "old",
    "tall": "short",
    "happy": "sad",
    "rich": "poor",
    "lazy": "hardworking",
    "calm": "nervous",
    "strong": "weak",
    "polite": "rude",
    "brave": "cowardly",
    "thin": "fat",
}
SYNONYM_ADJECTIVES = {
    "big": "large",
    "small": "little",
    "happy": "glad",
    "sad": "unhappy",
    "rich": "wealthy",
    "calm": "relaxed",
    "nervous": "anxious",
    "brave": "courageous",
    "polite": "courteous",
    "beautiful": "lovely",
    "cheap": "inexpensive",
    "expensive": "costly",
    "rude": "impolite",
    "thin": "slim",
    "old": "aged",
}

TIMES = words(
    """
    in the morning, in the evening, in the afternoon, at noon, at midnight, at night, on Monday, on
    Tuesday, on Wednesday, on Thursday, on Friday, on Saturday, on Sunday, after lunch, before dinner,
    after breakfast, in spring, in summer, in autumn, in winter, last week, yesterday, this year, last
    month
    """
)
