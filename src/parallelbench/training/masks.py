"""Draws which tokens of a canvas are masked in training: what is left at some moment of decoding it in a certain order.

A decoder that fills a Latin square row by row leaves canvases that hardly ever occur when positions are masked at random, and a
model that was trained on random masks alone fails on them. So the order is drawn too:

* positions: in random order;
* tokens: all positions of one token before those of the next, as when a decoder commits all fours of a square first;
* slots: item after item of a list, in random order; a slot is a run of words and numbers, with the marks after it;
* rows, columns: line after line of a puzzle, or column after column, in random order;
* left_to_right: from the left.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Literal, get_args

import torch
from torch import Tensor

Order = Literal["positions", "tokens", "slots", "rows", "columns", "left_to_right"]
ORDERS: tuple[Order, ...] = get_args(Order)

SAME_UNIT = 1e-4  # positions of the same unit get sort keys that differ by at most this; keys are between 0 and 1

Units = tuple[list[int], list[int], list[int]]
"""For each token of a canvas the numbers of its slot, row and column."""


def units(words: Sequence[bool], breaks: Sequence[bool], ends: Sequence[bool]) -> Units:
    """Number the slots, rows and columns of a canvas, by which of its tokens are words, line breaks and end tokens."""
    starts = [False, *(after and not before for before, after in pairwise(words))]
    slots, rows, columns = [], [], []
    slot = row = column = 0
    for begins, line_break, end in zip(starts, breaks, ends, strict=True):
        slot += begins
        slots.append(len(words) if end else slot)  # the end tokens are one slot of their own
        rows.append(row)
        columns.append(column)
        row, column = (row + 1, 0) if line_break else (row, column + 1)
    return slots, rows, columns


def draw_mask(target: Tensor, free: Tensor, generator: torch.Generator, word_by_word: bool = False) -> Tensor:
    """Mask n ~ U{1..A} of each row's A free canvas positions, [B, A].

    With `word_by_word`, every second row masks all positions of one token of `target` [B, A] before those of the next token,
    with the tokens in random order.
    """
    count = _counts(free, generator)
    keys = torch.rand(free.shape, generator=generator)
    if word_by_word:
        keys[::2] = _by_unit(target, keys, generator)[::2]
    return _first(count, keys, free)


def draw_mask_in_order(
    numbered: Mapping[Order, Tensor], free: Tensor, weights: Mapping[Order, float], generator: torch.Generator
) -> Tensor:
    """Mask n ~ U{1..A} of each row's A free canvas positions, [B, A]: those that an order fills last.

    Args:
        numbered: for "tokens", "slots", "rows" and "columns" the number of each position's unit, [B, A].
        free: which positions may be masked, [B, A].
        weights: with which weights the order of each row is drawn.
    """
    count = _counts(free, generator)
    keys = torch.rand(free.shape, generator=generator)
    names = [name for name in ORDERS if name in weights]
    chosen = torch.multinomial(torch.tensor([weights[name] for name in names]), len(free), True, generator=generator)
    from_the_right = torch.linspace(1, 0, free.shape[1]).expand(free.shape)
    for number, name in enumerate(names):
        if name in numbered:
            keys = torch.where((chosen == number)[:, None], _by_unit(numbered[name], keys, generator), keys)
        elif name == "left_to_right":
            keys = torch.where((chosen == number)[:, None], from_the_right, keys)
    return _first(count, keys, free)


def _counts(free: Tensor, generator: torch.Generator) -> Tensor:
    return (torch.rand(len(free), 1, generator=generator) * free.sum(1, keepdim=True)).floor() + 1


def _by_unit(unit: Tensor, keys: Tensor, generator: torch.Generator) -> Tensor:
    """Sort keys that order positions by unit, units at random, and positions within a unit as before."""
    return torch.rand(len(unit), int(unit.max()) + 1, generator=generator).gather(1, unit) + keys * SAME_UNIT


def _first(count: Tensor, keys: Tensor, free: Tensor) -> Tensor:
    """The `count` free positions of each row with the smallest keys."""
    return keys.masked_fill(~free, 2.0).argsort(1).argsort(1) < count
