"""What a forward costs beside its floor, and what a cache saves. `python benchmarks/models.py [--model tiny] [--device cuda:0]`

The floor is counted before anything is timed. A forward of R rows of L tokens with m positions of logits needs

* operations: 2 P R L + 4 d n R L^2 + 2 H m (P active parameters, d hidden size, n layers, H parameters of the head), at the
  rate at which this device multiplies large square matrices in the model's dtype;
* bytes: every weight once, (P + H) x the size of a number, at the rate at which it copies memory.

The larger of the two times is the floor. On a GPU a single short row is bound by bytes, so the second row is nearly free; a CPU
core is bound by operations from the first row on. What lies above the floor is attention's own traffic, small kernels, calls.

Then the price of what decoders may ask for (attention maps, shadows) as a multiple of the plain forward, and for each cache the
wall time and the query tokens of a whole decoding against those without one: tokens saved are what a cache promises, time saved
what it keeps. `--random 8b` makes a model of LLaDA 8B's shape with random weights on the device, so nothing is downloaded.

The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from parallelbench.contracts.forward import AttentionQuery, ForwardBatch
from parallelbench.contracts.info import ModelInfo
from parallelbench.decoding import Engine, load_decoder
from parallelbench.decoding.caches.base import InputSpan
from parallelbench.decoding.ledger import cost_of
from parallelbench.models import load_model
from parallelbench.models.attention_probe import NAME as PROBED
from parallelbench.models.native import NativeDenoiser
from parallelbench.schema import Prompt, Sample

Row = dict[str, Any]
ASKED = 32
SHAPES = {
    "8b": {"hidden_size": 4096, "intermediate_size": 12288, "num_hidden_layers": 32, "num_attention_heads": 32},
    "1b": {"hidden_size": 2048, "intermediate_size": 5632, "num_hidden_layers": 22, "num_attention_heads": 16},
}
VOCABULARY = 126_464
SAMPLE = Sample("benchmark", 1, 0, 0, (), "", {})


def random_model(shape: str, device: str, dtype: torch.dtype) -> NativeDenoiser:
    """A model of a published shape with random weights; it reads and writes the shipped model's tokens."""
    tiny = load_model("tiny")
    config = LlamaConfig(vocab_size=VOCABULARY, max_position_embeddings=4096, attn_implementation="sdpa", **SHAPES[shape])
    config.is_causal = False
    with torch.device("meta"):
        model = LlamaForCausalLM(config)
    model = model.to_empty(device=device).to(dtype)
    model.model.rotary_emb = type(model.model.rotary_emb)(config).to(device)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.02) if parameter.ndim > 1 else torch.nn.init.ones_(parameter)
    head = model.lm_head.weight.numel()
    info = ModelInfo(
        name=f"random-{shape}", revision="random", vocab_size=tiny.info.vocab_size, mask_id=tiny.info.mask_id,
        end_ids=tiny.info.end_ids, pad_id=tiny.info.pad_id, context_length=4096, dtype=str(dtype).removeprefix("torch."),
        device=device, active_params=sum(p.numel() for p in model.model.layers.parameters()), head_params=head,
        hidden_size=config.hidden_size, layers=config.num_hidden_layers, offers=tiny.info.offers,
    )  # fmt: skip
    return NativeDenoiser(model.eval(), tiny.codec_for(SAMPLE), info)  # type: ignore[arg-type]


def seconds(work: Callable[[], object], device: torch.device, repeats: int) -> float:
    """Wall time of one run, device and all; the median of several after one that does not count."""
    times = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        times.append(time.perf_counter() - start)
    return float(np.median(times[1:]))


def rates(device: torch.device, dtype: torch.dtype) -> tuple[float, float]:
    """Operations per second of a matrix product, bytes per second read by a copy."""
    size, length = (8192, 1 << 30) if device.type == "cuda" else (1024, 1 << 27)
    a = torch.randn(size, size, device=device).to(dtype)
    b = torch.empty(length, dtype=torch.uint8, device=device)
    target = torch.empty_like(b)
    return 2 * size**3 / seconds(lambda: a @ a, device, 5), 2 * length / seconds(lambda: target.copy_(b), device, 5)


def batch_of(info: ModelInfo, rows: int, length: int, **more: Any) -> ForwardBatch:
    """Rows of random tokens with masks at the end, whose logits are asked for."""
    ids = np.random.default_rng(0).integers(3, info.vocab_size, (rows, length))
    ids[:, -ASKED:] = info.mask_id
    columns = np.tile(np.arange(length - ASKED, length), rows)
    prompts = [Prompt(SAMPLE, (), tuple(ids[0]), "")] * rows
    return ForwardBatch(ids, np.full(rows, length), np.repeat(np.arange(rows), ASKED), columns, prompts, **more)


@torch.inference_mode()
def forward(model: NativeDenoiser, batch: ForwardBatch) -> object:
    return model.forward(batch)


def floor(info: ModelInfo, rows: int, length: int, flops_rate: float, bytes_rate: float) -> tuple[float, str]:
    """The least time of a forward, and what bounds it."""
    cost = cost_of(info, InputSpan(0, length), rows, rows * ASKED, 0)
    size = torch.finfo(getattr(torch, info.dtype)).bits // 8
    times = {"operations": cost.flops / flops_rate, "bytes": (info.active_params + info.head_params) * size / bytes_rate}
    bound = max(times, key=lambda name: times[name])
    return times[bound], bound


def sweep(model: NativeDenoiser, device: torch.device, speed: tuple[float, float], options: argparse.Namespace) -> list[Row]:
    """Forwards of several batches and lengths beside their floor."""
    rows = []
    print(f"{'batch':>6}{'length':>8}{'ms':>10}{'floor ms':>10}{'of floor':>10}  bound by")
    for count in options.batches:
        for length in options.lengths:
            least, bound = floor(model.info, count, length, *speed)
            batch = batch_of(model.info, count, length)
            found = seconds(lambda batch=batch: forward(model, batch), device, options.repeats)
            print(f"{count:>6}{length:>8}{1e3 * found:>10.2f}{1e3 * least:>10.2f}{found / least:>10.2f}  {bound}")
            rows.append(
                {"batch": count, "length": length, "s": found, "floor_s": least, "of_floor": found / least, "bound": bound}
            )
    return rows


def extras(model: NativeDenoiser, device: torch.device, options: argparse.Namespace) -> Row:
    """What attention maps and shadows cost, as multiples of a plain forward."""
    asks: dict[str, dict[str, Any]] = {
        "plain": {}, "attention of the last 30 %": {"attention": AttentionQuery()}, "shadows": {"shadow": "separate"},
    }  # fmt: skip
    count, length = options.batches[-1], options.lengths[0]
    spent = {}
    with torch.inference_mode():
        for name, more in asks.items():
            batch = batch_of(model.info, count, length, **more)
            spent[name] = seconds(lambda batch=batch: model.forward(batch), device, options.repeats)
    ratios = {name: value / spent["plain"] for name, value in spent.items()}
    print(f"\n{count} rows of {length}: " + ", ".join(f"{name} x{ratio:.2f}" for name, ratio in ratios.items()))
    return ratios


def caches(model: NativeDenoiser, device: torch.device, options: argparse.Namespace) -> list[Row]:
    """Whole decodings under each cache: query tokens and wall time beside those without one."""
    info, canvas = model.info, 64
    kinds = ("none", "block") if info.attention == "block_causal" else ("none", "prefix", "dual")
    rng = np.random.default_rng(1)
    prompts = [
        Prompt(SAMPLE, tuple(rng.integers(3, info.vocab_size, options.prompt).tolist()), (info.mask_id,) * canvas, "")
        for _ in range(options.batches[-1])
    ]
    rows: list[Row] = []
    print(f"\n{len(prompts)} samples, prompt {options.prompt}, canvas {canvas}")
    print(f"{'decoder':>24}{'cache':>8}{'queries':>9}{'time':>7}")
    for spec in ("confidence:k=2", "confidence:k=2,block=32"):
        base: tuple[float, float] | None = None
        for kind in kinds:
            engine, decoder = Engine(model, len(prompts), cache=kind), load_decoder(spec)  # type: ignore[arg-type]
            spent = seconds(lambda engine=engine, decoder=decoder: list(engine.generate(prompts, decoder)), device, 1)
            fed = float(sum(done.ledger.q_tokens for done in engine.generate(prompts, decoder)))
            base = base or (fed, spent)
            rows.append({"decoder": spec, "cache": kind, "queries": fed / base[0], "time": spent / base[1], "s": spent})
            print(f"{spec:>24}{kind:>8}{fed / base[0]:>9.2f}{spent / base[1]:>7.2f}")
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description="What a forward costs beside its floor, and what a cache saves.")
    parser.add_argument("--model", default="tiny", help="a model by name, or path:DIR")
    parser.add_argument("--random", choices=SHAPES, help="in its place a random model of this shape")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", default="bfloat16", help="of a random model")
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--lengths", type=int, nargs="+", default=[128, 512])
    parser.add_argument("--prompt", type=int, default=128, help="prompt tokens of the cached decodings")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    device, dtype = torch.device(options.device), getattr(torch, options.dtype)
    model = random_model(options.random, options.device, dtype) if options.random else load_model(options.model, options.device)
    if not isinstance(model, NativeDenoiser):
        parser.error(f"{options.model} has no forward of ours to time")
    speed = rates(device, getattr(torch, model.info.dtype))
    where = torch.cuda.get_device_name(device) if device.type == "cuda" else f"CPU, {options.threads} thread"
    print(f"{model.info.name} {model.info.dtype} on {where}: {speed[0] / 1e12:.3f} TFLOP/s, {speed[1] / 1e9:.1f} GB/s\n")
    result = {
        "benchmark": "models", "model": f"{model.info.name}@{model.info.revision}", "device": where, "dtype": model.info.dtype,
        "attention": PROBED, "torch": torch.__version__, "tflops": speed[0] / 1e12, "gb_per_s": speed[1] / 1e9,
        "sweep": sweep(model, device, speed, options), "extras": extras(model, device, options),
        "caches": caches(model, device, options),
    }  # fmt: skip
    print(json.dumps(result))


if __name__ == "__main__":
    main()
