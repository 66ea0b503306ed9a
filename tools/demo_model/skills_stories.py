"""Short stories: a plot, actors who stay the same, and sentences that vary."""

import random

from dialog import WORDS, Turn, dress, first_upper, invented
from skills_facts import DEFINITIONS, FACTS, KINDS
from skills_talk import TROUPE

WOMEN = ("Anna Clara Emma Grace Ida Kate Mia Olga Rosa Tina Wanda Zoe Carla Dora Hanna Julia Lena Maya Nina Vera "
         "Alice Mary Lisa Laura Susan Sarah Maria Priya Ingrid Elena").split()
MEN = ("Ben David Felix Henry Jack Leo Noah Paul Sam Victor Ali Bruno Eric Ivan Karim Marco Oscar Ravi Tom Will "
       "Tim Max Bob John Peter Steve James Daniel Pedro Omar").split()
ADJECTIVES = ("kind", "clever", "brave", "quiet", "lazy", "young", "curious", "cheerful", "patient", "friendly",
              "lonely", "honest", "funny", "tiny", "wise")
WEATHER = ("sunny", "rainy", "foggy", "windy", "cold", "warm", "grey", "bright")
COLOURS = ("red", "blue", "green", "yellow", "golden", "silver", "brown", "white", "purple")

# Actors of stories that no other skill knows.
CREATURES = ("dragon", "unicorn", "dinosaur", "fairy", "giant", "ghost", "witch", "snail", "turtle", "dolphin", "whale",
             "octopus", "frog", "snake", "hamster", "donkey", "bat", "crocodile", "butterfly", "bee", "spider")

ASK = ("tell me a story", "tell me a short story", "write a story", "a story please", "can you tell me a story",
       "i want to hear a story", "write a short story", "tell me a bedtime story", "make up a story",
       "do you know a story", "tell me something", "story", "another story", "please tell a story",
       "write me a tale", "tell a tale", "once more a story", "can you write a story for me")
ABOUT = (" about {}", " about {}", " with {}", " of {}", " about {}, please")


THINGS = KINDS["tool"][:9] + KINDS["toy"][:3] + ["hat", "coat", "lamp", "chair", "drum", "bell", "map"]


def load_plots() -> list[list[list[str]]]:
    """Plots of sentences of variants, as they stand in plots.txt."""
    plots: list[list[list[str]]] = []
    for line in (WORDS / "plots.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            plots.append([])
        elif line:
            plots[-1].append(line.split("|"))
    return plots


PLOTS = load_plots()


def cast(rng: random.Random) -> dict[str, str]:
    """One choice for every slot of a plot."""
    she = rng.random() < 0.5
    hero = rng.choice(WOMEN if she else MEN)
    friend = rng.choice([name for name in WOMEN + MEN if name != hero])
    animal, animal2 = rng.sample(KINDS["animal"] + KINDS["bird"][:4] + list(CREATURES), 2)
    if rng.random() < 0.15:
        animal = invented(rng)
    if rng.random() < 0.2:
        hero = first_upper(invented(rng))
    place, place2 = rng.sample(KINDS["place"], 2)
    thing, thing2 = rng.sample(THINGS, 2)
    pronouns = ("she", "her", "her") if she else ("he", "him", "his")
    slots = {
        "hero": hero, "friend": friend, "animal": animal, "animal2": animal2, "place": place,
        "place2": place2, "thing": thing, "thing2": thing2, "adj": rng.choice(ADJECTIVES),
        "colour": rng.choice(COLOURS), "weather": rng.choice(WEATHER), "tree": rng.choice(KINDS["tree"]),
        "food": rng.choice(("bread", "cheese", "soup", "honey", "apples", "cake", "rice", "berries", "nuts")),
        "job": rng.choice(("farmer", "baker", "painter", "tailor", "teacher", "sailor", "gardener", "shepherd",
                           "carpenter", "fisherman", "judge", "doctor", "cook", "singer")),
        "relative": rng.choice(KINDS["family member"]),
        "he": pronouns[0], "him": pronouns[1], "his": pronouns[2],
    }
    return slots | {first_upper(key): first_upper(value) for key, value in slots.items()}


def fix_articles(text: str) -> str:
    """`a owl` is not English, and slots do not know what follows them."""
    words = text.split(" ")
    for i, word in enumerate(words[:-1]):
        if word in ("a", "A") and words[i + 1][:1].lower() in "aeio":
            words[i] += "n"
    return " ".join(words)


def tell(rng: random.Random, slots: dict[str, str], plot: list[list[str]]) -> str:
    """All sentences of a plot, each in one of its variants."""
    return fix_articles(" ".join(rng.choice(variants) for variants in plot).format(**slots))


def stories(rng: random.Random, held: bool) -> Turn:
    """A request for a story; when it names someone, the story is about them."""
    slots, plot = cast(rng), rng.choice(PLOTS)
    asked = rng.choice(ASK)
    text = tell(rng, slots, plot)
    subjects = [(slots["hero"], slots["hero"]), (slots["animal"], f"a {slots['animal']}"),
                (slots["animal"], f"the {slots['animal']}"), (slots["thing"], f"a {slots['thing']}"),
                (slots["job"], f"a {slots['job']}"), (slots["place"], f"a {slots['place']}"),
                (slots["friend"], f"{slots['hero']} and {slots['friend']}")]
    named = [phrase for word, phrase in subjects if word in text]
    if named and rng.random() < 0.6:
        asked += fix_articles(rng.choice(ABOUT).format(rng.choice(named)))
    return Turn(dress(rng, asked, held, ".", exact=True), text)


def plain_text(rng: random.Random) -> str:
    """Text without a conversation, for plain completion."""
    kind = rng.random()
    if kind < 0.65:
        return tell(rng, cast(rng), rng.choice(PLOTS))
    if kind < 0.85:
        return " ".join(rng.sample(tuple(DEFINITIONS.values()), rng.randrange(1, 5)))
    if kind < 0.95:
        return " ".join(answer for answer, _ in rng.sample(FACTS.rows, rng.randrange(1, 5)))
    return " ".join(answer for answer, _ in rng.sample(TROUPE.rows, rng.randrange(1, 4)))
