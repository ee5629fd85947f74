"""What a step of training costs, and how two cores share it best. `python benchmarks/training.py [--model tiny] [--steps 24]`

What bounds it: every token of a batch, prompt and padding too, goes through every weight of the layers once forwards and
twice backwards, at two operations each: 6 * weights * rows * length, 23 to 37 * 10^9 for the batches of `tiny`. The
matrices are small (128 x 352 at most), so a product ends soon after it began: two threads that share every product wait for
each other after each of them, and much between the products (norms, rotations, masks) is too small to be shared. Two
threads that take half of the rows each meet once a step. What no sharing helps is the optimiser (Muon: fifteen products for
each matrix) and drawing the rows.

The same batches are trained on, in one run, by one thread, by two that share products, and by two that share rows. The last
line is one JSON object; ratios are over one thread with the same precision.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from statistics import median
from typing import get_args

import torch
from tokenizers import Tokenizer

from parallelbench.models.codec import special_id
from parallelbench.training.data import Batch, Batches
from parallelbench.training.optimisers import Optimisers
from parallelbench.training.precision import FLOAT32_ATTENTION
from parallelbench.training.recipes import RECIPES
from parallelbench.training.stages import Precision, Recipe, Shipped
from parallelbench.training.steps import ThreadedSteps
from parallelbench.training.tiny import masked_loss, new_model
from parallelbench.training.tokenizer import ASSISTANT, MASK

WAYS = {"one thread": (1, 1), "two share products": (2, 1), "two share rows": (1, 2)}  # threads of a product, parts of a batch


def steps_of(shipped: Shipped, tokenizer: Tokenizer, recipe: Recipe, drawn: Sequence[Batch]) -> list[float]:
    """Seconds of each step of a fresh model on these batches; the first, which warms up, is left out."""
    model = new_model(recipe, tokenizer.get_vocab_size(), special_id(tokenizer, ASSISTANT, shipped.card))
    model.set_attn_implementation(FLOAT32_ATTENTION)
    mask_id = special_id(tokenizer, MASK, shipped.card)
    steps = ThreadedSteps(model, recipe, Optimisers(model, recipe), lambda rows: masked_loss(model, rows, mask_id))
    taken = []
    for step, batch in enumerate(drawn):
        began = time.perf_counter()
        steps.take(batch, shipped.rate(recipe, step))
        taken.append(time.perf_counter() - began)
    return taken[1:]


def main() -> None:
    parser = argparse.ArgumentParser(description="What a step of training costs, and how two cores share it best.")
    parser.add_argument("--model", default="tiny", choices=RECIPES)
    parser.add_argument("--layers", type=int, help="default: those that the model ends with")
    parser.add_argument("--steps", type=int, default=24, help="for each way and precision")
    options = parser.parse_args()
    shipped = RECIPES[options.model]
    layers = options.layers or shipped.layers(shipped.recipe, shipped.ends(shipped.recipe.steps)[-1])
    tokenizer = shipped.tokenizer()
    began = time.perf_counter()
    drawn = [batch for _, batch in Batches(tokenizer, 0, shipped).from_step(0, options.steps)]
    drawing = (time.perf_counter() - began) / options.steps
    print(f"{options.model}, {layers} layers; drawing a batch: {drawing:.3f} s")
    rows = []
    for precision in get_args(Precision):
        alone = 0.0
        for way, (threads, parts) in WAYS.items():
            torch.set_num_threads(threads)
            recipe = shipped.recipe.model_copy(update={"layers": layers, "threads": parts, "precision": precision})
            step = median(steps_of(shipped, tokenizer, recipe, drawn))
            alone = alone or step
            rows.append({"precision": precision, "way": way, "step_s": step, "over_one_thread": step / alone})
            print(f"{precision:9}  {way:19} {step:.3f} s a step, {step / alone:.2f} of one thread")
    print(json.dumps({"benchmark": "training", "model": options.model, "layers": layers, "draw_s": drawing, "rows": rows}))


if __name__ == "__main__":
    main()
