"""Measured accuracy of every decoder that has a closed form, through the real engine, within 99.9 % of the formula."""

from __future__ import annotations

import agreement
import pytest
from agreement import GRID, measure
from decoder_settings import SETTINGS

from parallelbench.analysis.stats import Interval
from parallelbench.theory.closed_form import DRAW_DEPENDENT, DRAW_INDEPENDENT
from thinned import thinned


def test_the_grid_is_wide() -> None:
    assert len(set(GRID)) == len(GRID) >= 40
    assert {spec.partition(":")[0] for _, _, spec in GRID} == {*DRAW_DEPENDENT, *DRAW_INDEPENDENT} <= set(SETTINGS)


@pytest.mark.parametrize(("task", "n", "spec"), thinned(GRID, 2), ids=lambda value: str(value).replace(" ", "_"))
def test_a_thousand_decodes_agree_with_the_closed_form(task: str, n: int, spec: str) -> None:
    found = measure(task, n, spec, 1000)
    assert found.agrees, found


def test_another_order_is_told_apart() -> None:
    """The check has power: on Replace Random at temperature 1 ranking by the drawn token is not a random order."""
    ranked, free = (measure("replace_random", 10, f"{name}:k=2,temperature=1", 1000) for name in ("confidence", "random"))
    assert not ranked._replace(expected=free.expected).agrees
    assert not free._replace(expected=ranked.expected).agrees
    assert not agreement.Found(0.5, 0.4, Interval(0.35, 0.45)).agrees


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_twenty_thousand_decodes_agree_and_print_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        assert agreement.table(20_000) == 0
