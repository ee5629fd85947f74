"""What the engine costs, and what batching buys. `python benchmarks/decode.py [--model tiny] [--samples 128] [--threads 1]`

What bounds it, on a CPU:

* A forward of R rows of L tokens is 2 P R L + 4 d n R L^2 operations in the blocks and 2 H m in the head (P active parameters,
  d hidden size, n layers, H parameters of the head, m positions asked for). The rate at which this machine multiplies square
  matrices of 1024 in float32 is measured first; operations over rate is the floor that no engine goes below.
* A GPU reads its weights once for a whole batch, so there a batch is nearly free until arithmetic fills the machine. A CPU core
  is full of arithmetic from the first row of a hundred tokens on. What a batch still buys here is the fixed cost of a forward
  (some hundred calls from Python into small kernels), paid once for the batch instead of once for each sample.
* Everything else is overhead: making prompts, packing rows, signals over the vocabulary, the decoder's own rule, the ledger,
  scoring, the line on disk. `whole_over_forwards` is the wall time of a complete `parallelbench.run` over that of its forwards
  alone: the batches are recorded once and then replayed with nothing in between. Both are timed in turn; the best of each
  counts. Where other work disturbs the machine, two runs differ by more than that; `whole_over_inside` compares a run with the
  time that the same run spent inside its forwards.
* `auto` finds a batch size by measuring the run's own forwards (`decoding.batch_size`). `auto_over_best` compares it with the
  best of the fixed sizes on the same prompts.
* A fixed batch waits for its slowest sample; with an adaptive decoder such as threshold the number of forwards differs from
  sample to sample, and slots are empty. Continuous batching fills a slot as soon as it is free. Empty rows cost
  little arithmetic on a CPU, so what is saved there is fixed cost; `rows_per_forward` says what a GPU would see.

The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from functools import partial
from typing import Any

import torch

from parallelbench.api import run
from parallelbench.contracts.denoiser import Denoiser
from parallelbench.decoding import Engine, load_decoder, make_prompt
from parallelbench.models import load_model
from parallelbench.schema import BatchSize, Generation, Prompt
from parallelbench.tasks import load_task
from recorder import Recorder, replay, seconds

Row = dict[str, Any]
TASK = "waiting_line/shuffle"
DECODERS = ("one_by_one", "confidence:k=4", "threshold:gamma=0.9")


def gemm_rate(size: int = 1024, repeats: int = 5) -> float:
    """Operations per second of a float32 matrix product, the best of a few."""
    a, b = torch.randn(size, size), torch.randn(size, size)
    return max(2 * size**3 / seconds(lambda: a @ b) for _ in range(repeats))


def overhead(model: Denoiser, samples: int, repeats: int) -> list[Row]:
    """Time whole runs at batch 64 and a replay of their forwards."""
    rows: list[Row] = []
    print(f"\nwhole run over bare forwards, batch 64, {samples} samples")
    print(f"{'decoder':>24}{'forwards':>10}{'whole s':>10}{'inside s':>10}{'bare s':>10}{'whole/bare':>12}{'whole/inside':>14}")
    for spec in DECODERS:
        recorder = Recorder(model)
        whole_run(recorder, spec, samples)
        whole, inside, bare = [], [], []
        for _ in range(repeats):
            timed = Recorder(model)
            whole.append(seconds(partial(whole_run, timed, spec, samples)))
            inside.append(timed.inside)
            bare.append(seconds(partial(replay, model, recorder.batches)))
        row: Row = {"decoder": spec, "whole_s": min(whole), "inside_s": min(inside), "forwards_s": min(bare)}
        row |= {"whole_over_forwards": min(whole) / min(bare), "whole_over_inside": sum(whole) / sum(inside)}
        print(f"{spec:>24}{len(recorder.batches):>10}{min(whole):>10.3f}{min(inside):>10.3f}{min(bare):>10.3f}", end="")
        print(f"{row['whole_over_forwards']:>12.3f}{row['whole_over_inside']:>14.3f}")
        rows.append(row)
    return rows


def whole_run(model: Denoiser, spec: str, samples: int) -> None:
    """Make a run with everything that belongs to it, in a folder that is thrown away."""
    with tempfile.TemporaryDirectory() as folder:
        run(model, f"{TASK}:samples={samples}", spec, out=folder, batch_size=64)


def throughput(model: Denoiser, prompts: Sequence[Prompt], rate: float, repeats: int) -> list[Row]:
    """Samples per second at several batch sizes, and the arithmetic floor."""
    rows: list[Row] = []
    spec = "confidence:k=4"
    print(f"\nsamples per second, {spec}; a matrix product does {rate / 1e9:.1f} GFLOP/s")
    print(f"{'batch':>8}{'samples/s':>12}{'floor':>10}{'of floor':>10}")
    for batch in (1, 8, 64):
        chosen = prompts[: max(16, min(len(prompts), 2 * batch))]
        runs = [generate(model, chosen, spec, batch) for _ in range(repeats)]
        spent, done = min(one[0] for one in runs), runs[0][1]
        found, floor = len(done) / spent, rate * len(done) / sum(one.ledger.flops for one in done)
        print(f"{batch:>8}{found:>12.1f}{floor:>10.1f}{found / floor:>10.2f}")
        rows.append({"batch": batch, "samples_per_s": found, "floor_samples_per_s": floor, "of_floor": found / floor})
    return rows


def automatic(model: Denoiser, prompts: Sequence[Prompt], repeats: int) -> Row:
    """Compare the batch size that is found with fixed ones, taking turns so that all are disturbed alike."""
    spec, best = "confidence:k=2", dict[BatchSize, float]()
    sizes: tuple[BatchSize, ...] = ("auto", 1, 4, 8, 16, 32, 64)
    for _ in range(repeats):
        for size in sizes:
            spent = generate(model, prompts, spec, size)[0]
            best[size] = min(best.get(size, spent), spent)
    print(f"\nbatch size, {spec}, {len(prompts)} samples: " + ", ".join(f"{size} {best[size]:.3f} s" for size in sizes))
    fixed = min(best[size] for size in sizes[1:])
    return {"seconds": {str(size): best[size] for size in sizes}, "auto_over_best": best["auto"] / fixed}


def generate(model: Denoiser, prompts: Sequence[Prompt], spec: str, batch: BatchSize) -> tuple[float, list[Generation]]:
    decoder, engine = load_decoder(spec), Engine(model, batch)
    done: list[Generation] = []
    return seconds(lambda: done.extend(engine.generate(prompts, decoder))), done


def continuous(model: Denoiser, prompts: Sequence[Prompt], batch: int, repeats: int) -> Row:
    """Compare continuous batches with batches that wait for their slowest sample."""
    spec = "threshold:gamma=0.9"
    decoder = load_decoder(spec)

    def fill(engine: Engine, groups: Sequence[Sequence[Prompt]]) -> None:
        for group in groups:
            list(engine.generate(group, decoder))

    ways = {"continuous": [prompts], "fixed": [prompts[at : at + batch] for at in range(0, len(prompts), batch)]}
    best: dict[str, float] = {}
    seen: dict[str, Recorder] = {}
    for _ in range(repeats):
        for way, groups in ways.items():
            seen[way] = Recorder(model)
            spent = seconds(lambda groups=groups, way=way: fill(Engine(seen[way], batch), groups))
            best[way] = min(best.get(way, spent), spent)
    print(f"\ncontinuous and fixed batches of {batch}, {spec}, {len(prompts)} samples")
    print(f"{'way':>12}{'seconds':>10}{'forwards':>10}{'rows/forward':>14}")
    for way, recorder in seen.items():
        print(f"{way:>12}{best[way]:>10.3f}{len(recorder.batches):>10}{recorder.rows / len(recorder.batches):>14.1f}")
    return {
        "batch": batch,
        "wall_ratio": best["continuous"] / best["fixed"],
        "forwards_ratio": len(seen["continuous"].batches) / len(seen["fixed"].batches),
        **{f"{way}_rows_per_forward": recorder.rows / len(recorder.batches) for way, recorder in seen.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="What the engine costs, and what batching buys.")
    parser.add_argument("--model", default="tiny", help="a model by name, or path:DIR")
    parser.add_argument("--samples", type=int, default=128, help="samples of each run")
    parser.add_argument("--threads", type=int, default=1, help="threads of the matrix products")
    parser.add_argument("--repeats", type=int, default=3, help="timings of each, of which the best counts")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    model = load_model(options.model)
    task = load_task(f"{TASK}:samples={options.samples}")
    prompts = [
        make_prompt(model, task.sample(0, index, model.info.shots), task.max_new_tokens) for index in range(options.samples)
    ]
    generate(model, prompts[:4], "all_at_once", 4)
    rows, rate = overhead(model, options.samples, options.repeats), gemm_rate()
    result: Row = {
        "benchmark": "decode",
        "model": f"{model.info.name}@{model.info.revision}",
        "threads": options.threads,
        "gemm_gflops": rate / 1e9,
        "whole_over_forwards": sum(row["whole_s"] for row in rows) / sum(row["forwards_s"] for row in rows),
        "overhead": rows,
        "throughput": throughput(model, prompts, rate, options.repeats),
        "auto": automatic(model, prompts, options.repeats),
        "continuous": continuous(model, prompts, 16, options.repeats),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
