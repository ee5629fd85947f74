"""Other views of a model that is given canvases: one token given all others, one token given those before it.

Each asked place becomes a row of its own with a canvas made for it, so the views of a model that is exact are exact.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from parallelbench.contracts.denoiser import Codec, Denoiser
from parallelbench.contracts.forward import ForwardBatch, ForwardOutput, Ints
from parallelbench.contracts.info import ModelInfo
from parallelbench.schema import Sample


class Causal(Denoiser):
    """p(x_i | x_1 ... x_(i-1)) of another model: whatever stands at an asked place and behind it is hidden."""

    def __init__(self, model: Denoiser) -> None:
        self._model = model
        self._info = replace(model.info, offers=frozenset(), attention="causal")

    @property
    def info(self) -> ModelInfo:
        return self._info

    def codec_for(self, sample: Sample) -> Codec:
        return self._model.codec_for(sample)

    def forward(self, batch: ForwardBatch) -> ForwardOutput:
        behind = np.arange(batch.ids.shape[1]) >= batch.columns[:, None]
        ids = np.where(behind, self._info.mask_id, batch.ids[batch.rows])
        return self._model.forward(_one_row_each(batch, ids))


def without_itself(batch: ForwardBatch, mask_id: int) -> ForwardBatch:
    """Ask each place on a canvas where that place alone is masked in addition."""
    ids = batch.ids[batch.rows]
    ids[np.arange(len(ids)), batch.columns] = mask_id
    return _one_row_each(batch, ids)


def _one_row_each(batch: ForwardBatch, ids: Ints) -> ForwardBatch:
    prompts = [batch.prompts[row] for row in batch.rows]
    return ForwardBatch(ids, batch.lengths[batch.rows], np.arange(len(ids)), batch.columns, prompts)
