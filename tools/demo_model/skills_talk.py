"""Greetings, small talk, what Troupe is, remembering, reading, and saying `I do not know`."""

import random

from dialog import Answers, Phrasings, Turn, article, dress, first_upper, invented, read_table
from skills_facts import CAPITALS, DEFINITIONS, KINDS

TALK = Answers.read("talk.tsv")
TROUPE = Answers.read("troupe.tsv")
VERBS = read_table("verbs.tsv")
UNKNOWN = {kind: names.split("|") for kind, names in read_table("unknown.tsv")}
NAMES = ("Anna Ben Clara David Emma Felix Grace Henry Ida Jack Kate Leo Mia Noah Olga Paul Rosa Sam "
         "Tina Victor Wanda Zoe Ali Bruno Carla Dora Eric Fatima George Hanna Ivan Julia Karim Lena "
         "Marco Nina Oscar Petra Ravi Sofia Tom Uma Vera Will Yara Yusuf Maya Luis Aiko Chen").split()
MORE_NAMES = ("Tim Max Jim Bob Alice Mary John Peter Lisa Laura Steve Mike Chris Alex Robert Susan Linda James Sarah "
              "Kevin Daniel Maria Pedro Igor Wei Ahmed Amir Hassan Priya Ingrid Sven Yuki Omar Elena Diego").split()
QUALITIES = ("tall high long deep big heavy old fast expensive wide far hot cold loud strong small rich famous clean "
             "dangerous difficult beautiful important healthy soft round popular").split()

GREETINGS = Phrasings(
    ("hi", "hello", "hey", "hello there", "hi there", "good morning", "good evening", "good afternoon",
     "greetings", "good day", "hey there", "howdy", "hi again", "hello friend", "yo", "hello model",
     "hi bot", "welcome", "hello everyone", "hi, i am new here", "hey you", "hello hello", "hii", "helo"),
    ("hello to you", "hi model", "hey bot", "good morning to you", "good day to you"))
GREETING_ANSWERS = ("Hello! How can I help you?", "Hi! What can I do for you?",
                    "Hello! Nice to meet you. How can I help?")

DO_NOT_KNOW = (
    "I do not know that. I am a very small model.",
    "Sorry, I do not know that. I know only a few simple things.",
    "I am not sure. That is more than a small model like me knows.",
    "I cannot answer that. I am only a very small model.",
)
ASK_UNKNOWN = (
    "who was {person}", "when was {person} born", "what did {person} do", "where did {person} live",
    "who is {person}", "what did {person} say about {topic}", "how old is {person}",
    "who wrote the {work} of the year", "what is the best {work}", "who made the first {work}",
    "when was the first {work} made", "what is the {measure} of {country}", "what is the plot of the {work}",
    "what is the {measure} of {place}", "how many people live in {country}", "how far is it to {place}",
    "how far is it from {city} to {city2}", "who won the {sport} game", "who is the president of {country}",
    "how do i {verb} {thing}", "what is the best {noun} for {noun2}", "why do people {verb} in {place}",
    "where can i buy {thing}", "when did people begin to {verb}", "how much does {thing} cost",
    "which {noun} is the best", "why does {thing} {verb}", "what happened in {year}",
    "what is the square root of {big}", "what is {big} times {big2}", "how many {noun}s are in the world",
    "translate {noun} into {language}", "what does {thing} look like in {place}",
    "solve the equation x + {big} = {year}",
    "can {thing} {verb} in {country}", "what is the difference between {thing} and {thing2}",
    "what will happen in {year}", "who discovered {thing}", "what is the history of {country}",
    "how long does it take to {verb}", "which river flows through {city}", "when was {city} built",
    "is it good to {verb} after {meal}", "what is the name of the king of {country}",
    "summarize the {work} for me", "how do you say {noun} in {language}", "what is the latest {work}",
    "how can i repair {thing}", "what should i know about {topic}", "why is {topic} important",
    "what colour is the {noun} of {person}", "did {person} {verb} in {country}", "who owns {place}",
)
ASK_UNKNOWN_TEST = (
    "do you know who {person} was", "what is the {measure} of {city}", "how can i {verb} {thing}",
    "who invented {thing}", "where is {place}", "what happened to {person}", "why did {person} {verb}",
)
ASK_TOPIC = (
    "tell me about {}", "explain {}", "what do you know about {}", "what is {}", "teach me {}",
    "i want to learn about {}", "can you explain {}", "give me a lecture on {}", "let us talk about {}",
    "what do you think about {}", "help me with {}", "i have a question about {}", "write about {}",
    "write an essay on {}", "describe {}", "how does {} work", "i need help with {}",
)
ASK_WORD = ("what is {a}", "what is {w}", "what does {w} mean", "explain {w}", "define {w}",
            "tell me about {w}", "what does the word {w} mean", "do you know {w}", "who is {w}",
            "where is {w}", "describe {a}", "{w}", "what are {w}s")


def someone(rng: random.Random) -> str:
    """A name; many are invented, so that names are copied and not guessed."""
    if rng.random() < 0.4:
        return first_upper(invented(rng))
    return rng.choice(NAMES + MORE_NAMES)


def greetings(rng: random.Random, held: bool) -> Turn:
    question = dress(rng, GREETINGS.pick(rng, held), True, rng.choice("!.!"))
    return Turn(question, rng.choice(GREETING_ANSWERS), GREETING_ANSWERS)


def talk(rng: random.Random, held: bool) -> Turn:
    return TALK.draw(rng, held)


def troupe(rng: random.Random, held: bool) -> Turn:
    return TROUPE.draw(rng, held)


def any_noun(rng: random.Random) -> str:
    return rng.choice(KINDS[rng.choice(("animal", "tool", "vehicle", "building", "furniture", "fruit",
                                        "instrument", "clothing", "bird", "toy", "vegetable"))])


def unknown(rng: random.Random, held: bool) -> Turn:
    """Questions beyond a small model: people, figures, news, places."""
    (country, city), (_, city2) = rng.sample(CAPITALS, 2)
    noun, noun2 = any_noun(rng), any_noun(rng)
    asked = rng.choice(ASK_UNKNOWN_TEST if held else ASK_UNKNOWN).format(
        person=rng.choice(UNKNOWN["person"] + [rng.choice(NAMES)]), topic=rng.choice(UNKNOWN["topic"]),
        work=rng.choice(UNKNOWN["work"]), place=rng.choice(UNKNOWN["place"]),
        measure=rng.choice(UNKNOWN["measure"]), country=country, city=city, city2=city2,
        sport=rng.choice(KINDS["sport"]), verb=rng.choice(VERBS)[0], noun=noun, noun2=noun2,
        thing=rng.choice((article(noun), f"the {noun}", f"my {noun}")), thing2=article(noun2),
        year=rng.randrange(1000, 2100), big=rng.randrange(1000, 100000), big2=rng.randrange(1000, 9999),
        language=rng.choice(KINDS["language"]), meal=rng.choice(KINDS["meal"]), quality=rng.choice(QUALITIES),
        food=rng.choice(KINDS["food"] + KINDS["vegetable"]), place2=rng.choice(KINDS["building"] + KINDS["place"]),
        wh=rng.choice(("why", "when", "how", "where", "how often", "since when", "for how long", "with whom")),
        aux=rng.choice(("do", "did", "can", "will", "should", "would", "must", "could")),
        people=rng.choice(("people", "we", "they", "birds", f"{noun2}s", "children", "my friends", "the neighbours",
                           "you and me", "scientists", "farmers", "actors")))
    return Turn(dress(rng, asked, held), rng.choice(DO_NOT_KNOW), DO_NOT_KNOW)


def unknown_topic(rng: random.Random, held: bool) -> Turn:
    """A topic or a word that does not exist, named again in the answer."""
    if rng.random() < 0.5:
        topic = rng.choice(UNKNOWN["topic"])
        asked = rng.choice(ASK_TOPIC).format(topic)
        answers = (f"I do not know much about {topic}. I am a very small model.",
                   f"Sorry, {topic} is too difficult for a small model like me.")
    else:
        word = invented(rng)
        asked = rng.choice(ASK_WORD).format(a=article(word), w=word)
        answers = (f"I do not know the word {word}. I am a very small model.",)
    return Turn(dress(rng, asked, held, exact=True), rng.choice(answers), answers)


CONFUSED = ("I do not understand that. Can you say it in other words?",
            "Sorry, I do not understand. Please ask me in other words.")


def gibberish(rng: random.Random, _held: bool) -> Turn:
    """Random letters or words in no order."""
    if rng.random() < 0.5:
        letters = "abcdefghijklmnopqrstuvwxyz"
        text = " ".join("".join(rng.choices(letters, k=rng.randrange(2, 9))) for _ in range(rng.randrange(1, 4)))
    else:
        text = " ".join(rng.choice((any_noun(rng), rng.choice(VERBS)[rng.randrange(3)], rng.choice(QUALITIES),
                                    rng.choice(("the", "of", "and", "with", "to", "not"))))
                        for _ in range(rng.randrange(3, 9)))
    if rng.random() < 0.1:
        text = "".join(rng.choices("!?.,;:-+*/#$%&()[]", k=rng.randrange(1, 6)))
    return Turn(text, rng.choice(CONFUSED), CONFUSED)


FORMS = ("poem", "haiku", "song", "essay", "letter", "rhyme", "speech", "report", "novel", "play", "script", "verse")


def writing(rng: random.Random, _held: bool) -> Turn:
    """Texts that are beyond the model; it offers what it can do."""
    form, noun = rng.choice(FORMS), rng.choice((any_noun(rng), rng.choice(KINDS["place"]), rng.choice(NAMES)))
    asked = rng.choice(("write {} about {}", "write me {} about {}", "can you write {} about {}", "compose {} on {}",
                        "i need {} about {}", "make {} for {}", "create {} about {}")).format(
                            article(form), rng.choice((noun, f"the {noun}", f"my {noun}", article(noun))))
    return Turn(dress(rng, asked, False, ".", exact=True),
                f"I cannot write {article(form)} about that, but I can tell you a short story.")


OUTINGS = ("walking", "running", "swimming", "climbing", "dancing")


def likes(rng: random.Random, _held: bool) -> Turn:
    """Likes, wishes and everyday news: no facts, but a fitting reply."""
    verb, past, doing = rng.choice(VERBS)
    noun, name = any_noun(rng), someone(rng)
    food = rng.choice(KINDS[rng.choice(("fruit", "vegetable", "food", "drink"))])
    relative = rng.choice(KINDS["family member"] + ["friend", "neighbour", "teacher"])
    pet = rng.choice(KINDS["animal"])
    time = rng.choice(("yesterday", "today", "last week", "this morning", "last summer"))
    place = rng.choice(KINDS["place"])
    asked, answer = rng.choice((
        (f"do you like {food}", f"I am a program, so I cannot taste {food}. But many people like it."),
        (f"do you like {doing}", f"I am a program, so I cannot enjoy {doing}. But many people do."),
        (f"i like {food}", f"It is good that you like {food}. I cannot taste it, because I am a program."),
        (f"i love {doing}", f"That is nice. People who love {doing} are happy when they do it."),
        (f"i like {doing}", f"That is nice. How often do you go {doing}?" if doing in OUTINGS
         else f"That is nice. What do you like about {doing}?"),
        (f"can you {verb}", f"No, I cannot {verb}. I can only read and write text."),
        (f"can a model {verb}", f"No, a model cannot {verb}. It can only read and write text."),
        (f"i want to {verb}", f"That is a good idea. I hope you enjoy {doing}."),
        (f"should i {verb}", "If you like it, why not? But I am only a small model, so please decide for yourself."),
        (f"i bought {article(noun)} {time}", f"That sounds nice. I hope you enjoy your new {noun}."),
        (f"i have {article(noun)}", f"That is nice. What do you do with your {noun}?"),
        (f"i lost my {noun} {time}", f"I am sorry that you lost your {noun}. I hope you find it soon."),
        (f"my {noun} is broken", f"I am sorry that your {noun} is broken. Can someone repair it?"),
        (f"my {relative} is ill", f"I am sorry to hear that. I hope your {relative} gets well soon."),
        (f"my {relative} {past} {time}", f"That is interesting. Does your {relative} often do that?"),
        (f"i {past} {time}", f"That sounds good. Did you enjoy {doing}?"),
        (f"i went to the {place} {time}", f"That sounds nice. What did you see at the {place}?"),
        (f"i have a {pet} called {name}", f"{name} is a nice name for a {pet}."),
        (f"i saw {article(pet)} {time}", f"That is interesting. What did the {pet} do?"),
        (f"i am afraid of {pet}s" if not pet.endswith(("s", "x", "f", "p")) else "i am afraid of the dark",
         "Many people feel like that. It is all right to be afraid."),
        (f"i am going to the {place} tomorrow", f"Have a nice time at the {place}!"),
        (f"how do i become {article(job := rng.choice(KINDS['job']))}",
         f"To become {article(job)}, learn from people who do the work, and practise a lot."),
        (f"i am {article(job := rng.choice(KINDS['job']))}",
         f"{first_upper(article(job))} does important work. Do you like your job?"),
        (f"is {food} good", f"Many people like {food}."),
    ))
    mark = "?" if asked.split()[0] in ("do", "can", "should", "how", "is") else "."
    return Turn(dress(rng, asked, False, mark, exact=True), answer)


REPEAT = ("say {}", "repeat after me: {}", "repeat: {}", "please say {}", "can you say {}", "write {}",
          "say the words {}", "repeat the words {}", "echo {}")


def repeat(rng: random.Random, _held: bool) -> Turn:
    """Copying: the skill behind every answer that names something from the question."""
    words = [rng.choice((any_noun(rng), rng.choice(VERBS)[1], rng.choice(NAMES), rng.choice(tuple(DEFINITIONS)),
                         invented(rng), str(rng.randrange(1000))))
             for _ in range(rng.randrange(1, 6))]
    text = " ".join(words)
    quoted = rng.choice(('"{}"', "{}", "'{}'")).format(text)
    return Turn(rng.choice(REPEAT).format(quoted), text)


COLOURS = ("red", "blue", "green", "yellow", "brown", "black", "white", "grey", "pink", "purple")
OWNED = [thing for kind in ("tool", "clothing", "toy", "fruit") for thing in KINDS[kind]
         if not thing.endswith("s")]
SPOTS = ("kitchen", "garden", "hall", "school", "park", "library", "office", "barn", "bedroom", "market",
         "garage", "cellar", "station", "forest", "tower")
READ_WHO = Phrasings(("who has the {}", "who owns the {}", "whose is the {}", "who is the owner of the {}",
                      "i want to know who has the {}", "the {} belongs to whom", "what person owns the {}"),
                     ("tell me who has the {}", "which person has the {}"))
READ_WHERE = Phrasings(("where is {}", "in which place is {}", "where can i find {}", "where do we find {}",
                        "i want to know where {} is", "{} is where", "which place is {} in"),
                       ("tell me where {} is", "what place is {} in"))
READ_COLOUR = Phrasings(("what colour is the {}", "which colour does the {} have", "what is the colour of the {}",
                         "the colour of the {}", "i want to know the colour of the {}", "say the colour of the {}"),
                        ("tell me the colour of the {}", "what color is the {}"))


def reading(rng: random.Random, held: bool) -> Turn:
    """A few sentences and one question about them."""
    count = rng.randrange(1, 5)
    people = list(dict.fromkeys(someone(rng) for _ in range(count)))
    count = len(people)
    things = rng.sample(OWNED, count)
    colours, spots = rng.sample(COLOURS, count), rng.sample(SPOTS, count)
    lines = []
    for who, thing, colour, spot in zip(people, things, colours, spots, strict=True):
        lines.append(rng.choice((f"{who} has a {colour} {thing}.", f"The {colour} {thing} belongs to {who}.",
                                 f"{who} owns the {colour} {thing}.")))
        lines.append(rng.choice((f"{who} is in the {spot}.", f"{who} went to the {spot}.",
                                 f"In the {spot} is {who}.")))
    if rng.random() < 0.5:
        rng.shuffle(lines)
    i = rng.randrange(count)
    asked, answer = rng.choice((
        (READ_WHO.pick(rng, held).format(things[i]), f"{people[i]} has the {things[i]}."),
        (READ_WHERE.pick(rng, held).format(people[i]), f"{people[i]} is in the {spots[i]}."),
        (READ_COLOUR.pick(rng, held).format(things[i]), f"The {things[i]} is {colours[i]}."),
    ))
    text = " ".join(lines)
    question = f"{first_upper(asked)}?"
    return Turn(f"{text} {question}" if rng.random() < 0.7 else f"{question} {text}", answer)


def remembering(rng: random.Random) -> list[Turn]:
    """Something told early in a conversation and asked for later."""
    name, (country, city) = someone(rng), rng.choice(CAPITALS)
    colour, animal = rng.choice(COLOURS), rng.choice(KINDS["animal"])
    told, reply, asked, answer = rng.choice((
        (rng.choice(("my name is {0}", "i am {0}", "i'm {0}", "hello, i am {0}", "hi, my name is {0}",
                     "call me {0}")).format(name),
         f"Nice to meet you, {name}! How can I help you?",
         rng.choice(("what is my name", "do you know my name", "who am i", "what's my name", "say my name")),
         f"Your name is {name}."),
        (rng.choice(("i live in {0}", "i come from {0}", "my home is in {0}")).format(city),
         f"{city} is in {country}. Do you like it there?",
         rng.choice(("where do i live", "where do i come from", "which city do i live in")),
         f"You told me that it is {city}."),
        (f"my favourite colour is {colour}", f"{first_upper(colour)} is a nice colour.",
         rng.choice(("what is my favourite colour", "which colour do i like")),
         f"Your favourite colour is {colour}."),
        (rng.choice(("i have a {0} called {1}", "my {0} is called {1}")).format(animal, name),
         f"{name} is a nice name for a {animal}.",
         rng.choice((f"what is my {animal} called", f"what is the name of my {animal}")),
         f"Your {animal} is called {name}."),
    ))
    return [Turn(dress(rng, told, False, ".", exact=True), reply), Turn(dress(rng, asked, False, exact=True), answer)]


NOT_TOLD = (("what is my name", "You have not told me your name."),
            ("do you know my name", "You have not told me your name."),
            ("where do i live", "You have not told me where you live."),
            ("what is my favourite colour", "You have not told me your favourite colour."),
            ("how old am i", "You have not told me how old you are."))


def not_told(rng: random.Random, _held: bool) -> Turn:
    asked, answer = rng.choice(NOT_TOLD)
    return Turn(dress(rng, asked, False, exact=True), answer)
