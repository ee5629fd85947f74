"""What every model on transformers' own classes shares: masks, caches, attention maps, shadows, the output head.

A family of checkpoints is a configuration of this: which class, which names, which `ModelInfo` (`attention`, `block`, `shift`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

from parallelbench.contracts.denoiser import Codec, Denoiser
from parallelbench.contracts.forward import ForwardBatch, ForwardOutput
from parallelbench.contracts.info import Capability, ModelInfo
from parallelbench.models import attention_probe, kv_cache
from parallelbench.models.attention_probe import Probe
from parallelbench.models.codec import ChatCodec
from parallelbench.models.kv_cache import Past
from parallelbench.models.visibility import Fed, add_shadows, visible
from parallelbench.schema import Sample

ROWS_MULTIPLE = 16  # below about 8 rows a matrix product takes another path whose last bit differs


class NativeDenoiser(Denoiser):
    """A causal-LM class of transformers that answers forwards of any kind.

    Args:
        model: on its device, in evaluation mode, `config.is_causal` False unless `info.attention` is "causal".
        codec: text to ids and back.
        info: what the model is; `offers` is filled in here.
        compiled: hand the blocks to `torch.compile`; forwards that keep keys or ask for attention stay as they are.
    """

    def __init__(self, model: PreTrainedModel, codec: ChatCodec, info: ModelInfo, compiled: bool = False) -> None:
        model.config._attn_implementation = attention_probe.NAME
        self._model = model
        self._codec = codec
        self._info = replace(info, offers=info.offers | _offers(info))
        self._blocks = torch.compile(model.model, dynamic=True) if compiled else model.model

    @property
    def info(self) -> ModelInfo:
        return self._info

    def codec_for(self, sample: Sample) -> Codec:
        return self._codec

    def details(self) -> dict[str, Any]:
        return {"attention": self._model.config._attn_implementation}

    def vocabulary(self) -> Mapping[str, int]:
        return dict(self._codec.tokenizer.get_vocab())

    def forward(self, batch: ForwardBatch) -> ForwardOutput:
        device = self._model.device
        rows, columns = (torch.from_numpy(part).to(device) for part in (batch.rows, batch.columns))
        fed = self._fed(batch)
        past = self._past(batch)
        outputs = torch.stack([rows, (columns - self._info.shift).clamp(min=0)])
        shadows = None
        if batch.shadow:
            fed, shadows = add_shadows(fed, rows, columns, self._info.mask_id, ROWS_MULTIPLE)
            outputs = torch.cat([outputs, torch.stack([rows, shadows])], 1)
        probe = self._probe(batch, columns)
        hidden = self._hidden(batch, fed, past, probe)
        logits = self._head(hidden[outputs[0], outputs[1]])
        return ForwardOutput(
            logits=logits[: len(rows)],
            attention=None if probe is None else _by_place(probe.mean(), rows, fed, past, batch),
            shadow=None if shadows is None else logits[len(rows) :],
            kept=self._kept(batch, past, fed),
        )

    def _fed(self, batch: ForwardBatch) -> Fed:
        device = self._model.device
        ids, lengths = (torch.from_numpy(part).to(device) for part in (batch.ids, batch.lengths))
        at = torch.arange(ids.shape[1], device=device)
        positions = at.expand_as(ids) if batch.cache is None else torch.from_numpy(batch.cache.positions).to(device)
        valid = at < lengths[:, None]
        return Fed(ids, positions, valid, torch.zeros_like(valid))

    def _past(self, batch: ForwardBatch) -> Past:
        if batch.cache is not None and batch.cache.past:
            return kv_cache.join(batch.cache.past)
        return kv_cache.empty(len(batch.ids), self._model.device)

    def _probe(self, batch: ForwardBatch, columns: Tensor) -> Probe | None:
        if batch.attention is None:
            return None
        counts = torch.from_numpy(batch.rows).bincount(minlength=len(batch.ids))
        return Probe(batch.attention.chosen(self._info.layers), torch.split(columns, counts.tolist()))

    def _hidden(self, batch: ForwardBatch, fed: Fed, past: Past, probe: Probe | None) -> Tensor:
        """Run the blocks over the fed tokens, [R, Q, d]."""
        whole = not batch.shadow and past.positions.shape[1] == 0 and self._info.attention != "block_causal"
        options: dict[str, Any] = {} if whole else {"position_ids": fed.positions}
        if batch.cache is not None:
            options["past_key_values"] = past.cache
        if probe is not None:
            options["probe"] = probe
        blocks = self._blocks if probe is None and batch.cache is None else self._model.model
        seen = fed.valid if whole else visible(fed, past, self._info, batch.shadow == "shared")
        hidden: Tensor = blocks(
            input_ids=fed.ids, attention_mask=seen, use_cache=batch.cache is not None, **options
        ).last_hidden_state
        return hidden

    def _head(self, hidden: Tensor) -> Tensor:
        """The logits of output rows, [N, V]."""
        missing = -len(hidden) % ROWS_MULTIPLE
        padded = torch.cat([hidden, hidden.new_zeros(missing, hidden.shape[1])]) if missing else hidden
        logits: Tensor = self._model.lm_head(padded)[: len(hidden)]
        return logits

    def _kept(self, batch: ForwardBatch, past: Past, fed: Fed) -> list[kv_cache.Kept]:
        if batch.cache is None or not any(len(columns) for columns in batch.cache.keep):
            return []
        keep = [torch.from_numpy(columns).to(fed.ids.device) for columns in batch.cache.keep]
        return kv_cache.cut(past, keep, fed.positions, self._model.dtype)


def _offers(info: ModelInfo) -> frozenset[Capability]:
    """What any such model can do; a shadow must stand where the output for its own place is read."""
    stands = info.shift == 0 and info.attention != "causal"
    return frozenset({"attention", "cache", "shadow"} if stands else {"attention", "cache"})


def _by_place(attention: Tensor, rows: Tensor, fed: Fed, past: Past, batch: ForwardBatch) -> Tensor:
    """Bring attention from keys as they lie in a forward, [N, K + Q], to places of the whole row, [N, C]."""
    keys = torch.cat([past.positions, fed.positions], 1)
    width = max(len(prompt.ids) + len(prompt.canvas) for prompt in batch.prompts)
    width = max(width, int(keys.max()) + 1)
    return attention.new_zeros(len(attention), width).scatter_add_(1, keys[rows], attention)


class SteadySilu(torch.nn.Module):
    """x / (1 + e^-x), to the same bit wherever an element lies in its array.

    Torch's own ends each thread's share with a scalar loop that rounds otherwise. Halves of our rows have no such rest, so
    it serves up to two threads; beyond, the exponential is taken apart, which no share changes.
    """

    def forward(self, x: Tensor) -> Tensor:
        if torch.get_num_threads() <= 2:
            return torch.nn.functional.silu(x)
        below = torch.neg(x).exp_().add_(1.0)
        return torch.div(x, below, out=below)
