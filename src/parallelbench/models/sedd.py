"""SEDD as a denoiser: a score network of known noise level, absorbing or uniform (arXiv 2310.16834).

At a mask, the softmax of the log-scores is the model's distribution of the token that stands there, whatever the noise level;
so an absorbing SEDD serves every decoder. Where a decoder names no level, the share of masks in the canvas says it:
1 - e^-sigma. A uniform SEDD has no mask: every token may be noise, and only decoders of scores can use it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.nn.functional import pad

from parallelbench.contracts.denoiser import Codec, Denoiser
from parallelbench.contracts.forward import ForwardBatch, ForwardOutput
from parallelbench.contracts.info import ModelInfo
from parallelbench.errors import UserError
from parallelbench.models.adapter_merge import merge
from parallelbench.models.checkpoint import check_shapes, read_tensors
from parallelbench.models.codec import ChatCodec
from parallelbench.models.sedd_files import DescribedSedd
from parallelbench.models.sedd_network import Network, Shape
from parallelbench.schema import Sample

MOST_NOISE = 1 - 1e-3  # the share of noise at time 1 in the authors' schedules


class Sedd(Denoiser):
    """A score network. `logits` are log-scores; the mask of a uniform one is a token that it never reads and never writes."""

    def __init__(self, network: Network, codec: ChatCodec, info: ModelInfo) -> None:
        self._network = network
        self._codec = codec
        self._info = info

    @property
    def info(self) -> ModelInfo:
        return self._info

    @property
    def network(self) -> Network:
        """The network that computes the scores, for training."""
        return self._network

    def codec_for(self, sample: Sample) -> Codec:
        return self._codec

    def forward(self, batch: ForwardBatch) -> ForwardOutput:
        device = self._network.rotary_emb.inv_freq.device
        ids, rows, columns = (torch.from_numpy(part).to(device) for part in (batch.ids, batch.rows, batch.columns))
        sigma = torch.from_numpy(self._levels(batch)).to(device)
        valid = torch.arange(ids.shape[1], device=device) < torch.from_numpy(batch.lengths).to(device)[:, None]
        hidden, condition = self._network.hidden(ids, sigma, valid)
        score = self._network.log_score(hidden[rows, columns], condition[rows], sigma[rows], ids[rows, columns])
        return ForwardOutput(pad(score, (0, self._info.vocab_size - score.shape[1]), value=-torch.inf))

    def _levels(self, batch: ForwardBatch) -> np.ndarray[Any, np.dtype[np.float32]]:
        """The noise level of each row, [R]: the one that was asked for, or what its masks say."""
        asked = np.full(len(batch.ids), np.nan) if batch.noise is None else batch.noise
        masked = batch.ids == self._info.mask_id
        if "uniform" in self._info.offers and (masked.any() or np.isnan(asked).any()):
            raise UserError(f"{self._info.name} with uniform noise has no mask; decode it with euler or analytic.")
        sizes = [max(1, len(prompt.canvas)) for prompt in batch.prompts]
        share = np.clip(masked.sum(1) / sizes, 1 / np.asarray(sizes), 1.0)
        return np.where(np.isnan(asked), -np.log1p(-MOST_NOISE * share), asked).astype(np.float32)


def load(described: DescribedSedd) -> Sedd:
    """Read the weights of a described SEDD checkpoint.

    Raises:
        UserError: a tensor is missing, left over, of another shape, or holds numbers that are not finite.
    """
    source, settings = described.source, described.settings
    model = settings.model
    shape = Shape(
        tokens=settings.tokens + settings.absorbs, hidden=model.hidden_size, condition=model.cond_dim, blocks=model.n_blocks,
        heads=model.n_heads, scaled=model.scale_by_sigma,
    )  # fmt: skip
    with torch.device("meta"):
        network = Network(shape)
    shapes = {name: torch.empty(header.shape, device="meta") for name, header in described.headers.items()}
    check_shapes(network, shapes, source.folder)
    dtype = getattr(torch, source.dtype)
    tensors = read_tensors(described.headers, (), dtype, wide=("inv_freq",))
    if described.adapter is not None:
        merge(tensors, described.adapter, ())
    network.load_state_dict(tensors, assign=True)
    network.to(source.device).eval().requires_grad_(False)
    return Sedd(network, ChatCodec(described.tokenizer, described.card), described.info)
