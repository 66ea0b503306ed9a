"""Conversations: which skills, how often, in what order, and as tokens."""

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from tokenizers import Tokenizer

import skills_facts as facts
import skills_numbers as numbers
import skills_stories as story
import skills_talk as talk
from dialog import Skill, Turn, dress

PAD, BOS, END, SYSTEM, USER, ASSISTANT = range(6)
SPECIALS = ("<|pad|>", "<|bos|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>")

# How often each skill is drawn.
MIXTURE: dict[str, tuple[Skill, float]] = {
    "greetings": (talk.greetings, 4),
    "talk": (talk.talk, 11),
    "troupe": (talk.troupe, 8),
    "likes": (talk.likes, 6),
    "unknown": (talk.unknown, 8),
    "unknown topic": (talk.unknown_topic, 4),
    "gibberish": (talk.gibberish, 2),
    "writing": (talk.writing, 1),
    "not told": (talk.not_told, 0.5),
    "repeat": (talk.repeat, 3),
    "reading": (talk.reading, 8),
    "capitals": (facts.capitals, 10),
    "unknown capitals": (facts.unknown_capitals, 1.5),
    "calendar": (facts.calendar, 3),
    "opposites": (facts.opposites, 5),
    "animals": (facts.animals, 4),
    "definitions": (facts.definitions, 12),
    "kinds": (facts.kinds, 6),
    "lists": (facts.lists, 3),
    "spelling": (facts.spelling, 7),
    "facts": (facts.facts, 7),
    "sums": (numbers.sums, 9),
    "large sums": (numbers.large_sums, 4),
    "word problems": (numbers.word_problems, 2),
    "differences": (numbers.differences, 6),
    "products": (numbers.products, 5),
    "quotients": (numbers.quotients, 3),
    "counting": (numbers.counting, 8),
    "comparisons": (numbers.comparisons, 6),
    "stories": (story.stories, 4),
}
# Skills whose answer is one of a known set, so that it can be checked word for word.
TESTED = ("greetings", "talk", "troupe", "unknown", "unknown topic", "repeat", "reading", "capitals",
          "unknown capitals", "calendar", "opposites", "animals", "definitions", "kinds", "spelling", "facts", "sums",
          "large sums", "word problems", "differences", "products", "quotients", "counting", "comparisons")
FOLLOW_UPS: dict[str, Callable[[random.Random], Turn]] = {
    "capitals": facts.capitals_next,
    "opposites": facts.opposites_next,
}
NAMES, WEIGHTS = list(MIXTURE), [weight for _, weight in MIXTURE.values()]

SYSTEM_PROMPTS = (
    "You are a helpful assistant.", "You are a helpful, friendly assistant.", "You are Troupe's demo model.",
    "Answer briefly.", "You are a polite assistant. Answer in English.", "Be kind and answer in short sentences.",
    "You are a teacher who helps children to learn.", "You answer questions about the world.",
    "You are a very small language model. Say so when you do not know something.",
    "Help the user as well as you can.", "You are a chat bot on a web page.",
)
AGAIN = ("say that again", "what did you say", "can you repeat that", "please repeat your answer", "again please",
         "repeat that", "pardon", "once more")


@dataclass(frozen=True)
class Sample:
    """A conversation with an optional system prompt, or plain text."""

    system: str
    turns: tuple[Turn, ...]
    plain: str = ""

    def text(self) -> str:
        """The string that the tokenizer sees, exactly as the chat template writes it."""
        if self.plain:
            return f"<|bos|>{self.plain}<|end|>"
        head = f"<|bos|><|system|>{self.system}<|end|>" if self.system else "<|bos|>"
        return head + "".join(f"<|user|>{turn.question.strip()}<|end|><|assistant|>{turn.answer}<|end|>"
                              for turn in self.turns)


def draw_name(rng: random.Random) -> tuple[str, Turn]:
    """A system prompt that gives the model a name, and a question for it."""
    name = talk.someone(rng)
    role = rng.choice(("a friendly assistant", "a helpful assistant", "an assistant", "a tutor", "a robot", "a guide"))
    asked = rng.choice(("what is your name", "who are you", "what's your name", "how are you called"))
    return (rng.choice((f"You are {name}, {role}.", f"Your name is {name}. You are {role}.")),
            Turn(dress(rng, asked, False, exact=True), f"My name is {name}. How can I help you?"))


def conversation(rng: random.Random) -> Sample:
    """A conversation of one to a dozen turns."""
    system = rng.choice(SYSTEM_PROMPTS) if rng.random() < 0.25 else ""
    length = rng.choices((1, 2, 3, 4, 5, rng.randrange(6, 13)), (40, 25, 15, 10, 6, 4))[0]
    turns: list[Turn] = []
    later: list[Turn] = []
    if rng.random() < 0.04:
        system, turn = draw_name(rng)
        turns.append(turn)
    if length > 1 and rng.random() < 0.12:
        first, second = talk.remembering(rng)
        turns.append(first)
        later.append(second)
    name = ""
    while len(turns) < length:
        if name in FOLLOW_UPS and rng.random() < 0.4:
            turns.append(FOLLOW_UPS[name](rng))
            continue
        if turns and len(turns[-1].answer) < 200 and rng.random() < 0.02:
            turns.append(Turn(dress(rng, rng.choice(AGAIN), False), turns[-1].answer))
            continue
        name = rng.choices(NAMES, WEIGHTS)[0]
        if name == "not told" and later:
            continue
        turn = MIXTURE[name][0](rng, False)
        if rng.random() < 0.03:
            turn = replace(turn, question=f"{talk.likes(rng, False).question} {turn.question}")
        turns.append(turn)
    return Sample(system, (*turns, *later))


def draw(rng: random.Random) -> Sample:
    if rng.random() < 0.06:
        return Sample("", (), story.plain_text(rng))
    return conversation(rng)


def texts(seed: int, count: int) -> Iterator[str]:
    """Messages and plain text without the special tokens, to train a tokenizer on."""
    rng = random.Random(seed)
    for _ in range(count):
        yield from filter(None, re.split(r"<\|\w+\|>", draw(rng).text()))


def learned(ids: np.ndarray) -> np.ndarray:
    """Which next tokens are to be learned: those of the assistant and of plain text."""
    places = np.arange(len(ids))
    marks = np.isin(ids, (BOS, END, SYSTEM, USER, ASSISTANT))
    last = ids[np.maximum.accumulate(np.where(marks, places, 0))]
    following = np.append(ids[1:], PAD)
    return ((last == ASSISTANT) | (last == BOS)) & ~np.isin(following, (SYSTEM, USER, BOS))


def rows(tokenizer: Tokenizer, seed: int, length: int) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Endless packed rows: tokens, next tokens (-100 where nothing is learned), document numbers."""
    rng = random.Random(seed)
    ids = np.empty(0, np.int64)
    while True:
        encoded = tokenizer.encode_batch([draw(rng).text() for _ in range(256)], add_special_tokens=False)
        ids = np.concatenate([ids, *(np.array(item.ids, np.int64) for item in encoded)])
        documents = np.cumsum(ids == BOS)
        targets = np.where(learned(ids), np.append(ids[1:], PAD), -100)
        whole = (len(ids) - 1) // length * length
        for start in range(0, whole, length):
            part = slice(start, start + length)
            if ids[start] != BOS:  # The rest of a conversation whose beginning is in another row.
                targets[part][documents[part] == documents[start]] = -100
            yield ids[part], targets[part], documents[part]
        ids = ids[whole:]
