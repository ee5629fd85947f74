"""From the text of a decoder to the value, and from a pair of model and decoder to a verdict before anything runs."""

from __future__ import annotations

from parallelbench.decoding import DECODERS
from parallelbench.decoding.decoder import Decoder
from parallelbench.errors import UserError
from parallelbench.models.base import ModelInfo
from parallelbench.specs import build, grid, parse


def load_decoders(spec: str) -> list[Decoder]:
    """Make decoders from `name:key=value,...`; a list value makes a grid, in the order written.

    Raises:
        UserError: the name is unknown, or a key is unknown or out of range.
    """
    name, options = parse(spec)
    cls: type[Decoder] = DECODERS.get(name).load()
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


def check_pair(info: ModelInfo, decoder: Decoder, canvas: int) -> None:
    """Refuse a pair that cannot work, with the reason.

    Raises:
        UserError: the canvas is not a multiple of the block, the model lacks what the decoder needs, or its block is fixed.
    """
    missing = sorted(decoder.needs - info.offers)
    if missing:
        raise UserError(f"{decoder.spec} needs {', '.join(missing)}, which {info.name} does not offer; choose another model.")
    if decoder.block is not None and canvas % decoder.block:
        fits = [size for size in range(1, canvas + 1) if canvas % size == 0]
        raise UserError(
            f"{decoder.spec}: a canvas of {canvas} tokens cannot be divided into blocks of {decoder.block}; "
            f"use block={min(fits, key=lambda size: abs(size - (decoder.block or 1)))} or another max_new_tokens."
        )
    if info.block is not None and decoder.block not in (None, info.block):
        raise UserError(f"{info.name} decodes in blocks of {info.block}; leave block out of {decoder.spec}.")
