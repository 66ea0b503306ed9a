"""Trains the demo model and its draft model on text of our own.

    python3 tools/demo_model/train.py --out models --seconds 330 --draft-seconds 70

Needs one GPU, torch and tokenizers. Training stops by the clock and always
saves. Text is generated while the GPU works and is never repeated.
"""

import argparse
import os
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

import corpus
from evaluate import show, table
from export import train_tokenizer, write_folder
from model import DRAFT, TARGET, Llama, Shape, document_mask

ROWS, LENGTH = 128, 1024
PEAK_RATE, WARM_UP = 3e-3, 200
TOKENIZER_SAMPLES = 40_000

Batch = list[Tensor]


class Stream(IterableDataset):
    """Endless batches of packed rows; each worker has its own seed."""

    def __init__(self, tokenizer: str, seed: int) -> None:
        self.tokenizer, self.seed = tokenizer, seed

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        worker = get_worker_info()
        seed = self.seed * 1000 + (worker.id if worker else 0)
        rows = corpus.rows(Tokenizer.from_str(self.tokenizer), seed, LENGTH)
        while True:
            tokens, targets, documents = zip(*(next(rows) for _ in range(ROWS)), strict=True)
            yield tuple(torch.from_numpy(np.stack(values).astype(np.int32))
                        for values in (tokens, targets, documents))


def loss_of(model: Llama, teacher: Llama | None, batch: Batch, mask: object) -> Tensor:
    """Cross entropy with the text, or with the teacher's opinion of it."""
    tokens, targets, _ = batch
    with torch.autocast("cuda", dtype=torch.bfloat16):
        logits = model(tokens, mask)
    if teacher is None:
        return F.cross_entropy(logits.float().flatten(0, 1), targets.flatten(), ignore_index=-100)
    with torch.no_grad(), torch.autocast("cuda", dtype=torch.bfloat16):
        wanted = teacher(tokens, mask).float().softmax(-1)
    surprise = -(wanted * logits.float().log_softmax(-1)).sum(-1)
    counted = (targets != -100).float()
    return (surprise * counted).sum() / counted.sum()


def make_optimizer(model: Llama) -> torch.optim.Optimizer:
    matrices = [p for p in model.parameters() if p.dim() == 2]
    norms = [p for p in model.parameters() if p.dim() == 1]
    return torch.optim.AdamW([{"params": matrices, "weight_decay": 0.1},
                              {"params": norms, "weight_decay": 0.0}],
                             lr=PEAK_RATE, betas=(0.9, 0.95), fused=True)


def train(shape: Shape, batches: Iterator[Batch], seconds: float, teacher: Llama | None = None) -> Llama:
    """Trains until the clock says stop; the time to compile does not count."""
    model = Llama(shape).cuda()
    optimizer = make_optimizer(model)
    compiled = torch.compile(loss_of)
    start, step, share = time.monotonic(), 0, 0.0
    while share < 1.0:
        batch = [values.cuda(non_blocking=True).long() for values in next(batches)]
        rate = PEAK_RATE * min(1.0, (step + 1) / WARM_UP) * (0.01 + 0.99 * (1 - share) ** 1.2)
        for group in optimizer.param_groups:
            group["lr"] = rate
        loss = compiled(model, teacher, batch, document_mask(batch[2]))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        step += 1
        if step == 3:
            torch.cuda.synchronize()
            print(f"compiled in {time.monotonic() - start:.0f} s", flush=True)
            start = time.monotonic()
        if step % 20 == 0 and step > 3:
            shown = loss.item()  # Waits for the device, so that the clock is honest.
            share = (time.monotonic() - start) / seconds
            if step % 400 == 0:
                speed = step * ROWS * LENGTH / (share * seconds) / 1e6
                print(f"step {step}, loss {shown:.4f}, {speed:.2f} M tokens/s", flush=True)
    print(f"{step} steps, {step * ROWS * LENGTH / 1e6:.0f} M tokens, loss {shown:.4f}", flush=True)
    with torch.no_grad():  # What is tested is what is saved.
        for parameter in model.parameters():
            parameter.copy_(parameter.bfloat16().float())
    return model.eval().requires_grad_(False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="parent folder of demo and demo-draft")
    parser.add_argument("--seconds", type=float, default=330, help="time to train the demo model")
    parser.add_argument("--draft-seconds", type=float, default=70, help="time to train the draft model")
    parser.add_argument("--workers", type=int, default=15, help="processes that write text")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()

    torch.manual_seed(options.seed)
    torch.set_float32_matmul_precision("high")
    tokenizer = train_tokenizer(corpus.texts(options.seed, TOKENIZER_SAMPLES), TARGET.vocab_size)
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    loader = DataLoader(Stream(tokenizer.to_str(), options.seed), batch_size=None, num_workers=options.workers,
                        prefetch_factor=16, pin_memory=True)
    batches = iter(loader)
    target = train(TARGET, batches, options.seconds)
    write_folder(options.out / "demo", target, TARGET, tokenizer)
    draft = train(DRAFT, batches, options.draft_seconds, teacher=target)
    write_folder(options.out / "demo-draft", draft, DRAFT, tokenizer)
    print(table(target, draft, tokenizer))
    show(target, tokenizer, 0.0)
    show(target, tokenizer, 0.7)


if __name__ == "__main__":
    main()
