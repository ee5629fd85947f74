"""From a name to a handle: the checkpoint in the package, in a folder, or on the hub. `handle.load()` reads the weights."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from parallelbench.contracts.denoiser import Denoiser
from parallelbench.contracts.handle import DenoiserHandle
from parallelbench.errors import UserError
from parallelbench.files import split_path
from parallelbench.models.adapter_files import CONFIG, Adapter, check_base, read_adapter
from parallelbench.models.cards import CARD_FIELD, CARDS, Card
from parallelbench.models.codec import ChatCodec, special_id
from parallelbench.models.described import Described, Source, describe_checkpoint, notes
from parallelbench.models.digests import weights_digest
from parallelbench.models.headers import INDEX, WHOLE
from parallelbench.models.json_files import read_json
from parallelbench.models.layouts import LAYOUTS, layout_named
from parallelbench.models.model_options import LoadOptions, adapt, read_options
from parallelbench.models.sedd_files import DescribedSedd, describe_sedd
from parallelbench.models.tokenizer_files import read_tokenizer
from parallelbench.specs import split_head

SHIPPED = Path(str(files("parallelbench.models")))
REPOSITORY = re.compile(r"models--(?P<owner>[^/]+?)--(?P<name>[^/]+)")


def shipped_folder(name: str) -> Path:
    """The folder of a model that ships with the package; it may be missing."""
    return SHIPPED / name.replace("-", "_")


def describe_tiny(rest: str, device: str | None = None, card: str = "tiny") -> DenoiserHandle:
    """Describe a model that ships with the package.

    Raises:
        UserError: its weights are not in the package, or an option is wrong.
    """
    folder = shipped_folder(card)
    if not (folder / WHOLE).is_file():
        raise UserError(
            f"the weights of {card} are not in this package; make them with 'parallelbench train {card} -o DIR' and run "
            "-m path:DIR."
        )
    return handle(Source(folder, read_options(rest, f"{card}:{rest}", card=card), device or "cpu"), name=card)


def describe_path(rest: str, device: str | None = None) -> DenoiserHandle:
    """Describe a checkpoint folder.

    Raises:
        UserError: no folder is named, there is none, or its files are not those of a checkpoint.
    """
    text, options = split_path(rest)
    folder = Path(text).expanduser()
    if not text or not folder.is_dir():
        raise UserError(f"there is no checkpoint folder '{text}'; write path:DIR with the folder that holds config.json.")
    if (folder / CONFIG).is_file() and not (folder / "config.json").is_file():
        raise UserError(f"{folder} is an adapter and no checkpoint; run it on its base: -m path:BASE,adapter={folder}.")
    whole = folder.resolve()
    found = REPOSITORY.fullmatch(whole.parent.parent.name) if whole.parent.name == "snapshots" else None
    name = f"{found['owner']}/{found['name']}" if found else whole.name
    return handle(Source(folder, read_options(options, f"path:{rest}"), device or "cpu", str(whole)), name)


def describe_hub(rest: str, device: str | None = None, card: str = "") -> DenoiserHandle:
    """Describe published weights, in the hub's cache or on the hub; without the weights only small files are fetched.

    `rest` are options where a card is preset, else `ORG/NAME[@REVISION][,options]`.

    Raises:
        UserError: they are neither in the cache nor can they be fetched.
    """
    from parallelbench.models import hub

    head, text = (CARDS[card].hub_id, rest) if card else split_head(rest, ",")
    hub_id, revision = hub.split_revision(head)
    known = card or next((name for name, one in CARDS.items() if one.hub_id.lower() == hub_id.lower() != ""), None)
    options = read_options(text, f"{card or 'hf'}:{rest}", **({"card": known} if known else {}))
    device = _hub_device(options, device)
    if options.dtype is None:
        options = options.model_copy(update={"dtype": "bfloat16" if device.startswith("cuda") else "float32"})
    name = known or hub_id
    folder = hub.fetch(hub_id, hub.SMALL, revision)
    if (folder / INDEX).is_file() and _complete(folder):
        return handle(Source(folder, options, device), name)
    if (folder / WHOLE).is_file():
        return handle(Source(folder, options, device), name)
    headers = hub.remote_headers(hub_id, folder, revision)
    described = handle(Source(folder, options, device, headers=headers), name)

    def load() -> Denoiser:
        whole = hub.fetch(hub_id, hub.WHOLE, revision)
        return _load(_describe(Source(whole, options, device), name))

    return DenoiserHandle(described.info, load, described.codec_for, described.vocabulary, described.notes, folder)


def handle(source: Source, name: str) -> DenoiserHandle:
    """The handle of a checkpoint folder, listed under `name`.

    Raises:
        UserError: its files are not those of a checkpoint that a native class computes.
    """
    described = _describe(source, name)
    codec = ChatCodec(described.tokenizer, described.card)
    return DenoiserHandle(
        described.info,
        partial(_load, described),
        lambda sample: codec,
        lambda: described.tokenizer.get_vocab(),
        notes(source.folder) if described.adapter is None else (),
        source.folder,
    )


def _describe(source: Source, name: str) -> Described | DescribedSedd:
    card, tokenizer = _card(source.folder, source.options)
    adapter = None if source.options.adapter is None else read_adapter(Path(source.options.adapter).expanduser())
    listed = name if adapter is None else f"{name}+{adapter.folder.resolve().name}"
    adapted = adapt(card, source.options, listed)
    describe = describe_sedd if card.architecture == "sedd" else describe_checkpoint
    described: Described | DescribedSedd = describe(source, adapted, tokenizer)
    return described if adapter is None else _adapted(described, adapter, name)


def _adapted(base: Described | DescribedSedd, adapter: Adapter, name: str) -> Described | DescribedSedd:
    """A base with an adapter, which is in the revision, so that its results are kept apart.

    Raises:
        UserError: the adapter is of another base.
    """
    compared = adapter.base_digest and base.source.headers is None  # before a download there is nothing to compare
    check_base(adapter, base.headers, weights_digest(base.source.folder) if compared else None, name)
    revision = f"{base.info.revision},adapter={adapter.digest}"
    return replace(
        base, adapter=adapter, info=replace(base.info, revision=revision, tuned=f"adapter {adapter.folder.resolve()}")
    )


def _load(described: Described | DescribedSedd) -> Denoiser:
    if isinstance(described, DescribedSedd):
        from parallelbench.models import sedd

        return sedd.load(described)
    from parallelbench.models import assemble

    return assemble.load(described)


def _card(folder: Path, options: LoadOptions) -> tuple[Card, Tokenizer]:
    """The card that was named, by the user or in the checkpoint, else one of its architecture whose special tokens are there.

    Of several it is that of the repository that the folder is called after, else the first.
    """
    path = folder / "config.json"
    published = read_json(path)
    said = published.get(CARD_FIELD)
    named = CARDS.get(options.card or (said if isinstance(said, str) else ""))
    architecture = named.architecture if named else _architecture(published, path)
    cards = [named] if named else [card for card in CARDS.values() if card.architecture == architecture]
    tokenizer = _tokenizer(folder, options, cards[0])
    fitting = [card for card in cards if _fits(tokenizer, adapt(card, options.model_copy(update={"template": None}), None))]
    called = folder.resolve()
    names = {called.name.lower(), called.parent.parent.name.rpartition("--")[2].lower()}
    alike = [card for card in fitting if card.hub_id.rpartition("/")[2].lower() in names]
    return (alike or fitting or cards)[0], tokenizer


def _architecture(published: dict[str, Any], path: Path) -> str:
    if "graph" in published and "model" in published:
        return "sedd"
    names = published.get("architectures")
    if (found := layout_named(names)) is not None:
        return found
    what = f"is a {names[0]!s:.60}" if isinstance(names, list) and names else "names no architecture"
    known = ", ".join(name for layout in LAYOUTS.values() for name in layout.names[:1])
    raise UserError(f"{path} {what}, which no native class computes here, and remote code is never run; known: {known}.")


def _tokenizer(folder: Path, options: LoadOptions, card: Card) -> Tokenizer:
    if options.tokenizer is not None:
        return read_tokenizer(Path(options.tokenizer).expanduser())
    if card.tokenizer and not (folder / "tokenizer.json").exists():
        from parallelbench.models import hub

        return read_tokenizer(hub.fetch(card.tokenizer, ["tokenizer.json"]))
    return read_tokenizer(folder)


def _fits(tokenizer: Tokenizer, card: Card) -> bool:
    try:
        for text in (card.mask, card.pad, *card.ends):
            if text:
                special_id(tokenizer, text, card)
    except UserError:
        return False
    return True


def _hub_device(options: LoadOptions, device: str | None) -> str:
    """Where published weights run; spread over all devices, where their first layers are."""
    if device is None and options.device_map == "auto":
        import torch

        return "cuda:0" if torch.cuda.is_available() else "cpu"
    return device or "cpu"


def _complete(folder: Path) -> bool:
    """Whether every file that the index names is in the local cache."""
    names = read_json(folder / INDEX, 64 << 20).get("weight_map")
    return isinstance(names, dict) and all((folder / str(name)).is_file() for name in names.values())
