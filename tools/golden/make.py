"""Writes tiny random checkpoints and what transformers computes with them.

    python3 tools/golden/make.py --out tests/data/golden

Each checkpoint is a folder as the Hugging Face hub would hold it, plus
`golden.safetensors` with logits, residuals and greedy tokens. The format is
described in tests/data/golden/README.md. Everything runs on the CPU, so that
float32 means float32.
"""

import argparse
import json
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel

PROMPT_LENGTHS = (1, 17, 90)
GREEDY_STEPS = 32
RESIDUAL_VALUES = 16
DTYPES = {"f32": torch.float32, "bf16": torch.bfloat16}

# Small enough for the repository, yet with the head size that GPU kernels want.
BASE = dict(
    vocab_size=320,
    hidden_size=128,
    intermediate_size=192,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    head_dim=64,
    max_position_embeddings=512,
    rms_norm_eps=1e-5,
    tie_word_embeddings=False,
    bos_token_id=1,
    eos_token_id=2,
    pad_token_id=None,
)


@dataclass(frozen=True)
class Checkpoint:
    """One folder of goldens: a model type, its configuration and its layout on disk."""

    name: str
    model_type: str
    overrides: dict[str, Any] = field(default_factory=dict)
    weights_of: str = ""  # Draws the same weights as the checkpoint of this name.
    shards: int = 1
    old_config: bool = False

    @property
    def weight_seed(self) -> str:
        return self.weights_of or self.name


def rope(kind: str, theta: float = 10000.0, **extra: Any) -> dict[str, Any]:
    """The rotary parameters in the spelling of transformers 5."""
    return {"rope_parameters": {"rope_type": kind, "rope_theta": theta, **extra}}


# The scaled variants start from 32 positions: a prompt of 90 tokens is well beyond them.
LLAMA3 = rope("llama3", 500000.0, factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
              original_max_position_embeddings=32)
YARN = rope("yarn", 1000000.0, factor=4.0, original_max_position_embeddings=32)

CHECKPOINTS = (
    Checkpoint("llama", "llama", rope("default") | dict(
        num_hidden_layers=3, num_attention_heads=2, num_key_value_heads=1)),
    Checkpoint("llama-rope-llama3", "llama", LLAMA3 | dict(tie_word_embeddings=True)),
    Checkpoint("llama-rope-llama3-old-config", "llama", LLAMA3 | dict(tie_word_embeddings=True),
               weights_of="llama-rope-llama3", old_config=True),
    Checkpoint("llama-rope-linear", "llama", rope("linear", factor=4.0)),
    Checkpoint("qwen2", "qwen2", rope("default", 1000000.0) | dict(
        num_attention_heads=2, num_key_value_heads=1, head_dim=None, tie_word_embeddings=True,
        use_sliding_window=False, sliding_window=32, max_window_layers=1, rms_norm_eps=1e-6)),
    Checkpoint("qwen3", "qwen3", rope("default", 1000000.0) | dict(
        tie_word_embeddings=True, rms_norm_eps=1e-6)),
    Checkpoint("qwen3-rope-yarn", "qwen3", YARN | dict(rms_norm_eps=1e-6)),
    Checkpoint("mistral", "mistral", rope("default", 1000000.0) | dict(
        num_key_value_heads=1, sliding_window=None), shards=2),
    Checkpoint("mistral-window", "mistral", rope("default") | dict(sliding_window=24)),
)


def make_config(spec: Checkpoint) -> Any:
    values = {k: v for k, v in (BASE | spec.overrides).items() if v is not None or k != "head_dim"}
    return AutoConfig.for_model(spec.model_type, **values)


def draw(name: str, shape: torch.Size, seed: str) -> torch.Tensor:
    """Values that hide no mistake: norms away from one, biases away from zero."""
    generator = torch.Generator().manual_seed(zlib.crc32(f"{seed}/{name}".encode()))
    noise = torch.randn(shape, generator=generator)
    if name.endswith("norm.weight"):
        noise = 1 + 0.2 * noise
    elif name.endswith(".bias"):
        noise = 0.2 * noise
    else:
        noise = 0.15 * noise
    return noise.to(torch.bfloat16)


def draw_weights(config: Any, seed: str) -> dict[str, torch.Tensor]:
    model = AutoModelForCausalLM.from_config(config)
    tied = config.tie_word_embeddings
    return {name: draw(name, value.shape, seed)
            for name, value in model.state_dict().items()
            if not (tied and name == "lm_head.weight")}


def write_weights(folder: Path, weights: dict[str, torch.Tensor], shards: int) -> None:
    """Writes one file, or `shards` files and the index that joins them."""
    metadata = {"format": "pt"}
    if shards == 1:
        save_file(weights, folder / "model.safetensors", metadata=metadata)
        return
    names = sorted(weights)
    weight_map = {}
    for shard in range(shards):
        file = f"model-{shard + 1:05}-of-{shards:05}.safetensors"
        part = names[shard * len(names) // shards:(shard + 1) * len(names) // shards]
        save_file({name: weights[name] for name in part}, folder / file, metadata=metadata)
        weight_map |= dict.fromkeys(part, file)
    total = sum(value.numel() * value.element_size() for value in weights.values())
    index = {"metadata": {"total_size": total}, "weight_map": weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=2) + "\n")


def config_json(config: Any, old: bool) -> dict[str, Any]:
    """The configuration as transformers 5 writes it, or in the spelling of transformers 4."""
    values = config.to_dict() | {"architectures": [type_of_model(config)], "dtype": "bfloat16"}
    values = {key: value for key, value in values.items() if not key.startswith("_")}
    if not old:
        return values
    values["torch_dtype"] = values.pop("dtype")
    values["transformers_version"] = "4.45.0"
    parameters = dict(values.pop("rope_parameters"))
    values["rope_theta"] = parameters.pop("rope_theta")
    values["rope_scaling"] = parameters if parameters["rope_type"] != "default" else None
    return values


def type_of_model(config: Any) -> str:
    return AutoModelForCausalLM._model_mapping[type(config)].__name__


def record(model: PreTrainedModel, prompt: list[int], steps: int) -> dict[str, torch.Tensor]:
    """Runs one prompt and then decodes greedily, each step from scratch."""
    residuals: list[torch.Tensor] = []

    def keep(_module: Any, _inputs: Any, output: Any) -> None:
        hidden = output[0] if isinstance(output, tuple) else output
        residuals.append(hidden[0, -1, :RESIDUAL_VALUES].float().clone())

    watched = [model.model.embed_tokens, *model.model.layers]
    hooks = [module.register_forward_hook(keep) for module in watched]
    tokens = list(prompt)
    first, margins = None, []
    for _ in range(steps):
        logits = model(torch.tensor([tokens]), use_cache=False).logits[0, -1].float()
        if first is None:
            first = logits.clone()
            for hook in hooks:
                hook.remove()
        top = logits.topk(2)
        margins.append((top.values[0] - top.values[1]).item())
        tokens.append(int(top.indices[0]))
    return {
        "logits": first,
        "residual": torch.stack(residuals),
        "greedy": torch.tensor(tokens[len(prompt):], dtype=torch.int32),
        "margin": torch.tensor(margins, dtype=torch.float32),
    }


def make_prompts(vocab: int, seed: str) -> list[list[int]]:
    generator = torch.Generator().manual_seed(zlib.crc32(f"{seed}/prompts".encode()))
    return [torch.randint(3, vocab, (n,), generator=generator).tolist() for n in PROMPT_LENGTHS]


def make(spec: Checkpoint, out: Path) -> None:
    folder = out / spec.name
    folder.mkdir(parents=True, exist_ok=True)
    config = make_config(spec)
    write_weights(folder, draw_weights(config, spec.weight_seed), spec.shards)
    (folder / "config.json").write_text(
        json.dumps(config_json(config, spec.old_config), indent=2, sort_keys=True) + "\n")

    arrays: dict[str, torch.Tensor] = {}
    prompts = make_prompts(config.vocab_size, spec.weight_seed)
    for dtype_name, dtype in DTYPES.items():
        model = AutoModelForCausalLM.from_pretrained(
            folder, dtype=dtype, attn_implementation="eager").eval()
        for index, prompt in enumerate(prompts):
            arrays[f"prompt.{index}.tokens"] = torch.tensor(prompt, dtype=torch.int32)
            for key, value in record(model, prompt, GREEDY_STEPS).items():
                arrays[f"prompt.{index}.{dtype_name}.{key}"] = value.contiguous()
    save_file(arrays, folder / "golden.safetensors", metadata={
        "generator": "tools/golden/make.py",
        "torch": torch.__version__,
        "transformers": transformers.__version__,
    })
    last = f"prompt.{len(prompts) - 1}"
    exact, rounded = arrays[f"{last}.f32.logits"], arrays[f"{last}.bf16.logits"]
    error = ((rounded - exact).norm() / exact.norm()).item()
    size = sum(file.stat().st_size for file in folder.iterdir())
    print(f"{spec.name:32} {size / 1e6:5.2f} MB, bf16 against f32 {error:.2e}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="folder of the checkpoints")
    out: Path = parser.parse_args().out
    torch.set_grad_enabled(False)
    for spec in CHECKPOINTS:
        make(spec, out)


if __name__ == "__main__":
    main()
