"""Why a list is wrong: the generated items compared with those of the prompt and with the expected ones."""

from __future__ import annotations

from collections import Counter

from parallelbench.metrics.lists import Items, parse_list, parse_list_strict
from parallelbench.schema import Sample


def reasons(sample: Sample, text: str) -> set[str]:
    """Return the reasons why a list fails; empty where this comparison finds none."""
    found = set() if parse_list_strict(text) is not None else {"format_broken"}
    items = parse_list(text)
    if items is None:
        return found
    given, expected = list(sample.facts["items"]), list(sample.facts["expected"])
    known = Counter([*given, *_new(sample)])
    if items == given and items != expected:
        return found | {"unchanged"}
    swapped = {item for item in items if item not in known and _is_swapped(item, list(known))}
    if swapped:
        found.add("names_swapped")
    found |= _counted(items, known, swapped)
    return found | _compared(sample, items, given, expected, swapped)


def _new(sample: Sample) -> Items:
    return [sample.facts["word"]] if "word" in sample.facts else []


def _is_swapped(item: str, known: Items) -> bool:
    """True where an item joins the first name of one person with the last name of another."""
    first, _, last = item.partition(" ")
    return bool(last) and any(one.partition(" ")[0] == first for one in known) and any(
        one.partition(" ")[2] == last for one in known
    )  # fmt: skip


def _counted(items: Items, known: Counter[str], swapped: set[str]) -> set[str]:
    found = set()
    counts = Counter(items)
    if any(item not in known and item not in swapped for item in counts):
        found.add("item_invented")
    if any(count > max(1, known[item]) for item, count in counts.items()):
        found.add("item_duplicated")
    return found


def _compared(sample: Sample, items: Items, given: Items, expected: Items, swapped: set[str]) -> set[str]:
    """Return the reasons that concern lost items, items that were not removed, and the order of the others."""
    law, written = sample.law or "deterministic", Counter(items)
    parts = {part for item in swapped for part in item.split(" ", 1)}
    gone = list((Counter(given) - written).elements())
    gone = [item for item in gone if not swapped or not set(item.split(" ", 1)) & parts]
    missing_word = [item for item in _new(sample) if item not in written]
    found = set()
    if law == "deterministic":
        gone = [item for item in gone if item in expected]
        missing_word = [item for item in missing_word if item in expected]
        if any(count > expected.count(item) and item in given and item not in expected for item, count in written.items()):
            found.add("item_kept")
    allowed = 1 if law in ("remove_random", "replace_random") else 0
    if len(gone) > allowed or missing_word:
        found.add("item_lost")
    if allowed and not gone and not swapped:
        found.add("item_kept")
    if law != "shuffle" and _disordered(items, expected if law == "deterministic" else given):
        found.add("order_wrong")
    if law in ("insert_random", "replace_random") and not found and not _in_right_slot(sample, items, given):
        found.add("order_wrong")
    return found


def _disordered(items: Items, order: Items) -> bool:
    """True where the items that both lists contain do not have the same order in both."""
    places = {item: place for place, item in enumerate(order)}
    seen = [places[item] for item in items if item in places]
    return seen != sorted(seen)


def _in_right_slot(sample: Sample, items: Items, given: Items) -> bool:
    """True where the new word is in the slot of the item that it replaces; an inserted word may be anywhere."""
    if sample.law == "insert_random":
        return True
    return len(items) == len(given) and sum(a != b for a, b in zip(items, given, strict=True)) == 1
