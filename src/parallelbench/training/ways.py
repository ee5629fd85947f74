"""What `parallelbench train` can do: for each recipe its options, their defaults, and the function that trains."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from parallelbench.specs import Options
from parallelbench.training import causal as causal_models
from parallelbench.training import tiny
from parallelbench.training.finetune.options import Full, Lora
from parallelbench.training.finetune.train import train_full, train_lora
from parallelbench.training.recipes import CAUSAL_RECIPES
from parallelbench.training.recipes import RECIPES as MASKED_RECIPES
from parallelbench.training.stages import Recipe


@dataclass(frozen=True, slots=True)
class Way:
    """A recipe by its options: the class that checks them, the defaults of this recipe, and the function that trains.

    `result` says with which `-m` the folder OUT then runs.
    """

    options: type[Options]
    defaults: Mapping[str, Any]
    train: Callable[[Path, Any], Path]
    result: str


def masked(name: str) -> Way:
    """A masked diffusion model that ships."""
    shipped = MASKED_RECIPES[name]
    return Way(Recipe, shipped.recipe.model_dump(), partial(tiny.train, shipped=shipped), "-m path:OUT")


def causal(name: str) -> Way:
    """The autoregressive counterpart of one."""
    card = "tiny2" if name.endswith("2") else "tiny"
    recipe = CAUSAL_RECIPES[name].recipe.model_dump()
    return Way(Recipe, recipe, partial(causal_models.train, name=name), f"-m ar:path=OUT,card={card}")


def adapter() -> Way:
    """A LoRA adapter."""
    return Way(Lora, {}, train_lora, "-m path:BASE,adapter=OUT, or tiny:adapter=OUT")


def whole() -> Way:
    """All weights of a small model."""
    return Way(Full, {}, train_full, "-m path:OUT")
