"""Models by name. `describe("path:DIR")` says what a model is without its weights; `load_model("tiny")` loads one.

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
    from parallelbench.contracts.handle import ModelHandle

__all__ = ["MODELS", "describe", "load_any", "load_model"]

_DESCRIBE = "parallelbench.models.checkpoint_sources"
_SERVED = "parallelbench.models.generators.load"
_LOCAL = "parallelbench.models.generators.load_local"
_GEMMA = "parallelbench.models.generators.load_diffusion_gemma"

MODELS = Registry(
    "model",
    {
        "tiny": Entry(f"{_DESCRIBE}:describe_tiny", "ships with the package: list and puzzle tasks, plain LLaDA layout"),
        "tiny2": Entry(f"{_DESCRIBE}:describe_tiny", CARDS["tiny2"].summary, {"card": "tiny2"}),
        "tiny-text": Entry(f"{_DESCRIBE}:describe_tiny", CARDS["tiny-text"].summary, {"card": "tiny-text"}),
        "exact": Entry(
            "parallelbench.models.describe_exact:describe_exact",
            "the perfect model: true marginals of every task that has a law",
        ),
        "path": Entry(
            f"{_DESCRIBE}:describe_path", "path:DIR, a checkpoint folder in any of these layouts; path:DIR,card=llada-1.5"
        ),
        "hf": Entry(f"{_DESCRIBE}:describe_hub", "hf:ORG/NAME, a checkpoint of the hub in any of these layouts"),
        **{
            card.name: Entry(f"{_DESCRIBE}:describe_hub", card.summary, {"card": card.name})
            for card in CARDS.values()
            if card.hub_id
        },
        "tiny-ar": Entry(f"{_LOCAL}:describe_tiny_ar", "tiny's autoregressive sibling: same data, one token a forward"),
        "ar": Entry(f"{_LOCAL}:describe_autoregressive", "ar:ORG/NAME or ar:path=DIR, any causal model of transformers"),
        "diffusion-gemma": Entry(
            f"{_GEMMA}:describe_diffusion_gemma", "DiffusionGemma 26B, 4B active, in its own loop: blocks of 256"
        ),
        "vllm": Entry(f"{_LOCAL}:describe_vllm", "vllm:ORG/NAME, a causal model in vLLM's offline engine"),
        "openai": Entry(f"{_SERVED}:load_openai", "openai:NAME@URL, a server with OpenAI's protocol: vLLM, SGLang, llama.cpp"),
        "mercury": Entry(f"{_SERVED}:load_mercury", "Inception's Mercury, with its refinements counted"),
        "anthropic": Entry(f"{_SERVED}:load_anthropic", "anthropic:NAME, a model of Anthropic"),
    },
)


def describe(spec: str, device: str | None = None, *, elsewhere: bool = False) -> ModelHandle:
    """Describe a model from `name`, `name:key=value,...`, `path:DIR[,key=value,...]` or `hf:ORG/NAME[@REVISION]`.

    No weights are read; `handle.load()` reads them. `device` is where it runs ("cpu", "cuda:0"); None is the CPU. With
    `elsewhere` it is a device of another machine, which this one need not have.

    Raises:
        UserError: the name is unknown, an option is, or a file of the checkpoint is missing or cannot be used.
    """
    from parallelbench.contracts.handle import DenoiserHandle, GeneratorHandle, handle_of

    name, _, rest = spec.strip().partition(":")
    entry = MODELS.get(name)
    if device not in (None, "cpu") and not elsewhere:
        from parallelbench.models.devices import check_device

        check_device(device)
    made = entry.load()(rest, device=device, **entry.preset)
    return made if isinstance(made, (DenoiserHandle, GeneratorHandle)) else handle_of(made)


def load_model(spec: str, device: str | None = None) -> Denoiser:
    """Load a denoiser by its name, as `describe` reads it.

    Raises:
        UserError: as `describe`; a tensor cannot be used; or the name is that of a generator.
    """
    from parallelbench.contracts.generator import Generator

    model = load_any(spec, device)
    if isinstance(model, Generator):
        raise UserError(f"{model.info.name} decodes in its own way, so its forwards cannot be steered here; choose a denoiser.")
    return model


def load_any(spec: str, device: str | None = None) -> Denoiser | Generator:
    """Load a denoiser, or a generator: `openai:NAME@URL`, `ar:ORG/NAME`, `tiny-ar` (docs/served.md).

    Raises:
        UserError: as `describe`; a key that is needed is not in the environment, or an optional package is missing.
    """
    return describe(spec, device).load()
