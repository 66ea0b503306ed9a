"""Trains small tokenizers of every kind we load and records what they do with hostile text.

    python3 tools/golden/tokenizer_cases.py --out tests/data/golden/tokenizers

The truth is the `tokenizers` library. The format of the output is described in
tests/data/golden/README.md.
"""

import argparse
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import tokenizers
from tokenizers import (AddedToken, Regex, Tokenizer, decoders, models, normalizers,
                        pre_tokenizers, processors, trainers)

CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
TAIL = r"|\s*[\r\n]+|\s+(?!\S)|\s+"
LLAMA3 = CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*" + TAIL
QWEN = CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*" + TAIL
SPACE = "\u2581"
VOCAB = 700
RANDOM_STRINGS = 120
RANDOM_IDS = 40

# The words that the tokenizers learn their merges from.
SUBJECTS = "the actor|a scheduler|every worker|one request|this engine|my model|das Büro|l'été".split("|")
VERBS = "sends|receives|wasn't|computes|they're|can't see|streams|übersetzt|mange".split("|")
SYLLABLES = "ba|ko|li|ne|tra|shi|on|er|ing|ed|ment|tion|qu|ar|os|vel|un|dor|ité|над".split("|")
OBJECTS = "1024 tokens|a message|the cache|naïve text|日本語の文|привет мир|😀 emoji|x = y[0];".split("|")

HOSTILE = (
    "", " ", "  ", "   a", "a   ", "\n", "\n\n", "\r\n", "\t\ta\t", " \n \n ", "a\r\nb\rc\n",
    "hello", "Hello world", " hello", "hello  world", "HELLO'S I'M THEY'LL we'Ve",
    "don't can't won't it's I'd", "’s curly’s", "1", "12", "123", "1234", "1234567890" * 3,
    "3.14159", "1,000,000", "٣٤٥", "²³¼", "Ⅷ", "a1b2c3", "x_y-z", "foo(bar)[0]->baz;",
    "!!!???...", "—–-", "«quoted»", "\"'`", "\\n", "naïve", "nai\u0308ve", "é", "e\u0301",
    "\u212b", "ﬁ", "½", "ǆ", "ß ẞ", "İi", "日本語", "日本語の文を書く", "한국어", "한", "ไทย",
    "שלום", "مرحبا", "हिन्दी", "привет", "Ελληνικά", "😀", "😀😃", "👩‍👩‍👧‍👦", "🏳️‍🌈", "🇩🇪🇫🇷", "👍🏽",
    "a\u200bb", "a\u00a0b", "\u3000a", "a\u2028b", "\ufeffa", "\u0000", "a\u0000b", "\u0007",
    "\u007f", "\u0085", "\ufffd", "\U0010ffff", "\ue000", "𝔘𝔫𝔦", "a\u0300\u0301\u0302b", "\u0301",
    "z\u0335\u0321a\u0334l\u0337g\u0338o", "▁", "▁a", "a▁b", " ▁ ", "Ġ", "Ġhello", "Ċ", "<0x41>",
    "<0xE2>", "<s>", "</s>", "<unk>", "<s>hello", "hello</s>", "<s> hello", "a <s> b", "<s><s>",
    "<|user|>", "<|user|>hi<|end|>", " <|user|> hi", "<|user", "<|user|", "|user|>", "<|USER|>",
    "<tool>", " <tool> ", "a<tool>b", "<<tool>>", "the actor sends a message", "the  actor\n\nsends",
    "    def f(x):\n        return x\n", "a" * 300, "ab" * 150, " " * 70, "\n" * 40, "é" * 60,
    "http://example.org/a?b=c&d=%20#e", "user@example.org", "C:\\path\\file.txt", "{\"a\": [1, 2]}",
)


def sentences(seed: int) -> Iterator[str]:
    rng = random.Random(seed)
    for _ in range(4000):
        invented = "".join(rng.choices(SYLLABLES, k=3))
        yield (f"{rng.choice(SUBJECTS)} {rng.choice(VERBS)} {rng.choice(OBJECTS)} {invented}. "
               f"{rng.randrange(5000)}\n")


def random_text(rng: random.Random) -> str:
    """A string of characters from every part of Unicode, words and special tokens."""
    ranges = ((32, 126), (32, 126), (0xA0, 0x24F), (0x300, 0x36F), (0x370, 0x5FF), (0x600, 0xDFF),
              (0x1E00, 0x20FF), (0x2190, 0x2BFF), (0x3000, 0x30FF), (0x4E00, 0x9FFF),
              (0xAC00, 0xD7A3), (0x1F300, 0x1FAFF), (9, 13))
    words = "the| actor|sends|'s| |  |\n|<s>|</s>|<|end|>|<tool>|1234|日本|▁".split("|")
    parts = []
    for _ in range(rng.randrange(1, 14)):
        low, high = rng.choice(ranges)
        parts.append(rng.choice(words) if rng.random() < 0.4 else chr(rng.randint(low, high)))
    return "".join(parts)


def special_tokens(names: list[str]) -> list[AddedToken]:
    return [AddedToken(name, special=True, normalized=False) for name in names]


def byte_level(pattern: str | None, normalizer: normalizers.Normalizer | None,
               bos: str | None) -> Tokenizer:
    """The family of GPT-2, Llama 3 and Qwen; `pattern` None is GPT-2's own splitting."""
    tokenizer = Tokenizer(models.BPE(ignore_merges=pattern == LLAMA3))
    if normalizer:
        tokenizer.normalizer = normalizer
    if pattern:
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
            pre_tokenizers.Split(Regex(pattern), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    else:
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    names = ["<s>", "</s>", "<|user|>", "<|end|>"]
    trainer = trainers.BpeTrainer(
        vocab_size=VOCAB, show_progress=False, special_tokens=special_tokens(names),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(sentences(1), trainer)
    tokenizer.add_tokens([AddedToken("<tool>", normalized=False)])
    add_bos(tokenizer, bos)
    return tokenizer


def sentencepiece(metaspace: bool) -> Tokenizer:
    """The family of Llama 2, in the two spellings that checkpoints carry."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    spaced = pre_tokenizers.Metaspace(replacement=SPACE, prepend_scheme="first", split=True)
    tokenizer.pre_tokenizer = spaced
    names = ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(256)]
    trainer = trainers.BpeTrainer(vocab_size=VOCAB, show_progress=False, special_tokens=names,
                                  limit_alphabet=120)
    tokenizer.train_from_iterator(sentences(2), trainer)
    tokenizer = Tokenizer.from_str(json.dumps(only_real_specials(json.loads(tokenizer.to_str()))))
    if metaspace:
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(
            replacement=SPACE, prepend_scheme="first", split=False)
    else:
        tokenizer.pre_tokenizer = None
        tokenizer.normalizer = normalizers.Sequence([
            normalizers.Prepend(SPACE), normalizers.Replace(" ", SPACE)])
    tokenizer.decoder = decoders.Sequence([
        decoders.Replace(SPACE, " "), decoders.ByteFallback(), decoders.Fuse(),
        decoders.Strip(" ", 1, 0)])
    tokenizer.add_special_tokens(special_tokens(["<|user|>", "<|end|>"]))
    tokenizer.add_tokens([AddedToken("<tool>", normalized=False, lstrip=True, rstrip=True)])
    add_bos(tokenizer, "<s>")
    return tokenizer


def only_real_specials(spec: dict) -> dict:
    """The trainer registers the byte tokens as special; in a checkpoint they are plain."""
    spec["added_tokens"] = [t for t in spec["added_tokens"] if not t["content"].startswith("<0x")]
    return spec


def add_bos(tokenizer: Tokenizer, bos: str | None) -> None:
    if bos:
        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{bos} $A", pair=f"{bos} $A {bos} $B",
            special_tokens=[(bos, tokenizer.token_to_id(bos))])


KINDS: dict[str, Callable[[], Tokenizer]] = {
    "byte-level-llama3": lambda: byte_level(LLAMA3, None, "<s>"),
    "byte-level-qwen": lambda: byte_level(QWEN, normalizers.NFC(), None),
    "byte-level-gpt2": lambda: byte_level(None, None, None),
    "sentencepiece-prepend": lambda: sentencepiece(metaspace=False),
    "sentencepiece-metaspace": lambda: sentencepiece(metaspace=True),
}


def cases(tokenizer: Tokenizer, seed: int) -> dict:
    rng = random.Random(seed)
    texts = [*HOSTILE, *(random_text(rng) for _ in range(RANDOM_STRINGS))]
    by_text = []
    for text in texts:
        special = tokenizer.encode(text).ids
        by_text.append({
            "text": text,
            "ids": tokenizer.encode(text, add_special_tokens=False).ids,
            "ids_special": special,
            "decoded": tokenizer.decode(special, skip_special_tokens=True),
            "decoded_special": tokenizer.decode(special, skip_special_tokens=False),
        })
    by_ids = []
    for _ in range(RANDOM_IDS):
        ids = [rng.randrange(tokenizer.get_vocab_size()) for _ in range(rng.randrange(1, 12))]
        by_ids.append({"ids": ids, "decoded": tokenizer.decode(ids)})
    return {"tokenizers": tokenizers.__version__, "cases": by_text, "id_cases": by_ids}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="folder of the tokenizers")
    out: Path = parser.parse_args().out
    for seed, (kind, train) in enumerate(KINDS.items()):
        folder = out / kind
        folder.mkdir(parents=True, exist_ok=True)
        tokenizer = train()
        tokenizer.save(str(folder / "tokenizer.json"))
        recorded = json.dumps(cases(tokenizer, seed), ensure_ascii=True, separators=(",", ":"))
        (folder / "cases.json").write_text(recorded.replace('{"text"', '\n{"text"') + "\n")
        print(f"{kind:26} {tokenizer.get_vocab_size()} tokens")


if __name__ == "__main__":
    main()
