"""Whether a text contains the words that the prompt requires (paper, section 5.2: words to sentence)."""

from __future__ import annotations

from parallelbench.metrics.base import Metric
from parallelbench.schema import Sample


def missing_words(words: list[str], text: str) -> list[str]:
    """Return the words that are no substring of the text, case aside; so "play" is in "players".

    A substring is enough in the reference too, which tells cases apart: there "Dog" is no "dog".
    """
    lowered = text.lower()
    return [word for word in words if word.lower() not in lowered]


def _inclusion(sample: Sample, text: str) -> float:
    return float(not missing_words(sample.facts["words"], text))


def _words_in_order(sample: Sample, text: str) -> float:
    lowered, at = text.lower(), 0
    for word in sample.facts["words"]:
        found = lowered.find(word.lower(), at)
        if found < 0:
            return 0.0
        at = found + len(word)
    return 1.0


WORDS_IN_ORDER = Metric("words_in_order", _words_in_order, needs=("words",))
INCLUSION = Metric("inclusion", _inclusion, needs=("words",))
