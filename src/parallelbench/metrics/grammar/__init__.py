"""The grammar score: 1 where a checker finds nothing, 0 where it finds something or the text is empty (paper, section 5.2)."""

from __future__ import annotations

from parallelbench.metrics.base import Metric
from parallelbench.metrics.extra import CHECKER
from parallelbench.metrics.grammar.embedded import check, version
from parallelbench.metrics.grammar.hit import Hit
from parallelbench.schema import Sample

__all__ = ["GRAMMAR", "Hit", "check", "is_clean"]


def is_clean(text: str) -> bool:
    """Return whether a text is not empty and the embedded checker finds nothing in it."""
    return bool(text.strip()) and not check(text)


def _grammar(sample: Sample, text: str) -> float:
    return float(is_clean(text))


def _explain(text: str) -> list[tuple[str, int, int]]:
    return [(hit.rule, hit.start, hit.end) for hit in check(text)]


GRAMMAR = Metric("grammar", _grammar, backend=version, explain=_explain, libraries=CHECKER)
