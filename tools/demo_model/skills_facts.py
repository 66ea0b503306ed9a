"""Capitals, calendar, opposites, animals, definitions, kinds of things and spelling."""

import random

from dialog import (Answers, Phrasings, Turn, article, dress, first_upper, invented, join_words,
                    read_table)

CAPITALS = read_table("capitals.tsv")
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
MONTHS = ("January February March April May June July August September October November "
          "December").split()
LENGTHS = dict(zip(MONTHS, (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31), strict=True))
ORDINALS = ("first second third fourth fifth sixth seventh eighth ninth tenth eleventh "
            "twelfth").split()
DEFINITIONS = dict(read_table("definitions.tsv"))
KINDS = {kind: members.split(", ") for kind, members in read_table("categories.tsv")}
ANIMALS = read_table("animals.tsv")
FACTS = Answers.read("facts.tsv")
PROPER_KINDS = ("planet", "continent", "language", "programming language")
PLURALS = {"fish": "fish", "body part": "body parts", "furniture": "pieces of furniture",
           "clothing": "pieces of clothing", "weather": "kinds of weather", "food": "foods"}
MASS_KINDS = ("material", "weather", "metal", "spice", "drink", "meal", "feeling", "colour",
              "sport", "school subject", "season", "food", *PROPER_KINDS)


PLACES = ("Texas Florida Bavaria Sicily California Siberia Scotland Wales Europe Africa Asia Mars Atlantis Utopia "
          "Hogwarts Narnia Lapland Tuscany Crete Hawaii Alaska Greenland Quebec Ohio").split()


def opposite_table() -> dict[str, str]:
    """Both directions of each pair; the first meaning of a word wins."""
    table: dict[str, str] = {}
    for one, other in read_table("opposites.tsv"):
        table.setdefault(one, other)
    for one, other in read_table("opposites.tsv"):
        table.setdefault(other, one)
    return table


OPPOSITES = opposite_table()
SPELLABLE = sorted({word for word in (*DEFINITIONS, *OPPOSITES, *sum(KINDS.values(), []))
                    if word.isascii() and word.isalpha() and word.islower() and 2 < len(word) < 11})

CAPITAL_OF = Phrasings(
    ("what is the capital of {}", "capital of {}", "the capital of {}", "what's the capital of {}",
     "which city is the capital of {}", "name the capital of {}", "tell me the capital of {}",
     "do you know the capital of {}", "{} capital", "what is the capital city of {}",
     "what capital does {} have", "what is the name of the capital of {}", "i need the capital of {}",
     "give me the capital of {}", "can you name the capital of {}", "what city is the capital of {}",
     "where is the government of {}", "{} has which capital", "say the capital of {}", "{}'s capital",
     "what is {}'s capital", "name {}'s capital", "i want to know {}'s capital", "{}: what is the capital",
     "the capital city of {}", "which capital belongs to {}", "i am in {}. what is its capital",
     "i am going to {}. what is the capital", "capital city {}", "what do they call the capital of {}"),
    ("which city is {}'s capital", "what's {}'s capital city", "please find out the capital of {}",
     "i forgot the capital of {}", "do you remember what the capital of {} is"))
CAPITAL_TO = Phrasings(
    ("which country has the capital {}", "{} is the capital of which country",
     "of which country is {} the capital", "what country is {} the capital of",
     "{} is the capital of", "name the country whose capital is {}",
     "the country with the capital {}", "in which country is {} the capital",
     "whose capital is {}", "what is {} the capital of", "{} is the capital city of", "which land has the capital {}",
     "where is {} the capital", "{} is whose capital", "to which country belongs the capital {}",
     "the capital {} belongs to which country"),
    ("i know that {} is a capital, but of which country", "which country's capital is {}",
     "tell me which country has {} as its capital"))
CAPITAL_NEXT = ("and {}", "and of {}", "what about {}", "and the capital of {}", "how about {}",
                "{}", "now {}")


def capital_answer(country: str, city: str) -> str:
    return f"The capital of {country} is {city}."


def capitals(rng: random.Random, held: bool) -> Turn:
    country, city = rng.choice(CAPITALS)
    if rng.random() < 0.7:
        asked, answer = CAPITAL_OF.pick(rng, held).format(country), capital_answer(country, city)
    else:
        asked, answer = CAPITAL_TO.pick(rng, held).format(city), f"{city} is the capital of {country}."
    return Turn(dress(rng, asked, held), answer)


def unknown_capitals(rng: random.Random, held: bool) -> Turn:
    """Capitals of places that are no country, and opposites of words that have none."""
    word = rng.choice((invented(rng), rng.choice(SPELLABLE)))
    if rng.random() < 0.6:
        word = rng.choice((first_upper(word), rng.choice(CAPITALS)[1], rng.choice(PLACES)))
        asked, answer = CAPITAL_OF.pick(rng, held), f"I do not know the capital of {word}."
        taken = any(word in pair for pair in CAPITALS if pair[0] == word)
    else:
        asked, answer = OPPOSITE.pick(rng, held), f"I do not know the opposite of {word}."
        taken = word in OPPOSITES
    if taken:
        return unknown_capitals(rng, held)
    return Turn(dress(rng, asked.format(word), held, exact=True), answer)


def capitals_next(rng: random.Random) -> Turn:
    """A short question that follows another one about capitals."""
    country, city = rng.choice(CAPITALS)
    asked = rng.choice(CAPITAL_NEXT).format(country)
    return Turn(dress(rng, asked, True), capital_answer(country, city))


AFTER = Phrasings(
    ("what {k} comes {w} {x}", "which {k} comes {w} {x}", "what comes {w} {x}", "which {k} is {w} {x}",
     "the {k} {w} {x}", "name the {k} {w} {x}", "what is the {k} {w} {x}", "{w} {x} comes which {k}",
     "tell me the {k} {w} {x}", "which {k} do we have {w} {x}", "{w} {x} we have which {k}",
     "what do we have {w} {x}", "say the {k} that comes {w} {x}", "i forgot what comes {w} {x}"),
    ("please look up what {k} comes {w} {x}", "what {k} do you get {w} {x}", "i have to find the {k} {w} {x}"))
NTH = Phrasings(
    ("what is the {n} {k}", "which {k} is the {n}", "name the {n} {k} of the {p}",
     "the {n} {k} of the {p}", "what is the {n} {k} of the {p}", "which is the {n} {k}"),
    ("tell me the {n} {k} of the {p}", "what {k} is the {n} of the {p}"))
LENGTH = Phrasings(
    ("how many days does {x} have", "how many days are in {x}", "how long is {x}",
     "number of days in {x}", "days in {x}", "how many days has {x}"),
    ("how many days are there in {x}", "tell me how many days {x} has"))


def calendar(rng: random.Random, held: bool) -> Turn:
    kind, names, period = rng.choice((("day", DAYS, "week"), ("month", MONTHS, "year")))
    i = rng.randrange(len(names))
    form = rng.random()
    if form < 0.65:
        word, step = rng.choice((("after", 1), ("before", -1)))
        asked = AFTER.pick(rng, held).format(k=kind, w=word, x=names[i])
        answer = f"{names[(i + step) % len(names)]} comes {word} {names[i]}."
    elif form < 0.85:
        asked = NTH.pick(rng, held).format(n=ORDINALS[i], k=kind, p=period)
        answer = f"The {ORDINALS[i]} {kind} of the {period} is {names[i]}."
    else:
        month = rng.choice(MONTHS)
        asked = LENGTH.pick(rng, held).format(x=month)
        answer = f"{month} has {LENGTHS[month]} days."
    return Turn(dress(rng, asked, held), answer)


OPPOSITE = Phrasings(
    ("what is the opposite of {}", "opposite of {}", "the opposite of {}", "what's the opposite of {}",
     "name the opposite of {}", "which word is the opposite of {}", "give me the opposite of {}",
     "what is opposite to {}", "tell me the opposite of {}", "{} and its opposite",
     "what word means the opposite of {}", "i need the opposite of {}", "antonym of {}",
     "what is the contrary of {}", "{}'s opposite",
     "i want the opposite of {}", "find the opposite of {}", "say the opposite of {}",
     "which word is opposite to {}"),
    ("please look up the opposite of {}", "i cannot remember the opposite of {}",
     "which word says the opposite of {}"))
OPPOSITE_NEXT = ("and {}", "and of {}", "what about {}", "how about {}", "and the opposite of {}")


def opposites(rng: random.Random, held: bool) -> Turn:
    word = rng.choice(tuple(OPPOSITES))
    asked = OPPOSITE.pick(rng, held).format(word)
    return Turn(dress(rng, asked, held), f"The opposite of {word} is {OPPOSITES[word]}.")


def opposites_next(rng: random.Random) -> Turn:
    word = rng.choice(tuple(OPPOSITES))
    asked = rng.choice(OPPOSITE_NEXT).format(word)
    return Turn(dress(rng, asked, True), f"The opposite of {word} is {OPPOSITES[word]}.")


YOUNG = Phrasings(
    ("what is a young {} called", "what do you call a baby {}", "what is a baby {} called",
     "the young of a {}", "name the young of a {}", "how is a young {} called",
     "the name of a young {}", "what name has a baby {}", "i want to know what a baby {} is called"),
    ("what is the young of a {} called", "what do we call a young {}"))
SOUND = Phrasings(
    ("what sound does a {} make", "what does a {} say", "which sound does a {} make",
     "how does a {} sound", "what noise does a {} make", "tell me the sound of a {}",
     "the sound of a {}", "what can you hear from a {}", "which noise does a {} make"),
    ("what kind of sound does a {} make", "what does a {} sound like"))
LIVES = Phrasings(
    ("where does a {} live", "where do you find a {}", "what is the home of a {}",
     "in which place does a {} live", "where is the home of a {}",
     "i want to know where a {} lives", "the home of a {}", "in what place lives a {}",
     "do you know where a {} lives"),
    ("tell me where a {} lives", "where can i find a {}"))
LEGS = Phrasings(
    ("how many legs does a {} have", "how many legs has a {}", "number of legs of a {}",
     "the number of legs of a {}", "does a {} have legs",
     "i want to know how many legs a {} has", "do you know how many legs a {} has"),
    ("tell me how many legs a {} has", "how many legs are on a {}"))


def animals(rng: random.Random, held: bool) -> Turn:
    name, young, sound, home, legs = rng.choice(ANIMALS)
    one = article(name)
    forms, answer = rng.choice((
        (YOUNG, f"A young {name} is called {article(young)}."),
        (SOUND, f"{first_upper(one)} {sound}."),
        (LIVES, f"The home of {one} is the {home}."),
        (LEGS, f"{first_upper(one)} has {'no' if legs == '0' else legs} legs."),
    ))
    asked = forms.pick(rng, held).format(name).replace(f"a {name}", one)
    return Turn(dress(rng, asked, held), answer)


DEFINE = Phrasings(
    ("what is {a}", "what is {a}", "what is {w}", "what's {a}", "what does {w} mean",
     "explain {w}", "define {w}", "tell me about {w}", "what is the meaning of {w}",
     "what does the word {w} mean", "do you know what {a} is", "can you explain {w}",
     "tell me what {a} is", "who or what is {a}", "describe {a}", "what do you know about {w}",
     "explain to me what {a} is", "{w}", "i do not know what {a} is", "tell me more about {w}",
     "what exactly is {a}", "meaning of {w}", "what is the definition of {w}", "what do people mean by {w}",
     "how would you explain {a}", "what do we call {a}", "give me a definition of {w}", "what can you say about {a}",
     "what is the word {w}", "i never heard of {w}", "what should i know about {a}", "how do you define {w}",
     "have you heard of {w}", "what would you call {a}", "what kind of thing is {a}"),
    ("can you tell me what {a} is", "what is meant by {w}", "please explain {a}",
     "i want to know what {a} is", "could you explain what {a} is"))


def definitions(rng: random.Random, held: bool) -> Turn:
    word = rng.choice(tuple(DEFINITIONS))
    meaning = DEFINITIONS[word]
    opening = meaning.split(f" {word}", 1)[0].lower()
    named = f"{opening} {word}" if opening in ("a", "an", "the") else word
    asked = DEFINE.pick(rng, held).format(a=named, w=word)
    return Turn(dress(rng, asked, held), meaning)


def named_member(kind: str, word: str) -> str:
    return word if kind in MASS_KINDS or word.endswith("s") else article(word)


def plural(kind: str) -> str:
    return PLURALS.get(kind, kind + "s")


KIND_OF = Phrasings(
    ("what kind of thing is {}", "what is {}", "what sort of thing is {}", "which kind of thing is {}",
     "what type of thing is {}", "what group does {} belong to", "{} is what kind of thing",
     "which category is {} in", "{} belongs to which group", "do you know what {} is", "tell me about {}",
     "explain {}", "what does {} mean", "describe {}", "i want to know what {} is"),
    ("tell me what kind of thing {} is", "what kind of things does {} belong to"))
IS_A = Phrasings(
    ("is {x} {k}", "{x}: is it {k}", "do you think {x} is {k}", "is it true that {x} is {k}",
     "would you say that {x} is {k}",
     "i think {x} is {k}, right", "i want to know if {x} is {k}", "could {x} be {k}", "{x} is {k}, true"),
    ("please find out if {x} is {k}", "does {x} count as {k}"))
SOME = Phrasings(
    ("name {n} {ks}", "give me {n} {ks}", "list {n} {ks}", "tell me {n} {ks}", "can you name {n} {ks}",
     "say {n} {ks}", "i need {n} {ks}", "do you know {n} {ks}", "which {ks} do you know"),
    ("could you name {n} {ks}", "write down {n} {ks}"))
NUMBERS = ("one", "two", "three", "four", "five")


def kind_phrase(kind: str) -> str:
    mass = {"furniture": "a piece of furniture", "clothing": "a piece of clothing",
            "weather": "a kind of weather", "food": "a kind of food"}
    return mass.get(kind, article(kind))


def kinds(rng: random.Random, held: bool) -> Turn:
    """Which kind of thing something is; words with several kinds count as any of them."""
    kind = rng.choice(tuple(KINDS))
    word = rng.choice(KINDS[kind])
    named = named_member(kind, word)
    homes = [k for k, members in KINDS.items() if word in members]
    if rng.random() < 0.45 and word not in DEFINITIONS and len(homes) == 1:
        asked = KIND_OF.pick(rng, held).format(named)
        return Turn(dress(rng, asked, held), f"{first_upper(named)} is {kind_phrase(kind)}.")
    guess = kind if rng.random() < 0.5 else rng.choice(tuple(KINDS))
    asked = IS_A.pick(rng, held).format(x=named, k=kind_phrase(guess))
    if guess in homes:
        answer = f"Yes, {named} is {kind_phrase(guess)}."
    else:
        answer = f"No, {named} is {kind_phrase(homes[0])}."
    return Turn(dress(rng, asked, held), answer)


def lists(rng: random.Random, held: bool) -> Turn:
    """Some members of a kind, in any choice."""
    kind = rng.choice([k for k, members in KINDS.items() if len(members) >= 5])
    n = rng.randrange(1, 6)
    asked = SOME.pick(rng, held).format(n=NUMBERS[n - 1] if rng.random() < 0.7 else n,
                                        ks=plural(kind) if n > 1 else kind)
    some = rng.sample(KINDS[kind], 3 if "which" in asked else n)
    return Turn(dress(rng, asked, held, "."), first_upper(join_words(some)) + ".")


SPELL = Phrasings(
    ("spell {}", "how do you spell {}", "spell the word {}", "can you spell {}", "how is {} spelled",
     "spell {} for me", "please spell {}", "letters of {}", "what are the letters of {}",
     "spelling of {}", "what is the spelling of {}", "i want to spell {}", "how should one spell {}",
     "how can i write {}", "give me the letters of {}"),
    ("i have to spell {}", "how do i spell {}", "spell this word: {}"))
BACKWARDS = Phrasings(
    ("spell {} backwards", "reverse {}", "reverse the word {}", "what is {} backwards",
     "{} spelled backwards", "write {} backwards", "{} in reverse", "turn {} around", "spell {} from the end",
     "what do i get when i reverse {}"),
    ("can you spell {} backwards", "how do you spell {} backwards"))
HOW_LONG = Phrasings(
    ("how many letters does {} have", "how many letters are in {}", "how long is the word {}",
     "number of letters in {}", "count the letters of {}", "how many letters has the word {}",
     "i want to know how many letters {} has", "the length of {}", "what is the length of the word {}"),
    ("how many letters are in the word {}", "tell me how many letters {} has"))
FIRST = Phrasings(
    ("what is the {p} letter of {w}", "which letter is the {p} of {w}", "the {p} letter of {w}",
     "what is the {p} letter in {w}"),
    ("i want to hear the {p} letter of {w}", "please look up the {p} letter of {w}"))


def spelling(rng: random.Random, held: bool) -> Turn:
    """Words are one or two tokens, so their letters must be learned: only the phrasing is held back."""
    word = rng.choice(SPELLABLE) if held or rng.random() < 0.8 else invented(rng)
    form = rng.random()
    if form < 0.5:
        asked, answer = SPELL.pick(rng, held).format(word), "-".join(word)
    elif form < 0.65:
        asked, answer = BACKWARDS.pick(rng, held).format(word), "-".join(reversed(word))
    elif form < 0.8:
        asked = HOW_LONG.pick(rng, held).format(word)
        answer = f"{'-'.join(word)}: {len(word)} letters"
    else:
        place, letter = rng.choice((("first", word[0]), ("last", word[-1])))
        asked = FIRST.pick(rng, held).format(p=place, w=word)
        answer = f"The {place} letter of {word} is {letter}"
    return Turn(dress(rng, asked, held), answer + ".")


def facts(rng: random.Random, held: bool) -> Turn:
    return FACTS.draw(rng, held)
