"""The exact model with one token for each item: an answer is items and pieces of format in turn, then end tokens.

The law of a sample is the distribution of its right answers, as strings of symbols; a symbol is an item (`theory`). A piece of
format is the text before, between or after the items; each has one token too. Token ids: 0 mask, 1 end, 2 padding, then the
symbols of the law in their order, then the pieces of format. So samples that differ only in the names of their items have the
same right answers in token ids.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from parallelbench.contracts.denoiser import Codec
from parallelbench.contracts.forward import Ints
from parallelbench.errors import UserError
from parallelbench.models.exact import Answers, Floats, Scheme, Special
from parallelbench.schema import MASK_ITEM, Sample, Turn
from parallelbench.theory import UNKNOWN, Law, law, law_of_sample, shape_of_sample

SPECIAL = Special(mask=0, end=1, pad=2)
NAMES = ("<|mask|>", "<|end|>", "<|pad|>")


class ItemScheme(Scheme):
    """One token for each item; `size` is that of the vocabulary: a sample may need at most so many different tokens."""

    special = SPECIAL
    revision = "items"

    def __init__(self, size: int) -> None:
        self.size = size

    def codec(self, sample: Sample) -> Codec:
        codec = ItemCodec(sample)
        if len(codec.texts) > self.size:
            raise UserError(
                f"{sample.id} needs {len(codec.texts)} different tokens, but the exact model has {self.size}; "
                f"write exact:vocabulary={1 << len(codec.texts).bit_length()}."
            )
        return codec

    def key(self, sample: Sample) -> Any:
        return _law_key(sample), sample.frame

    def answers(self, sample: Sample, length: int) -> Answers:
        right = _law(_law_key(sample))
        return ItemAnswers(right, _layout(str(sample.frame), len(right.alphabet), length))


class ItemCodec(Codec):
    """Encodes and decodes with the tokens of one sample: its items and its pieces of format."""

    def __init__(self, sample: Sample) -> None:
        self.texts = (*NAMES, *law_of_sample(str(sample.law), sample.facts).alphabet, *_pieces(str(sample.frame)))
        self._ids = {text: token for token, text in reversed(list(enumerate(self.texts)))}
        self._longest_first = sorted(self._ids, key=len, reverse=True)

    def encode_chat(self, turns: Sequence[Turn]) -> tuple[list[int], str]:
        return [], "\n\n".join(turn.text for turn in turns)

    def encode(self, text: str) -> list[int]:
        ids = []
        while text:
            piece = next((piece for piece in self._longest_first if text.startswith(piece)), None)
            if piece is None:
                raise ValueError(f"{text!r} does not begin with an item or a piece of format")
            ids.append(self._ids[piece])
            text = text[len(piece) :]
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        return "".join(self.texts[token] if token < len(self.texts) else NAMES[SPECIAL.pad] for token in ids)


class ItemAnswers(Answers):
    """The strings of a law, written into the slots of a frame (the text with an item's place marked by `MASK_ITEM`).

    `layout` [W] holds for each canvas position a fixed token, or -1 - j where position j of the law's string is written.
    """

    def __init__(self, law: Law, layout: Ints) -> None:
        self._law = law
        self._layout = layout
        self._slots = np.flatnonzero(layout < 0)
        self._positions = -1 - layout[self._slots]

    def marginals(self, canvases: Ints, row: Ints, column: Ints) -> tuple[Ints, Ints, Floats]:
        contexts = np.full((len(canvases), self._law.positions), UNKNOWN)
        tokens = canvases[:, self._slots]
        symbols = tokens - len(NAMES)  # tokens that are no items are outside the alphabet
        foreign = len(self._law.alphabet)
        contexts[:, self._positions] = np.where(tokens == SPECIAL.mask, UNKNOWN, np.where(symbols < 0, foreign, symbols))
        by_symbol = self._law.marginals_batch(contexts)
        what = self._layout[column]
        fixed, free = np.flatnonzero(what >= 0), np.flatnonzero(what < 0)
        mass = by_symbol[row[free], -1 - what[free]]
        at, symbol = np.nonzero(mass)
        which = np.concatenate([fixed, free[at]])
        token = np.concatenate([what[fixed], symbol + len(NAMES)])
        return which, token, np.concatenate([np.ones(len(fixed)), mass[at, symbol]])


def _pieces(frame: str) -> list[str]:
    """The different pieces of format, in order of appearance."""
    return list(dict.fromkeys(piece for piece in frame.split(MASK_ITEM) if piece))


def _layout(frame: str, symbols: int, length: int) -> Ints:
    """The layout of a canvas (see `ItemAnswers`), [length]; longer answers are cut off, end tokens follow shorter ones."""
    token = {piece: len(NAMES) + symbols + i for i, piece in enumerate(_pieces(frame))}
    places: list[int] = []
    for slot, piece in enumerate(frame.split(MASK_ITEM)):
        places += [-slot] if slot else []
        places += [token[piece]] if piece else []
    places += [SPECIAL.end] * (length - len(places))
    return np.asarray(places[:length], dtype=np.int64)


def _law_key(sample: Sample) -> tuple[Any, ...]:
    """The values that determine a sample's law except for the names of its symbols."""
    shape = tuple(shape_of_sample(str(sample.law), sample.facts).values())
    if sample.law != "deterministic":
        return shape
    answer = law_of_sample("deterministic", sample.facts).support()[0][0]
    return *shape, tuple(answer.tolist())


@lru_cache(1024)
def _law(key: tuple[Any, ...]) -> Law:
    """The law of a key, with numbers as the names of its symbols."""
    name, size, must_differ, *answer = key
    if name == "deterministic":
        return law_of_sample(name, {"expected": [str(symbol) for symbol in answer[0]]})
    return law(name, size, must_differ=must_differ)
