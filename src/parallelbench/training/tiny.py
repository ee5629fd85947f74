"""Train a model that ships: a plain LLaDA-layout masked diffusion LM, on two CPU cores, from nothing.

Objective (LLaDA, arXiv 2502.09992, eq. 3, with the number of masks drawn instead of the time): of A free canvas tokens,
n ~ U{1..A} are masked, and the loss is the mean over the masked tokens of their cross entropy.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F
from transformers import LlamaConfig, LlamaForCausalLM

from parallelbench.models.checkpoint import save_llada
from parallelbench.models.codec import special_id
from parallelbench.training.data import Batch
from parallelbench.training.fit import Training, fit
from parallelbench.training.initialise import initialise
from parallelbench.training.recipes import TINY
from parallelbench.training.stages import Recipe, Shipped
from parallelbench.training.tokenizer import ASSISTANT, MASK


def new_model(recipe: Recipe, vocabulary: int, opening: int) -> LlamaForCausalLM:
    """Return a fresh model of the recipe's shape; `opening` is the id of the token after which an answer begins."""
    config = LlamaConfig(
        vocab_size=vocabulary, hidden_size=recipe.hidden_size, intermediate_size=recipe.mlp_size,
        num_hidden_layers=recipe.layers, num_attention_heads=recipe.heads, num_key_value_heads=recipe.heads,
        max_position_embeddings=2048, rms_norm_eps=1e-5, rope_theta=recipe.rope_theta, attention_bias=False,
        tie_word_embeddings=True,
    )  # fmt: skip
    config.is_causal = False
    model = LlamaForCausalLM(config)
    initialise(model, recipe.seed, opening, recipe.reach)
    return model


def masked_loss(model: LlamaForCausalLM, batch: Batch, mask_id: int) -> Tensor:
    """Mean over rows of the mean cross entropy of the masked canvas tokens."""
    target = batch.ids.gather(1, batch.columns)
    noisy = batch.ids.scatter(1, batch.columns, torch.where(batch.masked, mask_id, target))
    hidden = model.model(input_ids=noisy, attention_mask=batch.visible, use_cache=False).last_hidden_state
    rows = hidden.gather(1, batch.columns[..., None].expand(-1, -1, hidden.shape[-1]))
    loss = F.cross_entropy(model.lm_head(rows).flatten(0, 1), target.flatten(), reduction="none").view_as(target)
    return ((loss * batch.masked).sum(1) / batch.masked.sum(1)).mean()


def train(
    out: Path,
    recipe: Recipe | None = None,
    every: int = 500,
    say: Callable[[str], None] = print,
    shipped: Shipped = TINY,
) -> Path:
    """Train and write `out` in LLaDA's layout; the same call again continues from the last checkpoint (see `fit`)."""
    recipe, card = recipe or shipped.recipe, shipped.card
    tokenizer = shipped.tokenizer()
    model = new_model(recipe, tokenizer.get_vocab_size(), special_id(tokenizer, ASSISTANT, card))
    mask_id = special_id(tokenizer, MASK, card)

    def loss_of(batch: Batch) -> Tensor:
        return masked_loss(model, batch, mask_id)

    save = partial(save_llada, model=model, tokenizer=tokenizer, card=card.name)
    return fit(out, Training(card.name, model, tokenizer, recipe, shipped, loss_of, save), every, say)
