"""Why the answer to a question with a known answer is wrong: it is missing, incomplete, or another one."""

from __future__ import annotations

from parallelbench.metrics.answers import reader_of
from parallelbench.schema import Sample

BEGINNINGS = {"json": "{", "boxed": "\\boxed{"}
"""What an answer begins with, for ways to read that have an end."""


def reasons(sample: Sample, text: str) -> set[str]:
    """Return the reasons why an answer is wrong; an empty text has none here."""
    reader = reader_of(sample)
    found = reader.read(text)
    begun = reader.argument if reader.way == "after" else BEGINNINGS.get(reader.way)
    if found:
        return {"wrong_answer"}
    if begun and begun in text:
        return {"answer_begun"}
    return {"answer_missing"} if text.strip() else set()
