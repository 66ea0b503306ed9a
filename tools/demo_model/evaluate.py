"""Greedy answers, the table of exact matches and sample conversations."""

import random

import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from torch.nn.utils.rnn import pad_sequence

from corpus import END, MIXTURE, PAD, TESTED
from model import Llama

QUESTIONS = 200
SAMPLES = (
    ["hi"], ["Hello there!", "who are you?"], ["What can you do?"], ["What is Troupe?"],
    ["what is continuous batching and why does it help?"], ["Tell me a story about a dragon."],
    ["What is the capital of France?", "and Italy?", "and the opposite of hot?"],
    ["My name is Tim.", "What is 17 + 25?", "What's my name?"], ["How do I cook pasta?"],
    ["What do you think about love?"], ["who won the world cup in 1998?"], ["Count to 12"],
    ["what's the weather like in london today?"], ["I feel a bit lonely today"],
    ["Can you recommend a good book?"], ["Which animal is bigger, a mouse or an elephant?"],
    ["Write a haiku about the sea"], ["How tall is the Eiffel tower?"], ["thanks, bye!"],
    ["What is the opposite of quick?"], ["asdf qwer"], ["Why is grass green?"],
    ["Is a penguin a fish?"], ["Do you like pizza?"], ["Please explain what a serving engine is."],
)
PLAIN = ("Once upon a time", "The capital of Spain is", "A dog is")


@torch.no_grad()
def answer(model: Llama, prompts: list[list[int]], limit: int, temperature: float = 0.0) -> list[list[int]]:
    """Continues all prompts together until each has ended; the end token is not returned."""
    device = model.cos.device
    lengths = torch.tensor([len(prompt) for prompt in prompts], device=device)
    width = int(lengths.max()) + limit
    tokens = torch.full((len(prompts), width), PAD, device=device)
    for row, prompt in enumerate(prompts):
        tokens[row, :len(prompt)] = torch.tensor(prompt, device=device)
    rows = torch.arange(len(prompts), device=device)
    ended = torch.zeros(len(prompts), dtype=torch.bool, device=device)
    at = lengths.clone()
    for _ in range(limit):
        with torch.autocast(device.type, dtype=torch.bfloat16):
            logits = model(tokens[:, :int(at.max())])[rows, at - 1].float()
        if temperature:
            chosen = torch.multinomial(F.softmax(logits / temperature, -1), 1)[:, 0]
        else:
            chosen = logits.argmax(-1)
        ended |= chosen == END
        tokens[rows, at] = torch.where(ended, PAD, chosen)
        at += (~ended).long()
        if ended.all():
            break
    return [tokens[row, lengths[row]:at[row]].tolist() for row in range(len(prompts))]


def chat_prompt(tokenizer: Tokenizer, messages: list[str]) -> list[int]:
    """User and assistant messages in turn, ready for the next answer."""
    roles = ("user", "assistant")
    text = "".join(f"<|{roles[i % 2]}|>{message}<|end|>" for i, message in enumerate(messages))
    return tokenizer.encode(f"<|bos|>{text}<|assistant|>", add_special_tokens=False).ids


def table(model: Llama, draft: Llama, tokenizer: Tokenizer) -> str:
    """Exact matches on held-back phrasings and operands, and how often the draft agrees."""
    lines = ["| skill | exact | draft model | draft agrees |", "| --- | --- | --- | --- |"]
    for name in TESTED:
        rng = random.Random(f"test {name}")
        turns = [MIXTURE[name][0](rng, True) for _ in range(QUESTIONS)]
        prompts = [chat_prompt(tokenizer, [turn.question]) for turn in turns]
        cells = []
        for judged in (draft, model):
            answers = answer(judged, prompts, 160)
            texts = [tokenizer.decode(ids) for ids in answers]
            right = [turn.is_right(text) for turn, text in zip(turns, texts, strict=True)]
            cells.append(f"{100 * sum(right) / len(right):.1f} %")
        agreed = agreement(draft, prompts, answers)
        lines.append(f"| {name} | {cells[1]} | {cells[0]} | {100 * agreed:.1f} % |")
        wrong = [(turn, text) for turn, text, ok in zip(turns, texts, right, strict=True) if not ok]
        for turn, text in wrong[:4]:
            print(f"[{name}] {turn.question!r} gave {text!r}, not {turn.answer!r}")
    return "\n".join(lines)


@torch.no_grad()
def agreement(draft: Llama, prompts: list[list[int]], answers: list[list[int]]) -> float:
    """How often the draft's most likely token is the one that the target chose."""
    device = draft.cos.device
    whole = [torch.tensor([*prompt, *ids, END]) for prompt, ids in zip(prompts, answers, strict=True)]
    tokens = pad_sequence(whole, batch_first=True, padding_value=PAD).to(device)
    with torch.autocast(device.type, dtype=torch.bfloat16):
        guessed = draft(tokens[:, :-1]).argmax(-1)
    places = torch.arange(tokens.shape[1] - 1, device=device)
    first = torch.tensor([len(prompt) - 1 for prompt in prompts], device=device)[:, None]
    last = torch.tensor([len(ids) - 1 for ids in whole], device=device)[:, None]
    counted = (places >= first) & (places < last)
    return ((guessed == tokens[:, 1:]) & counted).sum().item() / counted.sum().item()


def show(model: Llama, tokenizer: Tokenizer, temperature: float) -> None:
    """Prints conversations inside and outside of what was trained."""
    print(f"--- temperature {temperature}")
    for questions in SAMPLES:
        messages: list[str] = []
        for question in questions:
            messages.append(question)
            ids = answer(model, [chat_prompt(tokenizer, messages)], 200, temperature)[0]
            messages.append(tokenizer.decode(ids))
            print(f"> {question}\n  {messages[-1]}")
    for start in PLAIN:
        ids = answer(model, [tokenizer.encode(start).ids], 200, temperature)[0]
        print(f"# {start}{tokenizer.decode(ids)}")
