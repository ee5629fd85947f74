"""About how much memory each model of a plan needs, from its description alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from parallelbench.contracts.handle import DenoiserHandle
from parallelbench.contracts.info import ModelInfo
from parallelbench.decoding.batch_size import START, START_ELSEWHERE
from parallelbench.experiments.model_pool import ModelPool
from parallelbench.experiments.plan import PlannedCell
from parallelbench.schema import BatchSize

BYTES = {"float64": 8, "float32": 4, "bfloat16": 2, "float16": 2}
SIGNALS = 4
"""Bytes of a logit in float32, in which candidates and their probabilities are computed."""
LAYER = 12
"""Activations of one layer for each token, in units of the hidden size: states, queries, keys, values and the wide middle of
the feed-forward part. Only one layer's are alive at a time."""


class Memory(NamedTuple):
    """The bytes that a model needs at a batch size, about; None where its sizes are unknown.

    `weights` are those of the parameters, `total` is with activations, logits and cached keys.
    """

    model: str
    batch_size: int
    weights: int | None
    total: int | None


def memory_of(cells: Sequence[PlannedCell], pool: ModelPool, batch_size: BatchSize) -> list[Memory]:
    """Estimate the memory of each denoiser of a plan, for its longest prompt and canvas; `auto` counts with its first size."""
    longest: dict[str, tuple[int, int, bool]] = {}
    lengths: dict[tuple[str, str], int] = {}
    infos: dict[str, ModelInfo] = {}
    for one in cells:
        handle = pool.describe(one.model)
        if not isinstance(handle, DenoiserHandle) or not one.indices:
            continue
        key = one.model, one.cell.task_spec
        if key not in lengths:
            sample = one.task.sample(one.cell.seed, one.indices[0], one.cell.shots)
            lengths[key] = len(handle.codec_for(sample).encode_chat(sample.turns)[0])
        width, cached = one.cell.canvas_length, one.cell.cache != "none"
        length, canvas, before = longest.get(one.model, (0, 0, False))
        infos[one.model] = handle.info
        longest[one.model] = max(length, lengths[key] + width), max(canvas, width), before or cached
    return [_memory(model, infos[model], batch_size, *sizes) for model, sizes in longest.items()]


def _memory(model: str, info: ModelInfo, batch_size: BatchSize, length: int, canvas: int, cached: bool) -> Memory:
    size = START.get(info.device.partition(":")[0], START_ELSEWHERE) if batch_size == "auto" else batch_size
    each = BYTES.get(info.dtype)
    if each is None or not info.total_params:
        return Memory(model, size, None, None)
    weights = info.total_params * each
    activations = size * length * info.hidden_size * LAYER * each
    logits = size * canvas * info.vocab_size * (each + SIGNALS)
    keys = 2 * info.layers * size * length * info.hidden_size * each if cached else 0
    return Memory(model, size, weights, weights + activations + logits + keys)
