"""Draws people: with names that are all different, or with names from larger pools that people share."""

from __future__ import annotations

import random
from functools import cache

from parallelbench.tasks.english import table
from parallelbench.tasks.lists import names


def draw_people(rng: random.Random, count: int) -> list[str]:
    """Draw full names; all first names and all last names differ, so that either part identifies the person."""
    first, last = names()
    return [f"{a} {b}" for a, b in zip(rng.sample(first, count), rng.sample(last, count), strict=True)]


@cache
def more_names() -> dict[str, list[str]]:
    """The names that only the larger pools hold: first names, last names, and names that are both."""
    return dict(table("names_wide.yaml"))


@cache
def wide_names() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The first and the last names of the larger pools; some names are in both."""
    (first, last), more = names(), more_names()
    return (*first, *more["first"], *more["both"]), (*last, *more["last"], *more["both"])


def draw_relatives(rng: random.Random, count: int, distinct_last: bool) -> list[str]:
    """Draw different full names from the larger pools, in which two thirds as many first and last names as people are used.

    With `distinct_last` all last names differ, so that these alone determine an order.
    """
    every_first, every_last = wide_names()
    few = (2 * count + 2) // 3
    first = rng.sample(every_first, few)
    last = rng.sample(every_last, count if distinct_last else few)
    if distinct_last:
        return [f"{rng.choice([name for name in first if name != family])} {family}" for family in last]
    people = [f"{a} {b}" for a in first for b in last if a != b]
    if len(people) < count:  # two names that are both first and last name leave two of four people
        return draw_relatives(rng, count, distinct_last)
    return rng.sample(people, count)
