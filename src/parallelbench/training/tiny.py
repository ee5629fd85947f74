"""Train a model that ships: a plain LLaDA-layout masked diffusion LM, on two CPU cores, from nothing.

Objective (LLaDA, arXiv 2502.09992, eq. 3, with the number of masks drawn instead of the time): of A free canvas tokens,
n ~ U{1..A} are masked, and the loss is the mean over the masked tokens of their cross entropy.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from transformers import LlamaConfig, LlamaForCausalLM

from parallelbench.models.checkpoint import save_llada
from parallelbench.models.codec import special_id
from parallelbench.training.data import Batch, batches
from parallelbench.training.initialise import initialise
from parallelbench.training.recipes import TINY, Recipe, Shipped
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
    initialise(model, recipe.seed, opening)
    return model


def masked_loss(model: LlamaForCausalLM, batch: Batch, masked: Tensor, mask_id: int) -> Tensor:
    """Mean over rows of the mean cross entropy of the masked canvas tokens; `masked` [B, A]."""
    target = batch.ids.gather(1, batch.columns)
    noisy = batch.ids.scatter(1, batch.columns, torch.where(masked, mask_id, target))
    hidden = model.model(input_ids=noisy, attention_mask=batch.attend, use_cache=False).last_hidden_state
    rows = hidden.gather(1, batch.columns[..., None].expand(-1, -1, hidden.shape[-1]))
    loss = F.cross_entropy(model.lm_head(rows).flatten(0, 1), target.flatten(), reduction="none").view_as(target)
    return ((loss * masked).sum(1) / masked.sum(1)).mean()


def draw_mask(batch: Batch, generator: torch.Generator) -> Tensor:
    """Mask n ~ U{1..A} of each row's A free canvas positions, [B, A]."""
    free = batch.free.sum(1, keepdim=True)
    count = (torch.rand(len(free), 1, generator=generator) * free).floor() + 1
    keys = torch.rand(batch.free.shape, generator=generator).masked_fill(~batch.free, 2.0)
    return keys.argsort(1).argsort(1) < count


class Optimisers:
    """Muon for the blocks' matrices, AdamW for the rest, one schedule (`Recipe.rate`)."""

    def __init__(self, model: LlamaForCausalLM, recipe: Recipe) -> None:
        self.recipe = recipe
        embedding = model.model.embed_tokens.weight
        matrices = [p for p in model.parameters() if p.ndim == 2 and p is not embedding]
        others = [embedding, *(p for p in model.parameters() if p.ndim == 1)]
        self.muon = torch.optim.Muon(matrices, lr=recipe.muon_rate, momentum=0.95, weight_decay=0.0)
        self.adam = torch.optim.AdamW(others, lr=recipe.adam_rate, betas=(0.9, 0.95), weight_decay=0.0)

    def step(self, step: int) -> None:
        """Apply one update at the rate of this step."""
        recipe, factor = self.recipe, self.recipe.rate(step)
        pairs: list[tuple[torch.optim.Optimizer, float]] = [(self.muon, recipe.muon_rate), (self.adam, recipe.adam_rate)]
        for optimiser, rate in pairs:
            for group in optimiser.param_groups:
                group["lr"] = rate * factor
            optimiser.step()

    def state(self) -> list[dict[str, Any]]:
        """The state of both optimisers."""
        return [self.muon.state_dict(), self.adam.state_dict()]

    def load(self, state: list[dict[str, Any]]) -> None:
        """Take up a saved state."""
        self.muon.load_state_dict(state[0])
        self.adam.load_state_dict(state[1])


def train(
    out: Path,
    recipe: Recipe | None = None,
    every: int = 250,
    say: Callable[[str], None] = print,
    shipped: Shipped = TINY,
) -> Path:
    """Train and write `out` in LLaDA's layout; the same call again continues from the last checkpoint.

    `out/log.jsonl` gets a line every `every` steps: step, mean loss of each group since the last line, seconds so far.
    """
    recipe, card = recipe or shipped.recipe, shipped.card
    torch.set_num_threads(recipe.threads)
    out.mkdir(parents=True, exist_ok=True)
    tokenizer = shipped.tokenizer()
    model = new_model(recipe, tokenizer.get_vocab_size(), special_id(tokenizer, ASSISTANT, card))
    optimisers, first, seconds = Optimisers(model, recipe), 0, 0.0
    checkpoint = out / "checkpoint.pt"
    if checkpoint.exists():
        saved = torch.load(checkpoint, weights_only=True)
        model.load_state_dict(saved["model"])
        optimisers.load(saved["optimisers"])
        first, seconds = saved["step"], saved["seconds"]
    losses: dict[str, list[float]] = {}
    mask_id = special_id(tokenizer, MASK, card)
    began = time.perf_counter() - seconds
    drawn = batches(tokenizer, recipe.seed, first, shipped, recipe.steps)
    for step, (group, batch) in zip(range(first, recipe.all_steps), drawn, strict=False):
        masked = draw_mask(batch, torch.Generator().manual_seed(recipe.seed * 1_000_003 + step))
        loss = masked_loss(model, batch, masked, mask_id)
        model.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimisers.step(step)
        losses.setdefault(group, []).append(float(loss.detach()))
        if (step + 1) % every == 0 or step + 1 == recipe.all_steps:
            _report(out, step + 1, losses, time.perf_counter() - began, say)
            save_llada(out, model, tokenizer, card.name)
            _keep(out, model, optimisers, recipe, step + 1, time.perf_counter() - began)
            losses.clear()
    return out


def _report(out: Path, step: int, losses: dict[str, list[float]], seconds: float, say: Callable[[str], None]) -> None:
    means = {group: round(sum(values) / len(values), 4) for group, values in sorted(losses.items())}
    line = json.dumps({"step": step, "loss": means, "seconds": round(seconds, 1)})
    with (out / "log.jsonl").open("a", encoding="utf-8") as file:
        file.write(line + "\n")
    say(line)


def _keep(out: Path, model: LlamaForCausalLM, optimisers: Optimisers, recipe: Recipe, step: int, seconds: float) -> None:
    (out / "recipe.json").write_text(recipe.model_dump_json(indent=2) + "\n", encoding="utf-8")
    state = {"model": model.state_dict(), "optimisers": optimisers.state(), "step": step, "seconds": seconds}
    partial = out / "checkpoint.partial"
    torch.save(state, partial)
    partial.replace(out / "checkpoint.pt")
