"""Runs all models built on the model classes of transformers: masks, caches, attention maps, shadow masks, the output head.

Families of checkpoints differ in the class, in the names of the weights (`layouts`), and in `ModelInfo` (`attention`, `block`,
`shift`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

from parallelbench.contracts.denoiser import Codec, Denoiser
from parallelbench.contracts.forward import ForwardBatch, ForwardOutput
from parallelbench.contracts.info import ModelInfo
from parallelbench.models import attention_probe, kv_cache
from parallelbench.models.attention_probe import Probe
from parallelbench.models.codec import ChatCodec
from parallelbench.models.kv_cache import Past
from parallelbench.models.visibility import Inputs, add_shadows, visible
from parallelbench.schema import Sample

ROWS_MULTIPLE = 16  # products of fewer than about 8 rows use another kernel, whose rounding differs


class NativeDenoiser(Denoiser):
    """Runs a causal-LM class of transformers as a denoiser, with all options of `ForwardBatch` except `noise`.

    Args:
        model: on its device, in evaluation mode, `config.is_causal` False unless `info.attention` is "causal".
        codec: converts text to ids and back.
        info: what the model is; its `offers` are those of `described.offers`.
        compiled: run the blocks with `torch.compile`, except in forwards with a cache or with attention maps.
    """

    def __init__(self, model: PreTrainedModel, codec: ChatCodec, info: ModelInfo, compiled: bool = False) -> None:
        model.config._attn_implementation = attention_probe.NAME
        self._model = model
        self._codec = codec
        self._info = info
        self._workspaces = kv_cache.Workspaces()
        self._blocks = torch.compile(model.model, dynamic=True) if compiled else model.model

    @property
    def info(self) -> ModelInfo:
        return self._info

    @property
    def network(self) -> PreTrainedModel:
        """The model that computes the logits, for training."""
        return self._model

    def codec_for(self, sample: Sample) -> Codec:
        return self._codec

    def details(self) -> dict[str, Any]:
        return {"attention": self._model.config._attn_implementation}

    def vocabulary(self) -> Mapping[str, int]:
        return dict(self._codec.tokenizer.get_vocab())

    def forward(self, batch: ForwardBatch) -> ForwardOutput:
        device = self._model.device
        rows, columns = (torch.from_numpy(part).to(device) for part in (batch.rows, batch.columns))
        inputs = self._inputs(batch)
        outputs = torch.stack([rows, (columns - self._info.shift).clamp(min=0)])
        shadows = None
        if batch.shadow:
            inputs, shadows = add_shadows(inputs, rows, columns, self._info.mask_id)
            outputs = torch.cat([outputs, torch.stack([rows, shadows])], 1)
        past = self._past(batch, inputs.ids.shape[1])
        probe = self._probe(batch, columns)
        hidden = self._hidden(batch, inputs, past, probe)
        logits = self._head(hidden[outputs[0], outputs[1]])
        return ForwardOutput(
            logits=logits[: len(rows)],
            attention=None if probe is None else _by_position(probe.mean(), rows, inputs, past, batch),
            shadow=None if shadows is None else logits[len(rows) :],
            kept=self._kept(batch, past, inputs),
        )

    def _inputs(self, batch: ForwardBatch) -> Inputs:
        device = self._model.device
        ids, lengths = (torch.from_numpy(part).to(device) for part in (batch.ids, batch.lengths))
        at = torch.arange(ids.shape[1], device=device)
        positions = at.expand_as(ids) if batch.cache is None else torch.from_numpy(batch.cache.positions).to(device)
        valid = at < lengths[:, None]
        return Inputs(ids, positions, valid, torch.zeros_like(valid))

    def _past(self, batch: ForwardBatch, columns: int) -> Past:
        """The cached keys of every row, for a forward that computes this number of columns."""
        if batch.cache is None:
            self._workspaces.clear()
        elif batch.cache.past:
            return self._workspaces.join(batch.cache.past, columns)
        return kv_cache.empty(len(batch.ids), self._model.device)

    def _probe(self, batch: ForwardBatch, columns: Tensor) -> Probe | None:
        if batch.attention is None:
            return None
        counts = torch.from_numpy(batch.rows).bincount(minlength=len(batch.ids))
        return Probe(batch.attention.chosen(self._info.layers), torch.split(columns, counts.tolist()))

    def _hidden(self, batch: ForwardBatch, inputs: Inputs, past: Past, probe: Probe | None) -> Tensor:
        """Run the blocks over the input tokens, [R, Q, d]."""
        whole = not batch.shadow and past.positions.shape[1] == 0 and self._info.attention != "block_causal"
        options: dict[str, Any] = {} if whole else {"position_ids": inputs.positions}
        if batch.cache is not None:
            options["past_key_values"] = past.cache
        if probe is not None:
            options["probe"] = probe
        blocks = self._blocks if probe is None and batch.cache is None else self._model.model
        seen = inputs.valid if whole else visible(inputs, past, self._info, batch.shadow == "shared")
        hidden: Tensor = blocks(
            input_ids=inputs.ids, attention_mask=seen, use_cache=batch.cache is not None, **options
        ).last_hidden_state
        return hidden

    def _head(self, hidden: Tensor) -> Tensor:
        """The logits of output rows, [N, V]."""
        missing = -len(hidden) % ROWS_MULTIPLE
        padded = torch.cat([hidden, hidden.new_zeros(missing, hidden.shape[1])]) if missing else hidden
        logits: Tensor = self._model.lm_head(padded)[: len(hidden)]
        return logits

    def _kept(self, batch: ForwardBatch, past: Past, inputs: Inputs) -> list[kv_cache.Kept]:
        if batch.cache is None or not any(len(columns) for columns in batch.cache.keep):
            return []
        keep = [torch.from_numpy(columns).to(inputs.ids.device) for columns in batch.cache.keep]
        return kv_cache.cut(past, keep, inputs.positions, self._model.dtype)


def _by_position(attention: Tensor, rows: Tensor, inputs: Inputs, past: Past, batch: ForwardBatch) -> Tensor:
    """Bring attention from the order of keys in a forward, [N, K + Q], to positions of the whole row, [N, C]."""
    keys = torch.cat([past.positions, inputs.positions], 1)
    width = max(len(prompt.ids) + len(prompt.canvas) for prompt in batch.prompts)
    width = max(width, int(keys.max()) + 1)
    return attention.new_zeros(len(attention), width).scatter_add_(1, keys[rows], attention)


class SteadySilu(torch.nn.Module):
    """x / (1 + e^-x), with the same bits for an element at any place in its array.

    PyTorch's kernel splits an array over threads and computes the last few elements of each part by a scalar loop, which rounds
    differently. With one or two threads the parts of our arrays have no such elements; with more, the function is
    computed in steps with results that do not depend on the split.
    """

    def forward(self, x: Tensor) -> Tensor:
        if torch.get_num_threads() <= 2 or x.requires_grad:  # in training, what is computed in place has no gradient
            return torch.nn.functional.silu(x)
        below = torch.neg(x).exp_().add_(1.0)
        return torch.div(x, below, out=below)
