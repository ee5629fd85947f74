"""Background frequencies for PC-Sampler: how often each token of a model stands in right answers of our tasks."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from parallelbench.contracts.denoiser import Denoiser
from parallelbench.errors import UserError
from parallelbench.models import load_model
from parallelbench.tasks import load_task
from parallelbench.tasks.base import Task


def write_background(model: str, tasks: Iterable[str], path: Path, limit: int = 200, seed: int = 1) -> Path:
    """Count the tokens of `limit` right answers of each task and write them to a JSON file; returns its path.

    Take a seed that you do not evaluate on. The file is what `pc_sampler:table=PATH` reads.

    Raises:
        UserError: a name is unknown, or the model's tokens are each sample's own, so that no table holds for two of them.
    """
    denoiser, asked = load_model(model), [load_task(spec) for spec in tasks]
    counts = count_tokens(denoiser, asked, limit, seed)
    about = {"model": denoiser.info.name, "revision": denoiser.info.revision, "tasks": [task.name for task in asked]}
    table = {**about, "limit": limit, "seed": seed, "counts": dict(sorted(counts.items()))}
    path.write_text(json.dumps(table) + "\n", encoding="utf-8")
    return path


def count_tokens(model: Denoiser, tasks: Iterable[Task], limit: int, seed: int) -> Counter[int]:
    """How often each token id stands in the right answers to samples 0 to limit - 1 of these tasks."""
    counts: Counter[int] = Counter()
    for sample in (task.sample(seed, index) for task in tasks for index in range(limit)):
        if "law" in model.info.requires:
            raise UserError(f"{model.info.name} has no tokens that samples share; count for the model that is to be decoded.")
        counts.update(model.codec_for(sample).encode(sample.answer))
    return counts
