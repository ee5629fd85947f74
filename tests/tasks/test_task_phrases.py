"""Templates of phrases: alternatives, facts, tidy spaces, and a mistake in a bracket is found when it is read."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parallelbench.tasks.phrases import parse, tidy, write


def written(template: str, told: tuple[str, ...] = (), **values: str) -> set[str]:
    return {write(template, random.Random(seed), values, told) for seed in range(40)}


def test_alternatives_are_drawn_and_may_be_empty_and_nested() -> None:
    assert written("[a|b[ c|]] d") == {"A d", "B d", "B c d"}
    assert written("x[ y| {z}|].", z="w") == {"X y.", "X w.", "X."}


def test_a_fact_that_was_not_told_is_not_written() -> None:
    template = "{a} is late<why:, because {b}>."
    assert written(template, a="Ida", b="it snows") == {"Ida is late."}
    assert written(template, ("why",), a="Ida", b="it snows") == {"Ida is late, because it snows."}


def test_sentences_begin_with_a_capital_and_spaces_are_single() -> None:
    assert tidy("  the end .  is it ?  yes , it is!") == "The end. Is it? Yes, it is!"


def test_used_fields_are_reported_in_order() -> None:
    used: list[str] = []
    assert write("{b} and {a}", random.Random(0), {"a": "x", "b": "y"}, used=used) == "Y and x"
    assert used == ["b", "a"]


@pytest.mark.parametrize("template", ["[a|b", "a]", "<why:a", "a>b|c]", "{a", "a}", "[a|<why:b]>"])
def test_brackets_must_match(template: str) -> None:
    with pytest.raises(ValueError, match="brackets do not match"):
        parse(template)


@given(st.text(alphabet="abc .,", min_size=1, max_size=30))
def test_text_without_brackets_is_written_as_it_is(text: str) -> None:
    assert write(text, random.Random(0), {}).lower() == tidy(text).lower()
