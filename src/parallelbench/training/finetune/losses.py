"""The losses of fine-tuning: masked diffusion for models with a mask, score entropy for score networks. Answers only.

Masked diffusion (LLaDA, arXiv 2502.09992, eq. 5): of the A free tokens of an answer n ~ U{1..A} are masked, and the loss of a
row is the mean cross entropy of these n. That is the weight 1/t of the published loss with t = n / A.

Score entropy (SEDD, arXiv 2310.16834, eq. 5 and section 3.3): at a time t ~ U(0, 1) with noise sigma(t), each free token of the
answer is replaced with probability 1 - exp(-sigma), by the mask or by a uniform token. With r(y) = p(y | x0) / p(x | x0), the
ratio of the probabilities of y and of the current token x given the clean token x0, and s the score, the loss of a row is
sigma'(t) w sum_i sum_{y != x_i} [s_i(y) - r_i(y) log s_i(y) + r_i(y) (log r_i(y) - 1)] / A, with w = 1 for masks and 1 / V for
uniform noise. It is at least 0, and 0 where s = r.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F
from transformers import PreTrainedModel

from parallelbench.contracts.info import ModelInfo
from parallelbench.models.sedd_network import Network
from parallelbench.training.data import Batch

LEAST_TIME = 1e-3  # as the authors; at time 0 nothing is noise
MOST_NOISE = 1 - 1e-3  # loglinear: a token is noise with probability MOST_NOISE t
LOW, HIGH = 1e-4, 20.0  # geometric: sigma at time 0 and at time 1


def masked_diffusion(model: PreTrainedModel, info: ModelInfo, batch: Batch) -> Tensor:
    """Mean over rows of the mean cross entropy of the masked tokens."""
    target = batch.ids.gather(1, batch.columns)
    noisy = batch.ids.scatter(1, batch.columns, torch.where(batch.masked, info.mask_id, target))
    seen = batch.visible
    if info.attention == "block_causal":
        block = torch.arange(noisy.shape[1], device=noisy.device) // (info.block or 1)
        seen = seen & (block[None, :] <= block[:, None])
    hidden = model.model(input_ids=noisy, attention_mask=seen, use_cache=False).last_hidden_state
    row, place = batch.masked.nonzero(as_tuple=True)
    logits = model.lm_head(hidden[row, batch.columns[row, place] - info.shift])
    loss = F.cross_entropy(logits.float(), target[row, place], reduction="none")
    return (loss / batch.masked.sum(1)[row]).sum() / len(batch)


def score_entropy(network: Network, info: ModelInfo, batch: Batch) -> Tensor:
    """Mean over rows of the score entropy of a free token, at one time for each row, drawn from torch's global stream."""
    absorbs = "absorb" in info.offers
    time = LEAST_TIME + (1 - LEAST_TIME) * torch.rand(len(batch), device=batch.ids.device)
    sigma, rate = noise(time, absorbs)
    clean = batch.ids.gather(1, batch.columns)
    words = network.shape.tokens
    replaced = batch.free & (torch.rand(clean.shape, device=clean.device) < -torch.expm1(-sigma)[:, None])
    other = torch.full_like(clean, info.mask_id) if absorbs else torch.randint_like(clean, words)
    current = torch.where(replaced, other, clean)
    noisy = batch.ids.scatter(1, batch.columns, current)
    hidden, condition = network.hidden(noisy, sigma, batch.attend)
    row, place = (batch.free & (current == info.mask_id) if absorbs else batch.free).nonzero(as_tuple=True)
    score = network.log_score(hidden[row, batch.columns[row, place]], condition[row], sigma[row], current[row, place])
    loss = entropy(score, ratios(clean[row, place], current[row, place], sigma[row], words, absorbs), current[row, place])
    weight = rate * (1.0 if absorbs else 1 / words)
    return (weight[row] * loss / batch.free.sum(1)[row]).sum() / len(batch)


def noise(time: Tensor, absorbs: bool) -> tuple[Tensor, Tensor]:
    """sigma(t) and its rate of change: loglinear where noise absorbs, geometric where it is uniform (as the authors train)."""
    if absorbs:
        return -torch.log1p(-MOST_NOISE * time), MOST_NOISE / (1 - MOST_NOISE * time)
    sigma = LOW ** (1 - time) * HIGH**time
    return sigma, sigma * math.log(HIGH / LOW)


def ratios(clean: Tensor, current: Tensor, sigma: Tensor, words: int, absorbs: bool) -> Tensor:
    """r(y) [N, V] for clean and current tokens [N] at noise sigma [N]; V = `words` counts the mask where there is one.

    Where noise absorbs, the current tokens are masks: r is 1 / (e^sigma - 1) at the clean token and 0 elsewhere. Where it is
    uniform, p(y | x0) = (1 - e^-sigma) / V, and e^-sigma more at y = x0.
    """
    one = F.one_hot(clean, words).to(sigma.dtype)
    if absorbs:
        return one / torch.expm1(sigma)[:, None]
    p = -torch.expm1(-sigma)[:, None] / words + torch.exp(-sigma)[:, None] * one
    return p / p.gather(1, current[:, None])


def entropy(score: Tensor, ratio: Tensor, current: Tensor) -> Tensor:
    """The score entropy [N] of log-scores [N, V]: summed over all tokens but the current one."""
    each = score.exp() - ratio * score + torch.xlogy(ratio, ratio) - ratio
    return each.scatter(1, current[:, None], 0.0).sum(1)
