"""How much the tokens of an answer depend on each other, as a model sees it: what k tokens per step must cost.

The physics: a masked model that is told a growing part of an answer x, k random positions at a time, pays

    cost_k = sum over steps of sum over the step's positions i of -log2 p(x_i | what was told before)      [bits]

for it. cost_1 is the answer's own information: each position is told all that came before. With k positions a step those of
one step do not see each other, and cost_k - cost_1 estimates the expected conditional total correlation that the schedule
ignores, which no choice of tokens at that schedule can win back (arXiv 2510.04767, Theorem 1). It is an estimate, because the
model's conditionals stand for the true ones, and answers are drawn from the task's own law. A task whose tokens are certain
once the prompt is read has no dependence to break and costs nothing at any k.

    python benchmarks/dependence.py --tasks words_to_sentence/easy words_to_sentence/hard

Ends with one JSON line: bits per answer for every task and k.
"""

from __future__ import annotations

import argparse
import json
import random

import numpy as np
import torch

from parallelbench.contracts.denoiser import Denoiser
from parallelbench.contracts.forward import ForwardBatch
from parallelbench.decoding import make_prompt
from parallelbench.models import load_model
from parallelbench.schema import Prompt
from parallelbench.tasks import load_task


def told(model: Denoiser, prompt: Prompt, answer: list[int], order: list[int], k: int) -> float:
    """Bits that a model pays for an answer in this order of positions, k at a time."""
    start, rows, asked = len(prompt.ids), [], []
    for first in range(0, len(order), k):
        known = set(order[:first])
        canvas = [token if i in known else model.info.mask_id for i, token in enumerate(answer)]
        rows.append([*prompt.ids, *canvas])
        asked += [(len(rows) - 1, position) for position in order[first : first + k]]
    row, column = (np.array(part, dtype=np.int64) for part in zip(*asked, strict=True))
    lengths = np.full(len(rows), len(rows[0]))
    with torch.inference_mode():
        logits = model.forward(ForwardBatch(np.array(rows), lengths, row, start + column, [prompt] * len(rows))).logits
    chosen = logits.double().log_softmax(-1)[np.arange(len(column)), [answer[position] for position in column]]
    return -float(chosen.sum()) / float(np.log(2))


def measure(model: Denoiser, name: str, sizes: list[int], samples: int) -> dict[str, float]:
    """Mean bits per answer, for each number of tokens per step."""
    task, bits = load_task(name), {str(k): 0.0 for k in sizes}
    for index in range(samples):
        sample = task.sample(0, index, model.info.shots)
        prompt = make_prompt(model, sample, task.max_new_tokens)
        answer = model.codec_for(sample).encode(sample.answer)
        answer += [model.info.end_ids[0]] * (task.max_new_tokens - len(answer))
        order = random.Random(index).sample(range(len(answer)), len(answer))
        for k in sizes:
            bits[str(k)] += told(model, prompt, answer, order, k) / samples
    return bits


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="tiny-text")
    parser.add_argument("--tasks", nargs="+", default=["words_to_sentence/easy", "words_to_sentence/hard"])
    parser.add_argument("--k", nargs="+", type=int, default=[1, 2, 4, 8, 64])
    parser.add_argument("--samples", type=int, default=50)
    args = parser.parse_args()
    model, found = load_model(args.model), {}
    print(f"{'bits per answer':38}" + "".join(f"{f'k = {k}':>9}" for k in args.k))
    for name in args.tasks:
        found[name] = {k: round(value, 2) for k, value in measure(model, name, args.k, args.samples).items()}
        print(f"{name:38}" + "".join(f"{value:9.1f}" for value in found[name].values()), flush=True)
    print(json.dumps({"benchmark": "dependence", "model": args.model, "samples": args.samples, "bits": found}))


if __name__ == "__main__":
    main()
