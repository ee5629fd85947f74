"""From the spec of a decoder or a cache to its value, and whether a model, a decoder and a cache can work together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from parallelbench.contracts.info import ModelInfo, Need, check_names
from parallelbench.decoding import CACHES, DECODERS
from parallelbench.decoding.caches.base import Cache
from parallelbench.decoding.decoder import Decoder
from parallelbench.decoding.user_file import is_user_file, load_user_decoder
from parallelbench.errors import UserError
from parallelbench.specs import build, grid, parse

ALWAYS: frozenset[Need] = frozenset({"logits", "edit"})
"""Needs that every model meets; one that was not trained for "edit" gets a `caution`."""
AUX: frozenset[Need] = frozenset({"aux"})


def load_decoders(spec: str) -> list[Decoder]:
    """Make decoders from `name:key=value,...` or `FILE.py:CLASS:key=value,...`; a list value makes a grid, in order.

    Raises:
        UserError: the name is unknown, a key is unknown or out of range, or the file holds no such decoder (`user_file`).
    """
    cls: type[Decoder]
    if is_user_file(spec):
        cls, options = load_user_decoder(spec)
        name = cls.family.partition("@")[0]
    else:
        name, options = parse(spec, grids=True)
        cls = DECODERS.get(name).load()
    return [build(cls, f"decoder '{name}'", point) for point in grid(options)]


def load_decoder(spec: str) -> Decoder:
    """Make the one decoder that `spec` names.

    Raises:
        UserError: as `load_decoders`, or the text names a grid.
    """
    decoders = load_decoders(spec)
    if len(decoders) != 1:
        raise UserError(f"'{spec}' names {len(decoders)} decoders; give one value for each key here.")
    return decoders[0]


def check_law(info: ModelInfo, task: str, law: str | None) -> None:
    """Refuse a task that the model cannot answer by its nature.

    Raises:
        UserError: the model is computed from the law of the right answers, and the task has none.
    """
    if "law" in info.requires and law is None:
        raise UserError(
            f"{task} has no law of its right answers, so it has no {info.name} model; choose another model or task."
        )


def check_compatibility(
    info: ModelInfo, decoder: Decoder, canvas: int | None, *, aux: bool = False, cache: str | Cache = "none"
) -> None:
    """Refuse a pair that cannot work, with the reason.

    `canvas` is None where every sample has a frame of its own length; `aux` says whether an auxiliary model stands by.

    Raises:
        UserError: the canvas is not a multiple of the block, the model lacks what the decoder needs, its block is fixed, or it
            cannot keep such a cache.
    """
    check_names(Need, decoder.needs, f"the decoder {decoder.family}")
    missing = sorted(decoder.needs - info.offers - ALWAYS - (AUX if aux else frozenset()))
    if missing == ["aux"]:
        raise UserError(f"{decoder.spec} needs an auxiliary model with the same vocabulary; name one with --aux.")
    if missing:
        raise UserError(f"{decoder.spec} needs {', '.join(missing)}, which {info.name} does not offer; choose another model.")
    if "score" in info.requires and not decoder.from_noise:
        raise UserError(f"{info.name} has no mask to start from, so {decoder.family} cannot decode it; use euler or analytic.")
    if decoder.block is not None and canvas is not None and canvas % decoder.block:
        fits = [size for size in range(1, canvas + 1) if canvas % size == 0]
        raise UserError(
            f"{decoder.spec}: a canvas of {canvas} tokens cannot be divided into blocks of {decoder.block}; "
            f"use block={min(fits, key=lambda size: abs(size - (decoder.block or 1)))} or another max_new_tokens."
        )
    if info.block is not None and decoder.block not in (None, info.block):
        raise UserError(f"{info.name} decodes in blocks of {info.block}; leave block out of {decoder.spec}.")
    load_cache(cache).check(info)


def caution(info: ModelInfo, decoder: Decoder) -> str | None:
    """Say what may make a decoder worse on this model although it runs; None where nothing is known."""
    if "edit" in decoder.needs - info.offers:
        return f"{info.name} was not trained to correct visible tokens, which {decoder.family} relies on."
    return None


def load_cache(spec: str | Cache) -> Cache:
    """Make the cache that `name:key=value,...` names; a cache is returned as it is.

    Raises:
        UserError: the name or a key is unknown, or a value is out of range.
    """
    if isinstance(spec, Cache):
        return spec
    name, options = parse(spec)
    cls: type[Cache] = CACHES.get(name).load()
    return build(cls, f"cache '{name}'", options)


class Speaker(Protocol):
    """A denoiser, or the handle of one: what it is, and its vocabulary."""

    @property
    def info(self) -> ModelInfo:
        """What the model is."""

    @property
    def vocabulary(self) -> Callable[[], Mapping[str, int]]:
        """Returns the texts of the tokens and their ids."""


def check_auxiliary(model: Speaker, aux: Speaker) -> None:
    """Refuse an auxiliary model of another vocabulary. One of the two may know tokens beyond the other's last.

    Raises:
        UserError: names the first token that differs.
    """
    main, other = model.info, aux.info
    known, theirs = ({at: text for text, at in one.vocabulary().items()} for one in (model, aux))
    differing = next((at for at in sorted(known.keys() & theirs.keys()) if known[at] != theirs[at]), None)
    if differing is not None:
        what = f"token {differing} is {known[differing]!r} for {main.name} and {theirs[differing]!r} for {other.name}"
    elif not (known and theirs) and main.vocab_size != other.vocab_size:
        what = f"{main.name} has {main.vocab_size} tokens and {other.name} {other.vocab_size}"
    elif other.attention != "causal" and main.mask_id != other.mask_id:
        what = f"the mask is token {main.mask_id} for {main.name} and {other.mask_id} for {other.name}"
    else:
        return
    raise UserError(f"{what}; an auxiliary model needs the same tokenizer.")
