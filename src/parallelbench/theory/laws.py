"""Laws by name: `law("shuffle", 10, must_differ=True)`; and the law of one sample's answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from parallelbench.errors import UnknownName, UserError
from parallelbench.theory import lists, puzzles
from parallelbench.theory.base import Law
from parallelbench.theory.shuffle import Shuffle

DETERMINISTIC = ("copy", "reverse", "sort", "replace_index", "insert_index", "remove_index")
RANDOM = ("shuffle", "replace_random", "insert_random", "remove_random")
PUZZLES = ("latin_square", "sudoku")
LAWS = DETERMINISTIC + RANDOM + PUZZLES


def law(
    name: str, n: int | None = None, *, items: Sequence[str] | None = None, word: str = "new", index: int = 0,
    must_differ: bool = False, puzzle: str | None = None,
) -> Law:  # fmt: skip
    """Make the law of a task.

    Args:
        name: one of `LAWS`.
        n: the number of items of the list, or rows of the grid; may be left out where `items` or `puzzle` says it.
        items: distinct names of the items in input order ("1".."n"); their alphabetical order is what sort asks for.
        word: the name of the new item of replace and insert.
        index: the place of the index operations, counted from 0.
        must_differ: shuffle only: the order of the input is a wrong answer.
        puzzle: sudoku only: the grid, 0 where empty (default: all cells empty).

    Raises:
        UserError: the name is unknown, n is missing or too small, the items repeat, or the index is outside the list.
    """
    if name not in LAWS:
        raise UnknownName("law", name, LAWS)
    if name == "sudoku":
        return puzzles.sudoku(puzzle if puzzle is not None else "0" * (n or 4) ** 2)
    count = len(items) if n is None and items is not None else n
    if count is None:
        raise UserError(f"the law of {name} needs its size; add it, for example law('{name}', 4).")
    if name == "latin_square":
        return puzzles.latin_square(count, items)
    names = _names(name, count, items, word)
    if name == "shuffle":
        return Shuffle(names, must_differ)
    if name == "remove_random":
        return lists.remove_random(names)
    if name in RANDOM:
        return (lists.replace_random if name == "replace_random" else lists.insert_random)(names, word)
    return lists.Deterministic(_answer(name, names, index), [*names, word])


def law_of_sample(name: str, facts: Mapping[str, Any]) -> Law:
    """Make the law of one sample's right answers from `Task.law` and `Sample.facts`.

    `name` is "deterministic" (reads facts `expected`, or `solution` as lines of digits), "shuffle" (`items`; the answer must
    differ from them unless `may_stay`), "replace_random" or "insert_random" (`items`, `word`), "remove_random" (`items`),
    "latin_square" (`symbols`). The alphabet holds the words of the sample.

    Raises:
        UnknownName: there is no such law.
    """
    if name == "deterministic":
        answer = list(facts["expected"] if "expected" in facts else "".join(str(facts["solution"]).split()))
        alphabet = list(dict.fromkeys(answer))
        return lists.Deterministic([alphabet.index(symbol) for symbol in answer], alphabet)
    if name == "latin_square":
        return puzzles.latin_square(len(facts["symbols"]), facts["symbols"])
    if name not in RANDOM:
        raise UnknownName("law", name, ("deterministic", "latin_square", *RANDOM))
    must_differ = name == "shuffle" and not facts.get("may_stay", False)
    return law(name, items=facts["items"], word=facts.get("word", "new"), must_differ=must_differ)


def shape_of_sample(name: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return what decides a sample's law up to the names of its symbols, as plain values: `law`, `n`, `must_differ`.

    Samples of equal shape have equal losses; of a deterministic law the shape leaves the answer out.
    """
    if name == "deterministic":
        return {"law": name, "n": law_of_sample(name, facts).positions, "must_differ": False}
    size = len(facts["symbols"] if name == "latin_square" else facts["items"])
    return {"law": name, "n": size, "must_differ": name == "shuffle" and not facts.get("may_stay", False)}


def _names(name: str, count: int, items: Sequence[str] | None, word: str) -> list[str]:
    names = [str(i + 1) for i in range(count)] if items is None else list(items)
    least = 2 if name.startswith("remove") else 1
    if count < least or len(names) != count:
        raise UserError(f"{name} has {len(names)} items where n is {count}; give n distinct items, n at least {least}.")
    if len({*names, word}) != count + 1:
        raise UserError(f"the items of {name} and the new word must all be different; rename the ones that repeat.")
    return names


def _answer(name: str, names: list[str], index: int) -> list[int]:
    """The one right answer, as symbols; the new word is symbol n."""
    n = len(names)
    last = n if name == "insert_index" else n - 1
    if name.endswith("_index") and not 0 <= index <= last:
        raise UserError(f"index {index} is outside the list; {name} of {n} items takes 0 to {last}.")
    same = list(range(n))
    match name:
        case "reverse":
            return same[::-1]
        case "sort":
            return [int(i) for i in np.argsort(np.array(names, dtype=object), kind="stable")]
        case "replace_index":
            return [*same[:index], n, *same[index + 1 :]]
        case "insert_index":
            return [*same[:index], n, *same[index:]]
        case "remove_index":
            return [*same[:index], *same[index + 1 :]]
        case _:
            return same
