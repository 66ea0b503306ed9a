"""What every skill is made of: turns, phrasings and word lists."""

import random
import re
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

Operands = TypeVar("Operands", bound=tuple[int, ...])
WORDS = Path(__file__).parent / "words"

# One message in this many is held back from training and only used to test.
HELD_BACK = 10

PREFIXES = (
    "please ", "hey, ", "hi, ", "hello, ", "hello! ", "can you tell me, ", "tell me, ", "so, ", "um, ",
    "quick question: ", "well, ", "ok, ", "now ", "please tell me: ", "one question: ", "and now: ",
    "i want to know: ", "could you tell me: ", "dear model, ", "question: ", "great. ", "good. ", "ah. ",
    "my question is: ", "i have a question. ", "thanks. ", "another one: ", "next: ", "next question: ",
    "just tell me, ", "do you know, ", "i wonder, ", "i wonder ", "any idea, ", "let me ask, ", "listen, ",
    "my friend asks: ", "my teacher asks: ", "somebody asked me: ", "for my homework: ", "be honest, ",
    "here is a question: ", "answer this: ", "a simple one: ", "this is a test. ", "let us see. ", "hm, ",
    "i am curious: ", "i would like to know: ", "help me, ", "sorry, ", "excuse me, ", "good morning! ",
    "hi there! ", "first, ", "then ", "also, ", "but ", "and ", "yes. ", "okay. ", "nice. ", "try this: ",
)
SUFFIXES = (" please", ", please", ", thanks", " thanks", ", do you know", " then", ", my friend", " now",
            ", can you tell me", ", i need to know", " again", " for me", ", if you know", ", tell me",
            " in short", ", any idea", ", i forgot", ", it is for school", " today", ", dear model")

# Words that mean about the same; each pair is used in this direction only.
SYNONYMS = {
    "what is": ("what's", "whats", "what was", "what would be", "which is", "what exactly is", "what could be"),
    "tell me": ("say", "show me", "let me know", "give me", "inform me", "i want to hear", "write"),
    "can you": ("could you", "would you", "will you", "are you able to", "can u", "might you"),
    "do you know": ("do you remember", "have you learned", "are you sure about", "did you learn", "can you say"),
    "how many": ("what number of", "how much", "about how many"),
    "how do i": ("how can i", "how should i", "how could one", "what is the way to"),
    "name": ("mention", "state", "write down"),
    "list": ("write down", "enumerate", "show"),
    "explain": ("describe", "clarify", "teach me", "put in simple words", "talk about"),
    "which": ("what", "which one"),
    "give me": ("tell me", "i want", "show me", "let me have"),
    "i need": ("i want", "i am looking for", "i would like", "please find"),
    "please": ("kindly", "pls"),
    "mean": ("stand for", "refer to"),
    "called": ("named",),
}
SYNONYM_PATTERN = re.compile(r"\b(" + "|".join(SYNONYMS) + r")\b")
FILLERS = ("just", "really", "actually", "exactly", "maybe", "simply", "quickly", "right", "usually")
DROPPED = frozenset("is the a an do does of me you are to i it there".split())

SYLLABLES = ("ba be bo da di du fa fi go gu ka ki lo lu ma mi mo na ni po pu ra ri ro sa si ta ti to va "
             "vi wo za zu bri cla dro fle gri plo sna tri vor zim nax quo lin dor").split()

# How people write names when they do not type in haste.
PROPER = {word.lower(): word for word in (
    "I Troupe English French German Spanish Italian Japanese Portuguese France Spain Germany Brazil Japan Italy "
    "Earth C++ KV GPU API CPU LLM Llama Tom Anna Celsius Texas").split()}
PROPER_PATTERN = re.compile(r"(?<![\w'])(" + "|".join(map(re.escape, PROPER)) + r")(?![\w])")


@dataclass(frozen=True)
class Turn:
    """A question, an answer to learn, and all answers that count as right."""

    question: str
    answer: str
    accepted: tuple[str, ...] = ()

    def is_right(self, text: str) -> bool:
        return text.strip() in (self.accepted or (self.answer,))


# Draws one turn; `held` asks for a phrasing and operands that training never sees.
Skill = Callable[[random.Random, bool], Turn]


@dataclass(frozen=True)
class Phrasings:
    """Ways to ask for one thing, split into those to learn from and those to test with."""

    learn: Sequence[str]
    test: Sequence[str]

    def pick(self, rng: random.Random, held: bool) -> str:
        return rng.choice(self.test if held else self.learn)


def is_held(*operands: object) -> bool:
    """Whether these operands belong to the test; the same on every machine."""
    return zlib.crc32(repr(operands).encode()) % HELD_BACK == 0


def draw_operands(rng: random.Random, held: bool, draw: Callable[[], Operands]) -> Operands:
    """Draws until the operands are on the wanted side of the split.

    The test takes only pairs that are held back in both orders: a pair that training may turn
    around is not unseen.
    """
    while True:
        operands = draw()
        if not held and not is_held(operands):
            return operands
        if held and is_held(operands) and (len(operands) != 2 or is_held(operands[::-1])):
            return operands


def typo(rng: random.Random, text: str) -> str:
    """Swaps, drops or doubles one letter of a longer word."""
    words = text.split(" ")
    long_words = [i for i, word in enumerate(words) if len(word) > 4 and word.isalpha()]
    if not long_words:
        return text
    at = rng.choice(long_words)
    word = words[at]
    i = rng.randrange(1, len(word) - 1)
    words[at] = rng.choice((word[:i] + word[i + 1] + word[i] + word[i + 2:],
                            word[:i] + word[i + 1:],
                            word[:i] + word[i] + word[i:]))
    return " ".join(words)


def reword(rng: random.Random, text: str) -> str:
    """Says the same in slightly other words, as a guard against learning sentences by heart."""
    if rng.random() < 0.35:
        text = SYNONYM_PATTERN.sub(lambda match: rng.choice(SYNONYMS[match[0]]), text, count=1)
    if rng.random() < 0.12:
        words = text.split(" ")
        if rng.random() < 0.5:
            words.insert(rng.randrange(len(words)), rng.choice(FILLERS))
        else:
            small = [i for i, word in enumerate(words) if word in DROPPED]
            if small and len(words) > 3:
                del words[rng.choice(small)]
        text = " ".join(words)
    return text


def dress(rng: random.Random, text: str, held: bool, mark: str = "?", exact: bool = False) -> str:
    """Says a plain lower-case sentence as people type it: politely, shouting or in haste.

    Texts that are `held` are never reworded; texts that are `exact` never have typing errors.
    """
    if not held and not exact:
        text = reword(rng, text)
    if rng.random() < 0.25:
        text = rng.choice(PREFIXES) + text
    if rng.random() < 0.10:
        text += rng.choice(SUFFIXES)
    style = rng.random()
    if style < 0.72:
        text = PROPER_PATTERN.sub(lambda match: PROPER[match[0]], text)
        text = text[:1].upper() + text[1:]
    elif style < 0.92:
        text = text.lower()
    elif style < 0.93:
        text = text.upper()
    if not held and not exact and rng.random() < 0.06:
        text = typo(rng, text)
    ending = rng.random()
    if ending < 0.70:
        text += mark
    elif ending < 0.74:
        text += rng.choice(("??", "!", "...", " ?", "?!"))
    return text


def first_upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def invented(rng: random.Random) -> str:
    """A word that does not exist."""
    word = "".join(rng.choices(SYLLABLES, k=rng.randrange(2, 4)))
    return word if len(word) > 3 else word + "x"


def article(word: str) -> str:
    return ("an " if word[0].lower() in "aeiou" else "a ") + word


def join_words(words: Sequence[str]) -> str:
    """`a, b and c`."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def read_table(name: str) -> list[list[str]]:
    """The rows of a tab-separated file."""
    lines = (WORDS / name).read_text(encoding="utf-8").splitlines()
    return [line.split("\t") for line in lines if line]


@dataclass(frozen=True)
class Answers:
    """Fixed answers, each with several phrasings of its question; one of four or more is held back."""

    rows: tuple[tuple[str, Phrasings], ...]

    @staticmethod
    def read(name: str) -> "Answers":
        rows = []
        for answer, questions in read_table(name):
            forms = questions.split("|")
            held = [forms.pop(len(forms) // 2)] if len(forms) >= 4 else []
            rows.append((answer, Phrasings(forms, held)))
        return Answers(tuple(rows))

    def draw(self, rng: random.Random, held: bool) -> Turn:
        while True:
            answer, forms = rng.choice(self.rows)
            if forms.test or not held:
                return Turn(dress(rng, forms.pick(rng, held), held), answer)
