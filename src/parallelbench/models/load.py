"""From a name to a model: the checkpoint in the package, in a folder, or in the hub's cache; or the exact model."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Literal

import torch
from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
from pydantic import Field

from parallelbench.errors import UnknownName, UserError
from parallelbench.models import llada
from parallelbench.models.base import Denoiser
from parallelbench.models.cards import CARDS
from parallelbench.models.exact import Exact
from parallelbench.models.exact_items import ItemScheme
from parallelbench.models.exact_tokens import TokenScheme
from parallelbench.specs import Options, build, parse_options

FILES = ["*.safetensors", "*.json"]
TINY = Path(str(files("parallelbench.models").joinpath("tiny")))


class ExactOptions(Options):
    """How the exact model cuts answers into tokens."""

    tokenizer: str | None = Field(None, description="a tokenizer.json, the folder that holds one, or tiny; none: item by item")
    epsilon: float = Field(1e-6, gt=0, lt=1, description="probability that a token was replaced by a uniform one")
    vocabulary: int = Field(64, ge=8, le=1 << 20, description="item by item: different tokens that a sample may need")


class LoadOptions(Options):
    """What can be said about loading a checkpoint."""

    card: str = Field("tiny", description="the model card whose layout, template and special tokens apply")
    dtype: Literal["float32", "bfloat16"] = Field("float32", description="precision of weights and activations")


def _options(text: str, whole: str, **preset: str) -> LoadOptions:
    options = build(LoadOptions, f"model '{whole}'", {**preset, **(parse_options(text, whole) if text else {})})
    if options.card not in CARDS:
        raise UnknownName("model card", options.card, CARDS)
    return options


def _load(folder: Path, options: LoadOptions, device: str | None) -> Denoiser:
    return llada.load(folder, CARDS[options.card], device or "cpu", getattr(torch, options.dtype))


def load_exact(rest: str, device: str | None = None) -> Denoiser:
    """Make the exact model; it runs on the CPU whatever the device.

    Raises:
        UserError: an option is wrong, or the tokenizer cannot be read.
    """
    whole = f"exact:{rest}"
    options = build(ExactOptions, "model 'exact'", parse_options(rest, whole) if rest else {})
    if options.tokenizer is None:
        return Exact(ItemScheme(options.vocabulary), options.epsilon)
    path = TINY if options.tokenizer == "tiny" else Path(options.tokenizer).expanduser()
    tokenizer = llada.read_tokenizer(path if path.suffix == ".json" else path / "tokenizer.json")
    return Exact(TokenScheme(tokenizer, options.epsilon), options.epsilon)


def load_tiny(rest: str, device: str | None = None) -> Denoiser:
    """Load the model that ships with the package."""
    return _load(TINY, _options(rest, f"tiny:{rest}"), device)


def load_path(rest: str, device: str | None = None) -> Denoiser:
    """Load a checkpoint folder.

    Raises:
        UserError: no folder is named or there is none.
    """
    text, _, options = rest.partition(",")
    folder = Path(text).expanduser()
    if not text or not folder.is_dir():
        raise UserError(f"there is no checkpoint folder '{text}'; write path:DIR with the folder that holds config.json.")
    return _load(folder, _options(options, f"path:{rest}"), device)


def load_hub(rest: str, device: str | None = None, card: str = "") -> Denoiser:
    """Load published weights, from the hub's cache or, where there is a network, from the hub.

    Raises:
        UserError: they are neither in the cache nor can they be fetched.
    """
    hub_id = CARDS[card].hub_id
    try:
        folder = snapshot_download(hub_id, allow_patterns=FILES)
    except (HfHubHTTPError, LocalEntryNotFoundError, HFValidationError, OSError):
        raise UserError(
            f"{hub_id} is not in the local cache and cannot be fetched; download it where there is a network, or give its "
            f"folder: path:DIR,card={card}."
        ) from None
    preset = {"card": card, "dtype": "bfloat16" if device and device.startswith("cuda") else "float32"}
    return _load(Path(folder), _options(rest, f"{card}:{rest}", **preset), device)
