"""Whether a list is correct, by the five rules of the list tasks (paper, section 5), leniently and strictly about format.

Leniently, a list is read as the paper does; strictly, it is exactly `["a", "b"]` with nothing but white space around it.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from parallelbench.metrics.base import Metric
from parallelbench.schema import Sample

Items = list[str]
Rule = Callable[[Sample, Items], bool]
Parser = Callable[[str], Items | None]

_SPACE = " \t\r\n"
_CLOSING = {'"': '"', "'": "'", "“": "”", "‘": "’"}  # noqa: RUF001
"""The closing mark of each opening quotation mark."""
_QUOTES = "".join({*_CLOSING, *_CLOSING.values()})


def parse_list(text: str) -> Items | None:
    """Read a list leniently: after the last "[", up to the next "]", split at ",", quotes and spaces around items taken off.

    A missing bracket is the beginning or the end of the text, as in the reference. The item is what is between two
    quotation marks of one kind, so `"Joe Perez'"` is not Joe Perez; of an item with marks that do not match, all are taken off.
    None where there is no item at all.
    """
    body = text.rpartition("[")[2].partition("]")[0]
    return [_unquoted(item.strip(_SPACE)) for item in body.split(",") if item.strip()] or None


def _unquoted(item: str) -> str:
    """Take off the quotation marks around an item, and the white space inside them."""
    quoted = len(item) > 1 and _CLOSING.get(item[0]) == item[-1]
    return item.strip(item[0] + item[-1] if quoted else _QUOTES).strip(_SPACE)


def parse_list_strict(text: str) -> Items | None:
    """Read a list that has exactly the required form: brackets, double quotes, ", " between items; None for anything else."""
    body = text.strip()
    if len(body) < 4 or not body.startswith('["') or not body.endswith('"]'):
        return None
    items = body[2:-2].split('", "')
    return None if any(mark in item for item in items for mark in '"[]') else items


def _exact(sample: Sample, items: Items) -> bool:
    expected: Items = sample.facts["expected"]
    return items == expected


def _shuffle(sample: Sample, items: Items) -> bool:
    given: Items = sample.facts["items"]
    return (items != given or bool(sample.facts.get("may_stay"))) and sorted(items) == sorted(given)


def _random_insert(sample: Sample, items: Items) -> bool:
    given, at = sample.facts["items"], _common(items, sample.facts["items"])
    return items[at : at + 1] == [sample.facts["word"]] and items[at + 1 :] == given[at:]


def _random_remove(sample: Sample, items: Items) -> bool:
    given, at = sample.facts["items"], _common(items, sample.facts["items"])
    return len(items) == len(given) - 1 and items[at:] == given[at + 1 :]


def _random_replace(sample: Sample, items: Items) -> bool:
    given, word = sample.facts["items"], sample.facts["word"]
    changed = [new for new, old in zip(items, given, strict=False) if new != old]
    return len(items) == len(given) and changed == [word]


def _common(items: Items, given: Items) -> int:
    """Return the length of the longest common prefix."""
    return next((i for i, (a, b) in enumerate(zip(items, given, strict=False)) if a != b), min(len(items), len(given)))


def _metrics(name: str, rule: Rule, count: Callable[[int], int]) -> tuple[Metric, Metric]:
    """Return the lenient and the strict metric of a rule under which `count(n)` answers are correct for a list of n items."""

    def judged_by(parse: Parser) -> Callable[[Sample, str], float]:
        def function(sample: Sample, text: str) -> float:
            items = parse(text)
            return float(items is not None and rule(sample, items))

        return function

    def chance(sample: Sample) -> float:
        n = len(sample.facts["items"])
        choices: int = n + ("word" in sample.facts)
        fillings: int = choices ** len(sample.facts["expected"])
        return (count(n) + bool(sample.facts.get("may_stay"))) / fillings

    return (
        Metric(name, judged_by(parse_list), chance, backend=lambda: "rules 2"),
        Metric(f"{name}_strict", judged_by(parse_list_strict), chance),
    )


LIST_EXACT, LIST_EXACT_STRICT = _metrics("list_exact", _exact, lambda n: 1)
LIST_SHUFFLE, LIST_SHUFFLE_STRICT = _metrics("list_shuffle", _shuffle, lambda n: math.factorial(n) - 1)
LIST_RANDOM_INSERT, LIST_RANDOM_INSERT_STRICT = _metrics("list_random_insert", _random_insert, lambda n: n + 1)
LIST_RANDOM_REMOVE, LIST_RANDOM_REMOVE_STRICT = _metrics("list_random_remove", _random_remove, lambda n: n)
LIST_RANDOM_REPLACE, LIST_RANDOM_REPLACE_STRICT = _metrics("list_random_replace", _random_replace, lambda n: n)
