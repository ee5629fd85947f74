"""Who answers. `load_model("tiny")` loads the model that ships; `load_model("path:DIR")` a checkpoint of yours.

Nothing here is downloaded or executed: weights are safetensors, architectures are native classes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from parallelbench.errors import UserError
from parallelbench.models.cards import CARDS
from parallelbench.registry import Entry, Registry

if TYPE_CHECKING:
    from parallelbench.contracts.denoiser import Denoiser
    from parallelbench.contracts.generator import Generator

__all__ = ["MODELS", "load_any", "load_model"]

_LOAD = "parallelbench.models.load"
_SERVED = "parallelbench.models.generators.load"
_LOCAL = "parallelbench.models.generators.load_local"
_GEMMA = "parallelbench.models.generators.load_diffusion_gemma"

MODELS = Registry(
    "model",
    {
        "tiny": Entry(f"{_LOAD}:load_tiny", "ships with the package: list and puzzle tasks, plain LLaDA layout"),
        "tiny-text": Entry(f"{_LOAD}:load_tiny", CARDS["tiny-text"].summary, {"card": "tiny-text"}),
        "exact": Entry(f"{_LOAD}:load_exact", "the perfect model: true marginals of every task that has a law"),
        "path": Entry(f"{_LOAD}:load_path", "path:DIR, a checkpoint folder in any of these layouts; path:DIR,card=llada-1.5"),
        "hf": Entry(f"{_LOAD}:load_hub", "hf:ORG/NAME, a checkpoint of the hub in any of these layouts"),
        **{card.name: Entry(f"{_LOAD}:load_hub", card.summary, {"card": card.name}) for card in CARDS.values() if card.hub_id},
        "tiny-ar": Entry(f"{_LOCAL}:load_tiny_ar", "tiny's autoregressive sibling: same size, same data, one token a forward"),
        "ar": Entry(f"{_LOCAL}:load_autoregressive", "ar:ORG/NAME or ar:path=DIR, any causal model of transformers"),
        "diffusion-gemma": Entry(
            f"{_GEMMA}:load_diffusion_gemma", "DiffusionGemma 26B, 4B active, in its own loop: blocks of 256"
        ),
        "vllm": Entry(f"{_LOCAL}:load_vllm", "vllm:ORG/NAME, a causal model in vLLM's offline engine"),
        "openai": Entry(f"{_SERVED}:load_openai", "openai:NAME@URL, a server with OpenAI's protocol: vLLM, SGLang, llama.cpp"),
        "mercury": Entry(f"{_SERVED}:load_mercury", "Inception's Mercury, with its refinements counted"),
        "anthropic": Entry(f"{_SERVED}:load_anthropic", "anthropic:NAME, a model of Anthropic"),
    },
)


def load_model(spec: str, device: str | None = None) -> Denoiser:
    """Load a denoiser from `name`, `name:key=value,...` or `path:DIR[,key=value,...]`.

    `device` is where it runs ("cpu", "cuda:0"); None is the CPU.

    Raises:
        UserError: the name is unknown, an option is, a file of the checkpoint is missing or does not fit, or it is a generator.
    """
    from parallelbench.contracts.generator import Generator

    model = load_any(spec, device)
    if isinstance(model, Generator):
        raise UserError(f"{model.info.name} decodes in its own way, so its forwards cannot be steered here; choose a denoiser.")
    return model


def load_any(spec: str, device: str | None = None) -> Denoiser | Generator:
    """Load a denoiser as `load_model` does, or a generator: `openai:NAME@URL`, `ar:ORG/NAME`, `tiny-ar` (docs/served.md).

    Raises:
        UserError: as `load_model`; a key that is needed is not in the environment, or an optional package is missing.
    """
    name, _, rest = spec.strip().partition(":")
    entry = MODELS.get(name)
    if device is not None:
        from parallelbench.models.devices import check_device

        check_device(device)
    model: Denoiser | Generator = entry.load()(rest, device=device, **entry.preset)
    return model
