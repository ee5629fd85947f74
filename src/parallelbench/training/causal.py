"""Trains the autoregressive counterpart of the shipped model: the same data and initial weights, but causal attention.

Objective: the mean over rows of the mean cross entropy of the answer's tokens and its first end token, each predicted from
everything before it. Padding after the end is never trained on, because an autoregressive model stops there.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from safetensors.torch import save as to_bytes
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional as F
from transformers import GenerationConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from parallelbench.models.cards import CARDS
from parallelbench.models.codec import special_id
from parallelbench.training import tiny
from parallelbench.training.data import Batch
from parallelbench.training.fit import Training, fit
from parallelbench.training.initialise import MATCH, SLOW_PAIR
from parallelbench.training.recipes import CAUSAL_RECIPES
from parallelbench.training.stages import Recipe
from parallelbench.training.tokenizer import ASSISTANT, END, PAD


def new_model(recipe: Recipe, tokenizer: Tokenizer) -> LlamaForCausalLM:
    """Return a fresh causal model of the shipped model's shape, with the induction circuit of a causal model."""
    model = tiny.new_model(recipe, tokenizer.get_vocab_size(), special_id(tokenizer, ASSISTANT, CARDS["tiny"]))
    model.config.is_causal = True
    with torch.no_grad():
        _look_for_the_next_token(model)
    return model


def _look_for_the_next_token(model: LlamaForCausalLM) -> None:
    """Let the first head of layer 1 attend to positions with the current token as left neighbour, and copy the token there.

    In the masked model the query of a mask is its left neighbour, as written by layer 0. In a causal model the query is the
    current token itself, so the query weights are those with which the values of layer 0 read a token.
    """
    first, second = model.model.layers[0].self_attn, model.model.layers[1].self_attn
    half = model.config.hidden_size // model.config.num_attention_heads // 2
    slow = torch.cat([torch.arange(SLOW_PAIR, half), half + torch.arange(SLOW_PAIR, half)])
    second.q_proj.weight[slow] = MATCH * first.v_proj.weight[: len(slow)]


def answer_loss(model: LlamaForCausalLM, batch: Batch, end_id: int) -> Tensor:
    """Mean over rows of the mean cross entropy of the free canvas tokens up to the first end token."""
    target = batch.ids.gather(1, batch.columns)
    visible = batch.visible.tril()
    hidden = model.model(input_ids=batch.ids, attention_mask=visible, use_cache=False).last_hidden_state
    rows = hidden.gather(1, (batch.columns - 1)[..., None].expand(-1, -1, hidden.shape[-1]))
    loss = F.cross_entropy(model.lm_head(rows).flatten(0, 1), target.flatten(), reduction="none").view_as(target)
    ends = target == end_id
    counted = batch.free & (ends.cumsum(1) - ends.long() == 0)
    return ((loss * counted).sum(1) / counted.sum(1)).mean()


def train(
    out: Path, recipe: Recipe | None = None, every: int = 500, say: Callable[[str], None] = print, name: str = "tiny-ar"
) -> Path:
    """Train and write `out` as a transformers checkpoint; the same call again continues from the last one (see `fit`).

    `name` is one of `CAUSAL_RECIPES`.
    """
    shipped = CAUSAL_RECIPES[name]
    recipe = recipe or shipped.recipe
    tokenizer = shipped.tokenizer()
    end_id = special_id(tokenizer, END, CARDS["tiny"])
    model = new_model(recipe, tokenizer)

    def loss_of(batch: Batch) -> Tensor:
        return answer_loss(model, batch, end_id)

    save = partial(save_checkpoint, model=model, tokenizer=tokenizer)
    return fit(out, Training(name, model, tokenizer, recipe, shipped, loss_of, save), every, say)


def save_checkpoint(out: Path, model: LlamaForCausalLM, tokenizer: Tokenizer) -> None:
    """Write a plain Llama checkpoint: config.json, generation_config.json, model.safetensors, tokenizer.json."""
    ids = {name: special_id(tokenizer, token, CARDS["tiny"]) for name, token in (("eos_token_id", END), ("pad_token_id", PAD))}
    model.config.update({**ids, "bos_token_id": None, "dtype": "float32"})
    model.config.save_pretrained(out)
    GenerationConfig(**ids).save_pretrained(out)
    state = {
        name: tensor.detach().clone().contiguous() for name, tensor in model.state_dict().items() if name != "lm_head.weight"
    }
    (out / "model.safetensors").write_bytes(to_bytes(state, metadata={"format": "pt"}))
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=END, pad_token=PAD).save_pretrained(out)
