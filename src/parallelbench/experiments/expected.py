"""How large an experiment is, before any model is described: cells, and about how many forwards they take."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

from parallelbench.decoding import load_decoders
from parallelbench.decoding.decoder import Decoder
from parallelbench.experiments.forecast import block_sizes
from parallelbench.experiments.spec import Sweep
from parallelbench.experiments.task_specs import load_tasks
from parallelbench.models import MODELS
from parallelbench.paper import published
from parallelbench.schema import MASK_ITEM
from parallelbench.tasks import Task

GENERATORS = ".generators."
"""What the import path of every generator holds."""
REFERENCE = "llada-1.5"
"""The model whose published speeds stand for those of adaptive decoders."""


class Size(NamedTuple):
    """The number of cells of a sweep, and its expected forwards (of one sample each)."""

    cells: int
    forwards: int


def size_of(sweep: Sweep) -> Size:
    """Return the size of a sweep whose models all run all of its decoders; a generator has one cell for each task and seed."""
    tasks = load_tasks(sweep)
    decoders = [decoder for spec in sweep.decoders for decoder in load_decoders(spec)]
    cells, forwards = 0, 0.0
    for model in sweep.models:
        generator = GENERATORS in MODELS.get(model.strip().partition(":")[0]).target
        for task in tasks:
            each = (
                [float(_width(task))] if generator else [expected_nfe(one, _width(task)) for one in decoders] * len(sweep.cache)
            )
            samples = min(task.samples, sweep.limit or task.samples) * len(sweep.seeds)
            cells += len(each) * len(sweep.seeds)
            forwards += samples * sum(each)
    return Size(cells, round(forwards))


def expected_nfe(decoder: Decoder, width: int) -> float:
    """Return about how many forwards a decoder takes for `width` tokens.

    It follows from a fixed number of tokens or steps. Other settings have the mean speed that the paper published for
    LLaDA 1.5, and where it published none, one forward for each token.
    """
    parameters = decoder.facts.parameters
    block = min(decoder.block or width, width)
    blocks = math.ceil(width / block)
    fixed = decoder.fixed_forwards(block_sizes(decoder, width))
    if fixed is not None:
        return float(fixed)
    if parameters.get("steps") is not None:
        return float(parameters["steps"])
    if "k" in parameters:
        return float(blocks * math.ceil(block / min(parameters["k"], block)))
    return width / published_speeds().get(decoder.spec, 1.0)


@cache
def published_speeds() -> Mapping[str, float]:
    """The mean tokens per step over all tasks of each published setting of the reference model."""
    table = published(models=[REFERENCE])
    return {str(spec): float(speed) for spec, speed in table.groupby("spec")["tokens_per_step"].mean().items()}


def _width(task: Task) -> int:
    """The number of tokens that are decoded for a sample: the canvas, or the free slots of its frame."""
    frame = task.sample(0, 0, 0).frame if task.infill else None
    return task.max_new_tokens if frame is None else frame.count(MASK_ITEM)
