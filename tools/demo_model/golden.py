"""Records what transformers answers with the demo model, greedily.

    python3 tools/demo_model/golden.py --model models/demo --out tests/data/golden/demo

The format is described in tests/data/golden/README.md.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import AutoModelForCausalLM, AutoTokenizer

LIMIT = 128
SYSTEM = "You are a helpful assistant."
CONVERSATIONS = (
    ["Hi!"], ["What is Troupe?"], ["What is the capital of France?"], ["What is 17 + 25?"],
    ["Count from 3 to 12."], ["What day comes after Tuesday?"], ["What is the opposite of hot?"],
    ["Tell me a story about a fox."], ["Spell banana."], ["Which is bigger, 45 or 54?"],
    ["What is continuous batching?"], ["Who was Napoleon?"], ["What is 7 x 8?"], ["Name three animals."],
    ["What is the capital of Japan?", "The capital of Japan is Tokyo.", "and Italy?"],
    ["My name is Anna.", "Nice to meet you, Anna! How can I help you?", "What is my name?"],
    [SYSTEM, "Who are you?"], [SYSTEM, "What can you do?"], [SYSTEM, "Explain gravity."],
    [SYSTEM, "Thanks!", "You are welcome!", "Bye"],
)


def messages_of(conversation: list[str]) -> list[dict[str, str]]:
    has_system = conversation[0] == SYSTEM
    messages = [{"role": "system", "content": SYSTEM}] if has_system else []
    for i, text in enumerate(conversation[has_system:]):
        messages.append({"role": ("user", "assistant")[i % 2], "content": text})
    return messages


@torch.no_grad()
def greedy(model: Any, prompt: list[int], end: int) -> tuple[list[int], list[float]]:
    """The answer, its end token included, and the margin of every step."""
    tokens, margins = list(prompt), []
    for _ in range(LIMIT):
        top = model(torch.tensor([tokens]), use_cache=False).logits[0, -1].float().topk(2)
        margins.append(round((top.values[0] - top.values[1]).item(), 6))
        tokens.append(int(top.indices[0]))
        if tokens[-1] == end:
            break
    return tokens[len(prompt):], margins


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, required=True, help="folder of the demo model")
    parser.add_argument("--out", type=Path, required=True, help="folder of greedy.json")
    options = parser.parse_args()
    tokenizer = AutoTokenizer.from_pretrained(options.model)
    models = {name: AutoModelForCausalLM.from_pretrained(
        options.model, dtype=dtype, attn_implementation="eager").eval()
        for name, dtype in (("f32", torch.float32), ("bf16", torch.bfloat16))}
    cases = []
    for conversation in CONVERSATIONS:
        messages = messages_of(conversation)
        text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        prompt = tokenizer(text, add_special_tokens=False)["input_ids"]
        exact, margins = greedy(models["f32"], prompt, tokenizer.eos_token_id)
        rounded, _ = greedy(models["bf16"], prompt, tokenizer.eos_token_id)
        decoded = tokenizer.decode(exact, skip_special_tokens=True)
        cases.append({"messages": messages, "text": text, "prompt": prompt, "f32": exact, "margin": margins,
                      "bf16": rounded, "decoded": decoded})
        print(f"{messages[-1]['content']} -> {decoded}{'' if exact == rounded else ' (bf16 differs)'}")
    options.out.mkdir(parents=True, exist_ok=True)
    record = {"torch": torch.__version__, "transformers": transformers.__version__, "cases": cases}
    lines = json.dumps(record, ensure_ascii=False).replace('{"messages"', '\n{"messages"')
    (options.out / "greedy.json").write_text(lines + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
