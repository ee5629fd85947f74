"""What a GPU does with models of published sizes. `python benchmarks/gpu.py [--shapes llada-8b sdar-4b] [--json docs/gpu.json]`

Weights are random and made on the device in bfloat16, so nothing is downloaded and the whole takes at most 8 minutes on one
H100 or H200 (`--seconds`: what does not begin before is left out and named). Without a GPU, `--device cpu --shapes small
--quick` tries every part in seconds, and its figures mean nothing.

What bounds a forward of R rows of L tokens: it does 2 P R L + 4 d n R L^2 + 2 H m operations (P active parameters, d hidden
size, n layers, H parameters of the head, m positions), and reads all weights once. A large matrix product and a large copy
are measured first; `of_roofline` is the larger of operations over that rate and bytes over that bandwidth, divided by the
measured time. With few rows the bytes bound it, with many the operations.

* `forwards`: seconds a forward at batch 1 to 64 with rows of 256 and 1,024 tokens.
* `whole_over_forwards`: a complete run (prompts, packing, signals, decoder, scoring, writing) over its own forwards
  repeated with nothing in between; `host` is the part of the run that is not inside its forwards. Aim: at most 1.05.
* `over_plain_loop`: samples a second at batch 64 over those of the loop that published code has: one sample, one forward a
  step, the softmax over the vocabulary, the k most confident positions. Aim: at least 10.
* `caches`: samples a second with each cache and without one. `compile`: forwards with torch.compile.
* `memory`: a run whose batch does not fit goes on with half of it, and every sample comes out.
* `invariance`: in bfloat16 a matrix product of other shapes adds in another order, so a token whose two best logits are
  nearer than that difference may change. How many samples differ between batch 1 and batch 16, and the largest difference
  of a logit.
* `ray`: the shipped model on a worker of Ray with the GPU has the records of the local executor on it.

The last line is one JSON object; `--json` also writes it into a file.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from parallelbench.api import run
from parallelbench.contracts.denoiser import Denoiser
from parallelbench.contracts.forward import ForwardBatch
from parallelbench.decoding import Engine, load_decoder, make_prompt
from parallelbench.experiments.executors.placement import Placement
from parallelbench.schema import Prompt
from parallelbench.tasks import load_task
from random_models import random_model
from recorder import Recorder, replay
from scale import digest

TASK, DECODER, CANVAS = "waiting_line/copy", "confidence:k=4", 64
Figures = dict[str, Any]


class Clock:
    """Times work on a device, which runs behind the host."""

    def __init__(self, device: str, quick: bool) -> None:
        self._cuda, self.repeats = device.startswith("cuda"), 1 if quick else 5

    def __call__(self, work: Callable[[], object], repeats: int | None = None) -> float:
        """The median of a few runs, after one that is not counted."""
        work()
        found = []
        for _ in range(repeats or self.repeats):
            self._wait()
            start = time.perf_counter()
            work()
            self._wait()
            found.append(time.perf_counter() - start)
        return float(np.median(found))

    def _wait(self) -> None:
        if self._cuda:
            torch.cuda.synchronize()


def rates(device: str, dtype: torch.dtype, clock: Clock, quick: bool) -> tuple[float, float]:
    """Operations a second of a large matrix product, and bytes a second of a large copy (read and written)."""
    size, words = (256, 1 << 20) if quick else (8192, 1 << 30)
    a, b = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))
    source = torch.empty(words, device=device, dtype=torch.uint8)
    target = torch.empty_like(source)
    return 2 * size**3 / clock(lambda: a @ b), 2 * words / clock(lambda: target.copy_(source))


def batch_of(model: Denoiser, rows: int, length: int) -> ForwardBatch:
    """Random rows, of which the last tokens are to be predicted."""
    draws = np.random.default_rng(0)
    ids = draws.integers(16, model.info.vocab_size, (rows, length))
    ids[:, -CANVAS:] = model.info.mask_id
    columns = np.tile(np.arange(length - CANVAS, length), rows)
    prompts = [prompts_of(model, 1)[0]] * rows
    return ForwardBatch(ids, np.full(rows, length), np.repeat(np.arange(rows), CANVAS), columns, prompts)


def prompts_of(model: Denoiser, count: int) -> list[Prompt]:
    task = load_task(f"{TASK}:samples={count},max_new_tokens={CANVAS}")
    return [make_prompt(model, task.sample(0, index, 0), CANVAS) for index in range(count)]


def forwards(
    model: Denoiser, clock: Clock, bounds: tuple[float, float], batches: list[int], lengths: list[int]
) -> list[Figures]:
    """Seconds a forward, and how near it is to what arithmetic and bandwidth allow."""
    info, found = model.info, []
    width = 2 if info.dtype in ("bfloat16", "float16") else 4
    for length in lengths:
        for rows in batches:
            batch = batch_of(model, rows, length)
            with torch.inference_mode():
                seconds = clock(lambda batch=batch: model.forward(batch))
            tokens = rows * length
            work = 2 * info.active_params * tokens + 4 * info.hidden_size * info.layers * tokens * length
            work += 2 * info.head_params * rows * CANVAS
            least = max(work / bounds[0], width * (info.active_params + info.head_params) / bounds[1])
            row = {
                "rows": rows,
                "length": length,
                "seconds": seconds,
                "rows_per_s": rows / seconds,
                "of_roofline": least / seconds,
            }
            print(f"  {rows:>3} rows of {length:>4}: {seconds * 1e3:9.2f} ms, {row['of_roofline']:.2f} of the roofline")
            found.append(row)
    return found


def whole_run(model: Denoiser, clock: Clock, batch: int, samples: int) -> Figures:
    """A complete run against its own forwards with nothing in between."""
    recorder = Recorder(model)

    def complete() -> None:
        recorder.batches.clear()
        recorder.inside = 0.0
        with tempfile.TemporaryDirectory() as folder:
            spec = f"{TASK}:samples={samples},max_new_tokens={CANVAS}"
            run(recorder, spec, DECODER, out=folder, batch_size=batch, shots=0, allow_short_canvas=True, progress=False)

    whole = clock(complete, 1)
    bare = clock(lambda: replay(model, recorder.batches), 1)
    host = 1 - recorder.inside / whole
    return {"batch": batch, "samples_per_s": samples / whole, "whole_over_forwards": whole / bare, "host": host}


@torch.inference_mode()
def plain_loop(model: Denoiser, clock: Clock, steps: int) -> float:
    """Samples a second of the loop of published code, one sample at a time, four tokens a step."""
    prompt = prompts_of(model, 1)[0]

    def decode() -> None:
        ids = np.array([[*prompt.ids, *[model.info.mask_id] * CANVAS]])
        first, length = len(prompt.ids), ids.shape[1]
        for _ in range(steps):
            columns = np.arange(first, length)
            batch = ForwardBatch(ids, np.array([length]), np.zeros(CANVAS, np.int64), columns, [prompt])
            probabilities = model.forward(batch).logits.float().softmax(-1)
            sure, token = probabilities.max(-1)
            masked = torch.from_numpy(ids[0, first:] == model.info.mask_id).to(sure.device)
            chosen = torch.where(masked, sure, -1.0).topk(CANVAS // 16).indices.cpu().numpy()
            ids[0, first + chosen] = token.cpu().numpy()[chosen]

    return steps / 16 / clock(decode, 1)


def speed(model: Denoiser, clock: Clock, prompts: list[Prompt], batch: int, cache: str = "none") -> float:
    """Samples a second of the engine."""
    decoder = load_decoder(f"{DECODER},block=32" if cache != "none" else DECODER)
    return len(prompts) / clock(lambda: list(Engine(model, batch, cache=cache).generate(prompts, decoder)), 1)


def invariance(model: Denoiser, prompts: list[Prompt]) -> Figures:
    """How often tokens differ between batches, and by how much logits do."""
    decoder = load_decoder(DECODER)
    texts = [
        {done.prompt.sample.index: done.token_ids for done in Engine(model, batch).generate(prompts, decoder)}
        for batch in (1, 16)
    ]
    one, many = batch_of(model, 1, 256), batch_of(model, 16, 256)
    with torch.inference_mode():
        alone, together = (model.forward(batch).logits[:CANVAS].float() for batch in (one, many))
    gap = together.topk(2).values
    return {
        "samples": len(prompts),
        "samples_that_differ": sum(texts[0][index] != texts[1][index] for index in texts[0]),
        "largest_difference_of_a_logit": float((alone - together).abs().max()),
        "median_gap_of_the_two_best": float((gap[:, 0] - gap[:, 1]).median()),
    }


def memory(model: Denoiser, prompts: list[Prompt], device: str) -> Figures | None:
    """Leave memory for a few rows only, and decode in batches that do not fit."""
    if not device.startswith("cuda"):
        return None
    list(Engine(model, 4).generate(prompts[:4], load_decoder(DECODER)))
    torch.cuda.empty_cache()
    free, _ = torch.cuda.mem_get_info()
    hold = torch.empty(max(0, free - (2 << 30)), dtype=torch.uint8, device=device)
    done = list(Engine(model, 512).generate(prompts * 8, load_decoder(DECODER)))
    del hold
    return {"samples": 8 * len(prompts), "decoded": len(done)}


def on_ray(device: str) -> Figures:
    """The shipped model, in this process and on a worker of Ray."""
    cuda = device.startswith("cuda")
    where = Placement.model_validate({"executor": "ray", "workers": 1, "gpus_per_worker": 1 if cuda else 0})
    with tempfile.TemporaryDirectory() as folder:
        outs = [Path(folder) / name for name in ("local", "ray")]
        for out, executor in zip(outs, ("local", where), strict=True):
            run("tiny", TASK, DECODER, limit=16, out=out, device=device, executor=executor, batch_size=8, progress=False)
        return {"same_records": digest(outs[0]) == digest(outs[1])}


def measure(
    shape: str, options: argparse.Namespace, bounds: tuple[float, float], clock: Clock, late: Callable[[], bool]
) -> Figures:
    """Every figure of one model; parts that would begin too late are left out."""
    quick, prompt = options.quick, 256 - CANVAS
    model = random_model(shape, options.device, options.dtype, prompt)
    batches = [1, 2] if quick else [1, 4, 16, 64]
    prompts = prompts_of(model, 4 if quick else 32)
    caches = ("none", "block") if model.info.block else ("none", "prefix", "dual")
    found: Figures = {"parameters": model.info.total_params}
    parts: dict[str, Callable[[], Any]] = {
        "forwards": lambda: forwards(model, clock, bounds, batches, [128] if quick else [256, 1024]),
        "whole": lambda: [whole_run(model, clock, batch, 2 * batch) for batch in batches[-2:]],
        "plain_loop_samples_per_s": lambda: plain_loop(model, clock, 2 if quick else 16),
        "caches": lambda: {cache: speed(model, clock, prompts, 8, cache) for cache in caches},
        "invariance": lambda: invariance(model, prompts),
        "memory": lambda: memory(model, prompts, options.device),
    }
    if not options.no_compile:
        compiled = random_model(shape, options.device, options.dtype, prompt, compiled=True, network=model.network)
        parts["compile"] = lambda: forwards(compiled, clock, bounds, [16], [256])
    for name, part in parts.items():
        print(f"{shape}: {name}")
        found[name] = "left out: too late" if late() else part()
    if isinstance(found["whole"], list) and isinstance(found["plain_loop_samples_per_s"], float):
        found["over_plain_loop"] = found["whole"][-1]["samples_per_s"] / found["plain_loop_samples_per_s"]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shapes", nargs="+", default=["llada-8b", "sdar-4b"])
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--dtype", default="bfloat16")
    parser.add_argument("--seconds", type=float, default=480, help="no part begins later than this, less a minute")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, to try every part")
    parser.add_argument("--no-compile", action="store_true")
    parser.add_argument("--no-ray", action="store_true")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    begun, clock = time.monotonic(), Clock(options.device, options.quick)
    bounds = rates(options.device, getattr(torch, options.dtype), clock, options.quick)
    name = torch.cuda.get_device_name(options.device) if options.device.startswith("cuda") else "CPU"
    found: Figures = {"device": name, "torch": torch.__version__, "operations_per_s": bounds[0], "bytes_per_s": bounds[1]}
    print(f"{name}: {bounds[0] / 1e12:.2f} TFLOP/s, {bounds[1] / 1e9:.0f} GB/s")
    for shape in options.shapes:
        found[shape] = measure(shape, options, bounds, clock, lambda: time.monotonic() - begun > options.seconds - 60)
        if options.device.startswith("cuda"):
            torch.cuda.empty_cache()
    if not options.no_ray:
        found["ray"] = on_ray(options.device)
    text = json.dumps(found)
    if options.json:
        options.json.write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
