"""Sums, tables, counting and comparing."""

import random

from dialog import Phrasings, Turn, draw_operands, dress, join_words

SMALL = ("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
         "fifteen sixteen seventeen eighteen nineteen twenty").split()
STEP_WORDS = {2: "twos", 3: "threes", 4: "fours", 5: "fives", 10: "tens"}

FRAMES = Phrasings(
    ("what is {}", "{}", "{} =", "how much is {}", "calculate {}", "compute {}", "what's {}",
     "tell me {}", "can you compute {}", "what does {} make", "please solve {}", "{} is",
     "what is the result of {}", "what do you get for {}", "i need {}", "give me {}",
     "can you calculate {} for me", "do you know what {} is", "what is the answer to {}",
     "solve {}", "{} equals", "what would {} be", "add this up for me: {}", "try {}", "so {} is how much",
     "find {}", "i get stuck at {}", "the result of {}", "how do i solve {}", "is it hard to compute {}",
     "what number is {}", "what comes out of {}", "if i compute {}, what do i get", "evaluate {}"),
    ("work out {}", "what does {} equal", "can you solve {}", "how much do i get for {}",
     "tell me what {} is", "what is the value of {}"))

SUM = Phrasings(
    ("{a} + {b}", "{a}+{b}", "{a} plus {b}", "{a} + {b}", "{a} and {b} together",
     "the sum of {a} and {b}", "{a} added to {b}", "{a} +{b}"),
    ("{a} + {b}", "{a}+{b}", "{a} plus {b}"))
DIFFERENCE = Phrasings(
    ("{a} - {b}", "{a}-{b}", "{a} minus {b}", "{a} less {b}", "{a} - {b}",
     "the difference of {a} and {b}", "{a} take away {b}"),
    ("{a} - {b}", "{a}-{b}", "{a} minus {b}"))
PRODUCT = Phrasings(
    ("{a} x {b}", "{a}x{b}", "{a} * {b}", "{a}*{b}", "{a} times {b}", "{a} × {b}",
     "{a} multiplied by {b}", "the product of {a} and {b}"),
    ("{a} x {b}", "{a} * {b}", "{a} times {b}"))
QUOTIENT = Phrasings(
    ("{a} / {b}", "{a}/{b}", "{a} divided by {b}", "{a} : {b}", "{a} ÷ {b}"),
    ("{a} / {b}", "{a} divided by {b}"))


def say(rng: random.Random, number: int, held: bool) -> str:
    """A number in digits, or a small one now and then as a word."""
    if not held and number < len(SMALL) and rng.random() < 0.12:
        return SMALL[number]
    return str(number)


def expression(rng: random.Random, held: bool, forms: Phrasings, a: int, b: int, sign: str,
               result: int) -> Turn:
    asked = forms.pick(rng, held).format(a=say(rng, a, held), b=say(rng, b, held))
    question = dress(rng, FRAMES.pick(rng, held).format(asked), held)
    return Turn(question, f"{a} {sign} {b} = {result}.")


def sums(rng: random.Random, held: bool) -> Turn:
    a, b = draw_operands(rng, held, lambda: (rng.randrange(100), rng.randrange(100)))
    return expression(rng, held, SUM, a, b, "+", a + b)


def large_sums(rng: random.Random, held: bool) -> Turn:
    a, b = draw_operands(rng, held, lambda: (rng.randrange(1000), rng.randrange(1000)))
    return expression(rng, held, SUM, a, b, "+", a + b)


def differences(rng: random.Random, held: bool) -> Turn:
    a, b = draw_operands(rng, held, lambda: (rng.randrange(100), rng.randrange(100)))
    if a < b and rng.random() < 0.7:
        a, b = b, a
    return expression(rng, held, DIFFERENCE, a, b, "-", a - b)


def products(rng: random.Random, held: bool) -> Turn:
    """The tables up to twelve, all of them: only the phrasing is held back."""
    a, b = rng.randrange(13), rng.randrange(13)
    return expression(rng, held, PRODUCT, a, b, "x", a * b)


def quotients(rng: random.Random, held: bool) -> Turn:
    """The tables read backwards; only the phrasing is held back."""
    a, b = rng.randrange(13), rng.randrange(1, 13)
    return expression(rng, held, QUOTIENT, a * b, b, "/", a)


SHOPPING = Phrasings(
    ("i have {a} {things} and get {b} more. how many do i have",
     "there are {a} {things} on the table and {b} in the bag. how many {things} are there",
     "tom has {a} {things} and anna has {b}. how many do they have together",
     "i bought {a} {things} and then {b} more {things}. how many are that",
     "if i have {a} {things} and you give me {b}, how many {things} do i have",
     "a box holds {a} {things} and another holds {b}. how many {things} in all"),
    ("i own {a} {things} and find {b} more. how many {things} do i have",
     "there are {a} {things} in the box and {b} in the bag. how many {things} are there"))
THINGS = ("apples", "pears", "books", "coins", "cards", "pencils", "eggs", "cakes", "stones",
          "balls", "flowers", "letters", "tickets", "stamps", "keys", "shells")


def word_problems(rng: random.Random, held: bool) -> Turn:
    a, b = draw_operands(rng, held, lambda: (rng.randrange(2, 60), rng.randrange(2, 60)))
    things = rng.choice(THINGS)
    question = dress(rng, SHOPPING.pick(rng, held).format(a=a, b=b, things=things), held)
    return Turn(question, f"{a} + {b} = {a + b}, so there are {a + b} {things}.")


COUNT_UP = Phrasings(
    ("count from {a} to {b}", "count up from {a} to {b}", "can you count from {a} to {b}",
     "list the numbers from {a} to {b}", "say the numbers from {a} to {b}", "count {a} to {b}",
     "give me the numbers {a} to {b}", "write the numbers from {a} to {b}",
     "please count from {a} up to {b}", "numbers from {a} to {b}", "begin at {a} and count to {b}",
     "start with {a} and count up to {b}", "begin with {a} and go up to {b}", "all numbers from {a} to {b}",
     "start counting at {a} and stop at {b}", "from {a} to {b}, count", "i want you to count from {a} to {b}",
     "go from {a} to {b}", "would you count from {a} to {b}", "count the numbers {a} through {b}"),
    ("could you count from {a} to {b} for me", "start at {a} and count to {b}",
     "list all numbers from {a} to {b}"))
COUNT_DOWN = Phrasings(
    ("count down from {a} to {b}", "count backwards from {a} to {b}", "count from {a} down to {b}",
     "can you count down from {a} to {b}", "list the numbers from {a} down to {b}",
     "count back from {a} to {b}", "say the numbers from {a} down to {b}", "count from {a} to {b}",
     "begin at {a} and count down to {b}", "start with {a} and go down to {b}", "go back from {a} to {b}",
     "start counting down at {a} and stop at {b}", "all numbers from {a} down to {b}",
     "would you count down from {a} to {b}", "i want you to count backwards from {a} to {b}"),
    ("could you count down from {a} to {b}", "start at {a} and count down to {b}"))
COUNT_STEP = Phrasings(
    ("count from {a} to {b} in steps of {s}", "count from {a} to {b} by {w}",
     "count by {w} from {a} to {b}", "count in {w} from {a} to {b}",
     "list every {s} numbers from {a} to {b}", "count from {a} to {b} with step {s}",
     "by {w}, count from {a} to {b}", "count up by {w} from {a} to {b}", "start at {a} and add {s} until {b}",
     "would you count in steps of {s} from {a} to {b}", "in steps of {s}, count from {a} to {b}"),
    ("can you count by {w} from {a} to {b}", "count up from {a} to {b} in steps of {s}"))
COUNT_TO = Phrasings(
    ("count to {b}", "can you count to {b}", "count up to {b}", "please count until {b}",
     "count till {b}", "say all numbers up to {b}", "count from one to {b}", "would you count to {b}",
     "i want you to count to {b}", "list the numbers up to {b}", "go up to {b}", "count all the way to {b}"),
    ("could you count to {b}", "count for me up to {b}"))


def counting(rng: random.Random, held: bool) -> Turn:
    kind = rng.choice(("up", "down", "step", "to"))
    items = min(rng.randrange(3, 32), rng.randrange(3, 40))

    def draw() -> tuple[int, int, int]:
        if kind == "to":
            return 1, rng.randrange(3, 41), 1
        step = rng.choice(tuple(STEP_WORDS)) if kind == "step" else 1
        start = rng.randrange(0, 11) * step if rng.random() < 0.5 else rng.randrange(0, 100)
        return start, start + (items - 1) * step, step

    a, b, step = draw_operands(rng, held, draw)
    numbers = [str(number) for number in range(a, b + 1, step)]
    forms = {"up": COUNT_UP, "down": COUNT_DOWN, "step": COUNT_STEP, "to": COUNT_TO}[kind]
    if kind == "down":
        numbers.reverse()
        a, b = b, a
    asked = forms.pick(rng, held).format(a=a, b=b, s=step, w=STEP_WORDS.get(step, ""))
    return Turn(dress(rng, asked, held, "."), ", ".join(numbers) + ".")


BIGGER = Phrasings(
    ("which is {w}, {a} or {b}", "what is {w}, {a} or {b}", "which number is {w}: {a} or {b}",
     "is {a} or {b} {w}", "{a} or {b}, which is {w}", "which one is {w}, {a} or {b}",
     "tell me which is {w}, {a} or {b}", "compare {a} and {b}: which is {w}", "of {a} and {b}, which is {w}",
     "which of these is {w}: {a} or {b}", "which of the numbers {a} and {b} is {w}", "{a} and {b}: which is {w}",
     "is {a} {w} than {b}", "which is the {w} number, {a} or {b}", "who is {w}, {a} or {b}"),
    ("which of {a} and {b} is {w}", "what number is {w}, {a} or {b}"))
EXTREME = Phrasings(
    ("what is the {w} of {l}", "which is the {w} of {l}", "find the {w} number of {l}",
     "the {w} of {l}", "which number is the {w}: {l}", "give me the {w} of {l}",
     "which of {l} is the {w}", "of {l}, which is the {w}", "i need the {w} number of {l}", "the {w} number in {l}"),
    ("tell me the {w} of {l}", "what is the {w} number: {l}"))
SORT = Phrasings(
    ("sort {l}", "sort these numbers: {l}", "put {l} in order", "order the numbers {l}",
     "can you sort {l}", "arrange {l} from small to large",
     "sort the list {l}", "bring {l} into order", "numbers to sort: {l}", "from small to large: {l}"),
    ("please sort the numbers {l}", "put these numbers in order: {l}"))
PARITY = Phrasings(
    ("is {a} even or odd", "is {a} an even number", "is {a} odd", "even or odd: {a}",
     "is the number {a} even", "tell me if {a} is even or odd", "is {a} even",
     "is {a} an odd number", "{a}: even or odd", "i want to know if {a} is odd"),
    ("is the number {a} odd or even", "do you know if {a} is even"))
NEIGHBOUR = Phrasings(
    ("what comes {w} {a}", "which number comes {w} {a}", "what number is {w} {a}",
     "the number {w} {a}", "which number is right {w} {a}", "{w} {a} comes which number",
     "give me the number {w} {a}",
     "say the number that comes {w} {a}"),
    ("please look up the number {w} {a}", "what number do you get {w} {a}"))


def comparisons(rng: random.Random, held: bool) -> Turn:
    top = rng.choice((20, 100, 100, 1000))
    kind = rng.choice(("two", "two", "extreme", "sort", "parity", "neighbour"))
    values = list(draw_operands(rng, held, lambda: tuple(rng.sample(range(top), 4))))
    a, b = values[:2]
    if kind == "two":
        up = rng.random() < 0.6
        word = rng.choice(("bigger", "larger", "greater", "more") if up else ("smaller", "less"))
        asked = BIGGER.pick(rng, held).format(a=a, b=b, w=word)
        high, low = max(a, b), min(a, b)
        answer = f"{high} is bigger than {low}." if up else f"{low} is smaller than {high}."
    elif kind == "extreme":
        some = values[:rng.randrange(3, 5)]
        up = rng.random() < 0.5
        word = rng.choice(("largest", "biggest", "highest") if up else ("smallest", "lowest"))
        asked = EXTREME.pick(rng, held).format(w=word, l=join_words([str(v) for v in some]))
        answer = f"The largest is {max(some)}." if up else f"The smallest is {min(some)}."
    elif kind == "sort":
        some = values[:rng.randrange(3, 5)]
        asked = SORT.pick(rng, held).format(l=", ".join(str(v) for v in some))
        answer = ", ".join(str(v) for v in sorted(some)) + "."
    elif kind == "parity":
        asked = PARITY.pick(rng, held).format(a=a)
        answer = f"{a} is {'odd' if a % 2 else 'even'}."
    else:
        word = rng.choice(("before", "after"))
        a += 1
        asked = NEIGHBOUR.pick(rng, held).format(w=word, a=a)
        answer = f"{a + 1 if word == 'after' else a - 1} comes {word} {a}."
    return Turn(dress(rng, asked, held), answer)
