"""Values of a parametrized test of which an ordinary run takes a part; the others are `slow`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def thinned(values: Iterable[Any], every: int) -> list[Any]:
    """Return all values, of which only the first and every `every`-th after it belong to an ordinary run."""
    return [value if place % every == 0 else _slow(value) for place, value in enumerate(values)]


def _slow(value: Any) -> Any:
    return pytest.param(*(value if isinstance(value, tuple) else (value,)), marks=pytest.mark.slow)
