"""Writes short dialogues of two people with reference summaries; both are filled from templates about the same events."""

from __future__ import annotations

import random
from typing import Any

from parallelbench.tasks.english import capital, table
from parallelbench.tasks.lists import names
from parallelbench.tasks.template import fill

DIALOGUES = "dialogues.yaml"
PEOPLE = ("a", "b", "c")
"""Fields of the templates for the two speakers and for a third person that they speak about."""
DRAWS = ("", "2", "3")
"""Suffixes of the fields that are filled from the first, second and third row drawn from a table."""


def draw_dialogue(rng: random.Random, events: int) -> tuple[list[str], list[str]]:
    """Draw a dialogue of two people about `events` events, one after another.

    Returns the turns of the dialogue and three alternative summaries, each with a sentence or two for every event.
    """
    first, _ = names()
    a, b, *others = rng.sample(first, 2 + events)
    turns: list[str] = []
    told: list[list[str]] = []
    for event, c in zip(rng.sample(table(DIALOGUES)["events"], events), others, strict=True):
        people = dict(zip(PEOPLE, (a, b, c) if rng.random() < 0.5 else (b, a, c), strict=True))
        values = people | _values(rng)
        turns += [f"{people[speaker]}: {capital(fill(rng.choice(variants), values))}" for speaker, *variants in event["turns"]]
        told.append([capital(fill(summary, values)) for summary in rng.sample(event["summaries"], 3)])
    return turns, [" ".join(parts) for parts in zip(*told, strict=True)]


def _values(rng: random.Random) -> dict[str, str]:
    """Draw three different rows of every table, and return the texts of the template's fields with the suffixes of `DRAWS`."""
    values: dict[str, str] = {}
    tables: dict[str, list[Any]] = table(DIALOGUES)["tables"]
    for key, rows in tables.items():
        for draw, row in zip(DRAWS, rng.sample(rows, len(DRAWS)), strict=True):
            values |= {f"{name}{draw}": text for name, text in (row if isinstance(row, dict) else {key: row}).items()}
    return values
