"""Who answers. `load_model("tiny")` loads the model that ships; `load_model("path:DIR")` a checkpoint of yours.

Nothing here is downloaded or executed: weights are safetensors, architectures are native classes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from parallelbench.registry import Entry, Registry

if TYPE_CHECKING:
    from parallelbench.models.base import Denoiser

__all__ = ["MODELS", "load_model"]

_LOAD = "parallelbench.models.load"

MODELS = Registry(
    "model",
    {
        "tiny": Entry(f"{_LOAD}:load_tiny", "ships with the package: list and puzzle tasks, plain LLaDA layout"),
        "exact": Entry(f"{_LOAD}:load_exact", "the perfect model: true marginals of every task that has a law"),
        "path": Entry(f"{_LOAD}:load_path", "path:DIR, a checkpoint folder in LLaDA's layout; path:DIR,card=llada-1.5"),
        "llada-8b-base": Entry(f"{_LOAD}:load_hub", "LLaDA 8B, base", {"card": "llada-8b-base"}),
        "llada-8b-instruct": Entry(f"{_LOAD}:load_hub", "LLaDA 8B, instruction-tuned", {"card": "llada-8b-instruct"}),
        "llada-1.5": Entry(f"{_LOAD}:load_hub", "LLaDA 1.5 8B, preference-optimised", {"card": "llada-1.5"}),
    },
)


def load_model(spec: str, device: str | None = None) -> Denoiser:
    """Load a model from `name`, `name:key=value,...` or `path:DIR[,key=value,...]`.

    `device` is where it runs ("cpu", "cuda:0"); None is the CPU.

    Raises:
        UserError: the name is unknown, an option is, or a file of the checkpoint is missing or does not fit.
    """
    name, _, rest = spec.strip().partition(":")
    entry = MODELS.get(name)
    model: Denoiser = entry.load()(rest, device=device, **entry.preset)
    return model
