"""Masks as decoders leave them: each order occurs, and leaves what a decoder that fills in this order leaves."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from tokenizers import Tokenizer
from torch import Tensor

from parallelbench.tasks import load_task
from parallelbench.training.data import Encoder
from parallelbench.training.masks import ORDERS, Order, draw_mask_in_order, units
from parallelbench.training.recipe_tiny2 import LIST_ORDERS, PUZZLE_ORDERS, TINY2

ROWS = 400


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    tokenizer: Tokenizer = TINY2.tokenizer()
    return Encoder(tokenizer, TINY2.card)


def canvas(encoder: Encoder, name: str, words: bool) -> tuple[Tensor, Tensor, dict[Order, Tensor]]:
    """The tokens of a right answer, which may be masked, and the numbers of their units, each repeated for `ROWS` rows."""
    task = load_task(name)
    _, tokens, free = encoder.row(task.sample(3, 1, 0), task.max_new_tokens, task.infill, words)
    of = [[token in kind for token in tokens] for kind in (encoder.words, encoder.breaks, {encoder.end})]
    numbers = dict(zip(("slots", "rows", "columns"), units(*of), strict=True))
    numbered = {key: torch.tensor([value] * ROWS) for key, value in {"tokens": tokens, **numbers}.items()}
    return torch.tensor([tokens] * ROWS), torch.tensor([free] * ROWS), numbered  # type: ignore[return-value]


def masks(encoder: Encoder, name: str, order: Order, words: bool = True) -> tuple[Tensor, Tensor, dict[Order, Tensor]]:
    _, free, numbered = canvas(encoder, name, words)
    return draw_mask_in_order(numbered, free, {order: 1.0}, torch.Generator().manual_seed(5)), free, numbered


def in_part(masked: Tensor, free: Tensor, unit: Tensor) -> list[int]:
    """For each row the number of units of which some free positions are masked and some are not."""
    found = []
    for row in range(len(masked)):
        shares = [masked[row][free[row] & (unit[row] == one)].double().mean() for one in set(unit[row][free[row]].tolist())]
        found.append(sum(0 < float(share) < 1 for share in shares))
    return found


UNITS: list[tuple[str, Order, int]] = [
    ("puzzle/latin_square_n4", "rows", 4), ("puzzle/latin_square_n4", "columns", 4), ("puzzle/latin_square_n4", "tokens", 4),
    ("puzzle/sudoku_n4_12", "rows", 4), ("puzzle/sudoku_n4_12", "columns", 4),
    ("waiting_line/copy:lengths=[5]", "slots", 5), ("list_ops/copy:lengths=[6],items=numbers,infill=false", "slots", 6),
    ("list_ops/copy:lengths=[6],items=numbers", "slots", 6),
]  # fmt: skip


@pytest.mark.parametrize(("name", "order", "count"), UNITS)
def test_at_most_one_unit_is_masked_in_part(encoder: Encoder, name: str, order: Order, count: int) -> None:
    masked, free, numbered = masks(encoder, name, order)
    unit = numbered[order]
    assert len(set(unit[0][free[0]].tolist())) == count
    assert not masked[~free].any() and masked.any(1).all()
    assert max(in_part(masked, free, unit)) == 1
    first = [unit[row][masked[row]].tolist() for row in range(ROWS)]
    assert {one for row in first for one in row if len(set(row)) == 1} == set(unit[0][free[0]].tolist())  # each is the last
    random, *_ = masks(encoder, name, "positions")
    assert max(in_part(random, free, unit)) > 2


def test_from_the_left_what_is_masked_is_the_end(encoder: Encoder) -> None:
    masked, free, _ = masks(encoder, "waiting_line/copy:lengths=[4]", "left_to_right", words=False)
    assert free.all() and all(row == sorted(row) for row in masked.tolist())
    assert len({int(row.sum()) for row in masked}) > 20


def test_marks_belong_to_the_slot_before_them_and_end_tokens_are_one_slot(encoder: Encoder) -> None:
    masked, free, numbered = masks(encoder, "waiting_line/copy:lengths=[3]", "slots", words=False)
    tokens = canvas(encoder, "waiting_line/copy:lengths=[3]", False)[0][0]
    slots = numbered["slots"][0]
    assert len(set(slots[tokens == encoder.end].tolist())) == 1
    assert len(set(slots[tokens != encoder.end].tolist())) == 1 + 3 and int(slots[0]) == 0 != int(slots[1])  # [" comes first
    assert max(in_part(masked, free, numbered["slots"])) == 1


@pytest.mark.parametrize(("weights", "name"), [(LIST_ORDERS, "waiting_line/copy"), (PUZZLE_ORDERS, "puzzle/latin_square_n4")])
def test_every_order_of_a_mixture_occurs_as_often_as_its_weight(
    encoder: Encoder, weights: dict[Order, float], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, free, numbered = canvas(encoder, name, True)
    drawn: list[Tensor] = []
    multinomial: Callable[..., Tensor] = torch.multinomial

    def watched(*args: object, **options: object) -> Tensor:
        drawn.append(multinomial(*args, **options))
        return drawn[-1]

    monkeypatch.setattr(torch, "multinomial", watched)
    draw_mask_in_order(numbered, free, weights, torch.Generator().manual_seed(1))
    names = [order for order in ORDERS if order in weights]
    counts = torch.bincount(drawn[0], minlength=len(names)) / ROWS
    expected = torch.tensor([weights[order] for order in names]) / sum(weights.values())
    assert float((counts - expected).abs().max()) < 0.08


def test_the_number_of_masks_is_uniform_in_every_order(encoder: Encoder) -> None:
    for order in ORDERS:
        masked, free, _ = masks(encoder, "puzzle/latin_square_n4", order)
        counts = torch.bincount(masked.sum(1), minlength=17)[1:].double()
        assert int(free[0].sum()) == 16 and float(((counts - ROWS / 16) ** 2 / (ROWS / 16)).sum()) < 37.7  # 15 degrees, .999
