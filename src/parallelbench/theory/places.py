"""Replace, Insert and Remove at a random place when the tokens to keep are chosen after the draw: exact, without enumeration.

A hidden place r, uniform over m places, determines every token (`lists.PlaceLaw`). The kept tokens narrow r to a shorter run
of places, and every token outside the run is then certain. So the state is the number m of places that are still possible.

* Replace: if the new word was drawn anywhere, one such token is kept; otherwise all but one of the old items are kept. In
  both cases the next forward is certain. So V(m, 1) is the probability of exactly one new word, and V(m, T) = 1 from T = 2 on.
* Remove: position i shows the item before the gap (B: r > i) or after it (A: r <= i). Unless the draws already form an answer,
  a B with an A right behind it, an A at the first or a B at the last position determines r: V(m, T) = 1 from T = 2 on.
* Insert: a position shows B, the word W, or A. A W determines r. Without one, a B at i and an A at j >= i + 2 leave j - i - 1
  places (the ends count as B and A), and the shortest such run is kept.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from functools import lru_cache

from parallelbench.errors import UserError

INSERT_LIMIT = 40
BEFORE, WORD, AFTER = "B", "W", "A"
Odds = tuple[Mapping[str, float], ...]


def place_after_draw(name: str, n: int, forwards: int, temperature: float = 1.0) -> float:
    """Return the highest expected accuracy within this many forwards, chosen after the draw.

    `name` is "replace_random", "insert_random" or "remove_random", n the number of items in the list.

    Raises:
        UserError: n is out of range, or the temperature is neither 0 nor 1.
    """
    if temperature not in (0.0, 1.0):
        raise UserError(f"the temperature is {temperature:g}, but the values are known at 0 and at 1.")
    if n < 1 or forwards < 1:
        raise UserError("a list has at least one item and a decode at least one forward.")
    if name == "replace_random":
        return 1.0 if forwards > 1 else _one_word(n, temperature)
    if name == "remove_random":
        return 1.0 if forwards > 1 else _answers(_odds(n, temperature, word=False), word=False)
    if name != "insert_random":
        raise UserError(f"{name} has no random place; choose replace_random, insert_random or remove_random.")
    if n + 1 > INSERT_LIMIT:
        raise UserError(f"insert_random is solved up to {INSERT_LIMIT - 1} items; give a smaller n.")
    return _insert(n + 1, forwards, temperature)


def _one_word(n: int, temperature: float) -> float:
    """P(exactly one of n positions draws the word, which each expects with 1/n)."""
    chance = 1 / n if temperature else (1.0 if n == 1 else 0.5 if n == 2 else 0.0)
    return float(n * chance * (1 - chance) ** (n - 1))


def _odds(places: int, temperature: float, word: bool) -> Odds:
    """What each uncertain position may draw: with a word there are as many as places, without one fewer."""
    rows = []
    for i in range(places if word else places - 1):
        counts = {BEFORE: places - 1 - i, WORD: 1, AFTER: i} if word else {BEFORE: places - 1 - i, AFTER: i + 1}
        if not temperature:
            most = max(counts.values())
            counts = {symbol: int(count == most) for symbol, count in counts.items()}
        total = sum(counts.values())
        rows.append({symbol: count / total for symbol, count in counts.items() if count})
    return tuple(rows)


def _answers(odds: Odds, word: bool) -> float:
    """P(the draws form a right answer): B up to the place, the word there if there is one, A behind it."""
    total = 0.0
    for place in range(len(odds) + (not word)):
        chance = 1.0
        for i, row in enumerate(odds):
            chance *= row.get(BEFORE if i < place else WORD if word and i == place else AFTER, 0.0)
        total += chance
    return total


@lru_cache(16384)
def _insert(places: int, forwards: int, temperature: float) -> float:
    if forwards == 0:
        return 0.0
    if places == 1:
        return 1.0
    odds = _odds(places, temperature, word=True)
    whole = _answers(odds, word=True)
    if forwards == 1:
        return whole
    shortest = _shortest_run(odds)
    with_word = 1.0 - sum(shortest.values()) - whole
    return min(1.0, whole + with_word + sum(p * _insert(run, forwards - 1, temperature) for run, p in shortest.items()))


def _shortest_run(odds: Odds) -> dict[int, float]:
    """P(no word is drawn, and the shortest run of places that can be kept is this long).

    Goes through the positions j with the shortest run so far, the last B at j - 2 or before, and whether there is a B at j - 1;
    the ends count as a B before the first position and an A after the last.
    """
    places = len(odds)
    states: dict[tuple[int, int | None, bool], float] = {(places, None, True): 1.0}
    for j, row in enumerate(odds):
        following: dict[tuple[int, int | None, bool], float] = defaultdict(float)
        for (shortest, last, behind), chance in states.items():
            for symbol in (BEFORE, AFTER):
                if p := row.get(symbol, 0.0):
                    run = places if symbol == BEFORE or last is None else j - last - 1
                    following[min(shortest, run), j - 1 if behind else last, symbol == BEFORE] += chance * p
        states = following
    runs: dict[int, float] = defaultdict(float)
    for (shortest, last, _), chance in states.items():
        runs[shortest if last is None else min(shortest, places - last - 1)] += chance
    return dict(runs)
