"""Right sentences, and the same sentences broken in one way each: what the grammar checker is measured on.

`python tests/metrics/corruptions.py` prints the table of docs/metrics.md.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from pathlib import Path

from parallelbench.metrics.grammar import check
from parallelbench.rng import stream

CLEAN = (Path(__file__).parent / "clean_sentences.txt").read_text("utf-8").splitlines()
FLIPS = {"is": "are", "are": "is", "was": "were", "were": "was", "has": "have", "have": "has", "does": "do", "do": "does"}
DROPPED = {"is", "are", "was", "were", "has", "have", "had", "will", "can", "must", "should", "does", "do", "did", "would"}
ARTICLES = {"a", "an", "the"}
FOREIGN = ("table", "quickly", "of", "went", "green", "because", "them", "yesterday", "into", "is")
Break = Callable[[list[str], random.Random], list[str] | None]


def _pick(words: list[str], rng: random.Random, fits: Callable[[str], bool]) -> int | None:
    places = [place for place, word in enumerate(words) if fits(word.lower())]
    return rng.choice(places) if places else None


def _replaced(words: list[str], place: int, *new: str) -> list[str]:
    if place == 0 and new:
        new = (new[0][0].upper() + new[0][1:], *new[1:])
    changed = [*words[:place], *new, *words[place + 1 :]]
    return changed if place or new else [changed[0][0].upper() + changed[0][1:], *changed[1:]]


def repeated_word(words: list[str], rng: random.Random) -> list[str] | None:
    place = rng.randrange(1, len(words) - 1)
    return _replaced(words, place, words[place], words[place]) if words[place].isalpha() else None


def a_an(words: list[str], rng: random.Random) -> list[str] | None:
    place = _pick(words, rng, lambda word: word in ("a", "an"))
    return None if place is None else _replaced(words, place, "an" if words[place].lower() == "a" else "a")


def lower_case_start(words: list[str], rng: random.Random) -> list[str] | None:
    return [words[0].lower(), *words[1:]] if words[0] != "I" else None


def agreement(words: list[str], rng: random.Random) -> list[str] | None:
    place = _pick(words, rng, lambda word: word in FLIPS)
    return None if place is None else _replaced(words, place, FLIPS[words[place].lower()])


def auxiliary_dropped(words: list[str], rng: random.Random) -> list[str] | None:
    place = _pick(words[1:], rng, lambda word: word in DROPPED)
    return None if place is None else _replaced(words, place + 1)


def article_dropped(words: list[str], rng: random.Random) -> list[str] | None:
    place = _pick(words, rng, lambda word: word in ARTICLES)
    return None if place is None else _replaced(words, place)


def word_dropped(words: list[str], rng: random.Random) -> list[str] | None:
    return _replaced(words, rng.randrange(len(words) - 1))


def words_swapped(words: list[str], rng: random.Random) -> list[str] | None:
    place = rng.randrange(1, len(words) - 2)
    return [*words[:place], words[place + 1], words[place], *words[place + 2 :]]


def word_inserted(words: list[str], rng: random.Random) -> list[str] | None:
    place = rng.randrange(1, len(words) - 1)
    return [*words[:place], rng.choice(FOREIGN), *words[place:]]


def shuffled(words: list[str], rng: random.Random) -> list[str] | None:
    middle = [words[0].lower() if words[0] != "I" else "I", *words[1:-1], words[-1].rstrip(".?!")]
    rng.shuffle(middle)
    return [middle[0][0].upper() + middle[0][1:], *middle[1:-1], middle[-1] + "."]


def spliced(words: list[str], rng: random.Random) -> list[str] | None:
    other = rng.choice(CLEAN).split()
    return [*words[: len(words) // 2], *other[len(other) // 2 :]]


def cut_off(words: list[str], rng: random.Random) -> list[str] | None:
    kept = words[: max(3, len(words) * 6 // 10)]
    return [*kept[:-1], kept[-1].rstrip(",") + "."]


def verb_form(words: list[str], rng: random.Random) -> list[str] | None:
    """A past form behind an auxiliary: the verb's own form is replaced by "went"."""
    place = _pick(words[:-1], rng, lambda word: word in DROPPED - {"is", "are", "was", "were"})
    return None if place is None or not words[place + 1].isalpha() else _replaced(words, place + 1, "went")


BREAKS: tuple[Break, ...] = (
    repeated_word, a_an, lower_case_start, agreement, verb_form, auxiliary_dropped, article_dropped, word_dropped,
    words_swapped, word_inserted, shuffled, spliced, cut_off,
)  # fmt: skip


def corruptions(broken: Break) -> list[str]:
    """Every clean sentence broken in one way, where it can be."""
    made = [(text, broken(text.split(), stream("corruption", broken.__name__, text))) for text in CLEAN]
    return [line for text, words in made if words is not None and (line := re.sub(r"\s+", " ", " ".join(words))) != text]


def flagged(texts: list[str], own: bool = False) -> float:
    """The share of texts in which the checker finds something; `own`: one of our own rules."""
    return sum(any(not (own and hit.rule.startswith("harper")) for hit in check(text)) for text in texts) / len(texts)


def table() -> str:
    """Per kind of corruption: how many, recall of the checker, and of our own rules alone."""
    lines = [f"| clean (false alarms) | {len(CLEAN)} | {flagged(CLEAN):.3f} | {flagged(CLEAN, own=True):.3f} |"]
    every: list[str] = []
    for broken in BREAKS:
        texts = corruptions(broken)
        every += texts
        lines.append(f"| {broken.__name__} | {len(texts)} | {flagged(texts):.3f} | {flagged(texts, own=True):.3f} |")
    lines.append(f"| all corruptions | {len(every)} | {flagged(every):.3f} | {flagged(every, own=True):.3f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
