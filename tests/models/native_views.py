"""What tests of native models share: batches by hand, other kinds of attention on the same weights, a forward with any mask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from parallelbench.contracts.forward import AttentionQuery, CacheRows, ForwardBatch, ForwardOutput, Ints, Shadow
from parallelbench.models.native import NativeDenoiser
from parallelbench.schema import Prompt, Sample

SAMPLE = Sample("none", 1, 0, 0, (), "", {})


def rows_of(model: NativeDenoiser, lengths: Sequence[int], seed: int = 0) -> list[Ints]:
    rng = np.random.default_rng(seed)
    return [rng.integers(3, model.info.vocab_size, length) for length in lengths]


def batch_of(
    rows: Sequence[Ints], asked: Sequence[Sequence[int]], width: int = 48, attention: AttentionQuery | None = None,
    shadow: Shadow | None = None, cache: CacheRows | None = None,
) -> ForwardBatch:  # fmt: skip
    ids = np.zeros((len(rows), width), dtype=np.int64)
    for at, row in enumerate(rows):
        ids[at, : len(row)] = row
    counts = [len(columns) for columns in asked]
    return ForwardBatch(
        ids, np.array([len(row) for row in rows]), np.repeat(np.arange(len(rows)), counts),
        np.concatenate([np.asarray(columns, dtype=np.int64) for columns in asked]),
        [Prompt(SAMPLE, (), tuple(row), "") for row in rows], attention, shadow, cache,
    )  # fmt: skip


def ask(model: NativeDenoiser, batch: ForwardBatch) -> ForwardOutput:
    with torch.inference_mode():
        return model.forward(batch)


def with_attention(model: NativeDenoiser, **info: object) -> NativeDenoiser:
    """The same weights under another kind of attention."""
    return NativeDenoiser(model._model, model._codec, replace(model.info, **info))  # type: ignore[arg-type]


def masked_forward(model: NativeDenoiser, ids: Sequence[int], positions: Sequence[int], seen: Tensor) -> Tensor:
    """Logits of every token of one row under any mask [Q, Q] and any positions, through the class's own call."""
    with torch.inference_mode():
        out = model._model(
            input_ids=torch.tensor([list(ids)]), position_ids=torch.tensor([list(positions)]), attention_mask=seen[None, None],
            use_cache=False,
        )  # fmt: skip
    logits: Tensor = out.logits[0]
    return logits
