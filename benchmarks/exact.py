"""What decoding the exact model costs beside its marginals. `python benchmarks/exact.py [--decodes 20000] [--batch 512]`

The bar: 20,000 decodes of Shuffle of ten items under confidence:k=2, one token an item, in at most 5 s on two cores.

What bounds it, on one core (all of it is one thread of Python and NumPy; torch only sees small float64 matrices):

* Marginals. Two positions a step, so five contexts a decode, each answered with a 10 x 10 matrix: 100,000 contexts, 10^7
  numbers. NumPy writes them at memory speed, a batch at a time: a fraction of a second. `bare_s` is the law's
  `marginals_batch` on the very contexts that the run met, at the batch sizes at which it met them.
* The model around them: contexts out of canvases, marginals of the 10 + 8 + 6 + 4 + 2 = 30 open positions of a decode into rows
  over the 64 tokens, one logarithm each: 3.8 * 10^7 numbers. `forward_s` replays these forwards alone.
* Signals: a softmax over the same numbers, the best token, ties counted and drawn.
* Python's garbage collector, which looks at all objects of all imported modules again and again (a second for 20,000 decodes)
  unless they are frozen, as the command line does before a run and this benchmark does too.
* The engine: draws, ranks and quotas are computed for all samples of a forward at once; 100,000 times two tokens are written
  and a forward is charged, in Python. `host_us` is what a step of a sample costs beyond the model's forwards, signals
  included: the bar is 50 microseconds.

The fastest of three runs counts: on a shared machine the slowest is half as slow again. The closed form (9!!/10!! = .24609) is
checked on the way. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import gc
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import torch

from parallelbench.analysis.stats import wilson
from parallelbench.contracts.denoiser import Denoiser
from parallelbench.contracts.forward import ForwardBatch
from parallelbench.decoding import Engine, load_decoder, make_prompt
from parallelbench.metrics import score
from parallelbench.models import load_model
from parallelbench.models.exact_items import SPECIAL
from parallelbench.schema import Generation, Prompt
from parallelbench.tasks import load_task
from parallelbench.theory import Setting, accuracy_of, law
from recorder import Recorder, replay, seconds

N, SPEC, BAR = 10, "confidence:k=2,ties=random", 5.0
METRIC = "list_shuffle"


def prompts(model: Denoiser, decodes: int) -> Iterator[Prompt]:
    """One question again and again; the draws differ with the index."""
    task = load_task(f"list_ops/shuffle:lengths=[{N}],may_stay=true")
    first = make_prompt(model, task.sample(0, 0, 0), task.max_new_tokens, infill=True)
    return (replace(first, sample=replace(first.sample, index=index)) for index in range(decodes))


def contexts(batches: Sequence[ForwardBatch]) -> list[np.ndarray]:
    """The item slots of every forward's rows as symbols of the law, -1 where unknown."""
    slots = slice(1, 2 * N, 2)  # format and items take turns
    found = [batch.ids[:, slots] for batch in batches]
    return [np.where(ids == SPECIAL.mask, -1, ids - len(SPECIAL)) for ids in found]


def main() -> None:
    parser = argparse.ArgumentParser(description="What decoding the exact model costs beside its marginals.")
    parser.add_argument("--decodes", type=int, default=20_000, help="how many")
    parser.add_argument("--batch", type=int, default=512, help="samples in flight")
    parser.add_argument("--threads", type=int, default=2, help="threads of torch")
    parser.add_argument("--repeats", type=int, default=3, help="runs, of which the fastest counts")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    recorder = Recorder(load_model("exact"))
    decoder = load_decoder(SPEC)
    list(Engine(recorder, options.batch).generate(prompts(recorder, options.batch), decoder))
    gc.freeze()
    times = []
    for _ in range(options.repeats):
        recorder.batches.clear()
        done: list[Generation] = []
        run = Engine(recorder, options.batch).generate(prompts(recorder, options.decodes), decoder)
        times.append(seconds(partial(done.extend, run)))
    whole = min(times)
    answers = law("shuffle", N)
    seen = contexts(recorder.batches)
    bare = seconds(lambda: [answers.marginals_batch(rows) for rows in seen])
    forward = min(seconds(partial(replay, recorder.model, recorder.batches)) for _ in range(options.repeats))
    right = sum(score(one.prompt.sample, one.text, [METRIC])[METRIC] for one in done)
    low, high = wilson(right, options.decodes, 3.29)
    expected = accuracy_of("shuffle", N, Setting("confidence", k=2))
    print(f"{options.decodes} decodes of shuffle, n = {N}, {SPEC}: {whole:.2f} s (bar: {BAR:g} s for 20,000 on two cores)")
    print(f"{sum(map(len, seen))} contexts in {len(seen)} forwards; bare marginals {bare:.2f} s, model {forward:.2f} s")
    print(f"beyond the model's forwards {1e6 * (whole - forward) / sum(map(len, seen)):.0f} us for each sample and step")
    print(f"whole run over bare marginals {whole / bare:.1f}, over the model's forwards {whole / forward:.1f}")
    print(f"accuracy {right / options.decodes:.5f}, 99.9 % interval {low:.5f} to {high:.5f}, closed form {expected:.5f}")
    result = {
        "benchmark": "exact",
        "decodes": options.decodes,
        "batch": options.batch,
        "threads": options.threads,
        "seconds": whole,
        "all_seconds": times,
        "decodes_per_s": options.decodes / whole,
        "bare_s": bare,
        "forward_s": forward,
        "whole_over_bare": whole / bare,
        "whole_over_forward": whole / forward,
        "accuracy": right / options.decodes,
        "closed_form": expected,
        "host_us": 1e6 * (whole - forward) / sum(map(len, seen)),
        "within": whole * 20_000 / options.decodes < BAR,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
