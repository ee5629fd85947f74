"""From a name to a model: the checkpoint in the package, in a folder, or on the hub; or the exact model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import torch
from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
from pydantic import Field
from tokenizers import Tokenizer

from parallelbench.contracts.denoiser import Denoiser
from parallelbench.errors import UnknownName, UserError
from parallelbench.models import assemble, sedd
from parallelbench.models.assemble import Placement
from parallelbench.models.cards import CARDS, Card
from parallelbench.models.checkpoint import CARD_FIELD, read_json
from parallelbench.models.codec import read_tokenizer, special_id, tokenizer_hash
from parallelbench.models.exact import Exact
from parallelbench.models.exact_items import ItemScheme
from parallelbench.models.exact_tokens import TokenScheme
from parallelbench.models.layouts import LAYOUTS, layout_named
from parallelbench.specs import Options, build, parse_options

FILES = ["*.safetensors", "*.json", "merges.txt"]
SHIPPED = Path(str(files("parallelbench.models")))


class ExactOptions(Options):
    """How the exact model cuts answers into tokens."""

    tokenizer: str | None = Field(None, description="a tokenizer.json, the folder that holds one, or tiny; none: item by item")
    epsilon: float = Field(1e-6, gt=0, lt=1, description="probability that a token was replaced by a uniform one")
    vocabulary: int = Field(64, ge=8, le=1 << 20, description="item by item: different tokens that a sample may need")


class LoadOptions(Options):
    """What can be said about loading a checkpoint."""

    card: str | None = Field(None, description="the model card whose tokens and template apply (default: what fits)")
    dtype: Literal["float32", "bfloat16", "float16"] | None = Field(
        None, description="precision of weights and activations (default: bfloat16 for published weights on a GPU)"
    )
    device_map: Literal["auto"] | None = Field(None, description="auto lays the layers over all devices")
    compile: bool = Field(False, description="hand the blocks to torch.compile")
    block: int | None = Field(None, ge=1, description="block of a block-causal model, where its config is silent or wrong")
    tokenizer: str | None = Field(None, description="folder of the tokenizer, where the checkpoint comes without one")


def load_exact(rest: str, device: str | None = None) -> Denoiser:
    """Make the exact model; it runs on the CPU whatever the device.

    Raises:
        UserError: an option is wrong, or the tokenizer cannot be read.
    """
    whole = f"exact:{rest}"
    options = build(ExactOptions, "model 'exact'", parse_options(rest, whole) if rest else {})
    if options.tokenizer is None:
        return Exact(ItemScheme(options.vocabulary), options.epsilon)
    path = SHIPPED / "tiny" if options.tokenizer == "tiny" else Path(options.tokenizer).expanduser()
    tokenizer = read_tokenizer(path.parent if path.suffix == ".json" else path)
    return Exact(TokenScheme(tokenizer, options.epsilon), options.epsilon)


def load_tiny(rest: str, device: str | None = None, card: str = "tiny") -> Denoiser:
    """Load a model that ships with the package.

    Raises:
        UserError: its weights are not in the package, or an option is wrong.
    """
    folder = SHIPPED / card.replace("-", "_")
    if not (folder / "model.safetensors").is_file():
        raise UserError(
            f"the weights of {card} are not in this package; make them with 'parallelbench train {card} -o DIR' and run "
            "-m path:DIR."
        )
    return _load(folder, _options(rest, f"{card}:{rest}", card=card), device)


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

    `rest` are options where a card is preset, else `ORG/NAME[,options]`.

    Raises:
        UserError: they are neither in the cache nor can they be fetched.
    """
    hub_id, _, text = (CARDS[card].hub_id, "", rest) if card else rest.partition(",")
    known = card or next((name for name, one in CARDS.items() if one.hub_id.lower() == hub_id.lower() != ""), None)
    if "device_map=auto" in text and torch.cuda.is_available():
        device = device or "cuda:0"  # where the first layers are
    preset: dict[str, Any] = {"dtype": "bfloat16" if device and device.startswith("cuda") else "float32"}
    options = _options(text, f"{card or 'hf'}:{rest}", **preset, **({"card": known} if known else {}))
    model_name = hub_id if known is None else None
    return _load(fetch(hub_id, FILES), options, device, model_name)


def fetch(hub_id: str, patterns: Sequence[str]) -> Path:
    """The folder of a hub repository in the local cache, fetched where there is a network.

    Raises:
        UserError: it is neither there nor can it be fetched.
    """
    try:
        return Path(snapshot_download(hub_id, allow_patterns=list(patterns)))
    except (HfHubHTTPError, LocalEntryNotFoundError, HFValidationError, OSError):
        raise UserError(
            f"'{hub_id}' is not in the local cache and cannot be fetched; download it where there is a network, or give its "
            "folder: path:DIR."
        ) from None


def _options(text: str, whole: str, **preset: Any) -> LoadOptions:
    options = build(LoadOptions, f"model '{whole}'", {**preset, **(parse_options(text, whole) if text else {})})
    if options.card is not None and options.card not in CARDS:
        raise UnknownName("model card", options.card, CARDS)
    return options


def _load(folder: Path, options: LoadOptions, device: str | None, name: str | None = None) -> Denoiser:
    card, tokenizer = _card(folder, options)
    if name is not None:
        card = replace(card, name=name)
    dtype = getattr(torch, options.dtype or "float32")
    beside = f",block={options.block}" if options.block is not None else ""
    if options.tokenizer is not None:
        beside += f",tokenizer={tokenizer_hash(tokenizer)}"
    place = Placement(device or "cpu", dtype, options.compile, options.device_map == "auto", options.block, beside)
    load = sedd.load if card.architecture == "sedd" else assemble.load
    return load(folder, card, tokenizer, place)


def _card(folder: Path, options: LoadOptions) -> tuple[Card, Tokenizer]:
    """The card that was named, here or in the checkpoint, or the first of its architecture whose special tokens fit."""
    published = read_json(folder / "config.json")
    named = CARDS.get(options.card or published.get(CARD_FIELD, ""))
    architecture = named.architecture if named else _architecture(published, folder)
    cards = [named] if named else [card for card in CARDS.values() if card.architecture == architecture]
    tokenizer = _tokenizer(folder, options, cards[0])
    fitting = [card for card in cards if _fits(tokenizer, card)]
    return (fitting or cards)[0], tokenizer


def _architecture(published: dict[str, Any], folder: Path) -> str:
    if "graph" in published and "model" in published:
        return "sedd"
    names = published.get("architectures")
    if (found := layout_named(names)) is not None:
        return found
    what = f"is a {names[0]}" if isinstance(names, list) and names else "names no architecture"
    known = ", ".join(name for layout in LAYOUTS.values() for name in layout.names[:1])
    raise UserError(
        f"{folder / 'config.json'} {what}, which no native class computes here, and remote code is never run; known: {known}."
    )


def _tokenizer(folder: Path, options: LoadOptions, card: Card) -> Tokenizer:
    if options.tokenizer is not None:
        return read_tokenizer(Path(options.tokenizer).expanduser())
    if card.tokenizer and not (folder / "tokenizer.json").exists():
        return read_tokenizer(fetch(card.tokenizer, ["tokenizer.json"]))
    return read_tokenizer(folder)


def _fits(tokenizer: Tokenizer, card: Card) -> bool:
    try:
        for text in (card.mask, card.pad, *card.ends):
            if text:
                special_id(tokenizer, text, card)
    except UserError:
        return False
    return True
