"""BLEU of one text (Papineni et al. 2002), exactly as the reference computes it.

    BLEU = min(1, e^(1 - r/c)) * (p_1 p_2 p_3 p_4)^(1/4)

p_n is the fraction of the text's n-grams that some reference has (each counted at most as often as in one reference), c the
length of the text, r that of the nearest reference, in tokens of mteval's scheme "13a". Nothing is smoothed: where an order
has no match, BLEU is 0, so a text of fewer than four tokens scores 0 even against itself. This is sacrebleu's
`BLEU(smooth_method="none", tokenize="13a", effective_order=False)`, divided by 100.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence

from parallelbench.metrics.base import Metric
from parallelbench.schema import Sample

ORDERS = 4
_ENTITIES = (("&quot;", '"'), ("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">"))
_SPLITS = (  # mteval-v13a: symbols stand alone; full stops and commas do unless between digits; a dash does after a digit
    (re.compile(r"([{-~\[-` -&(-+:-@/])"), r" \1 "),
    (re.compile(r"([^0-9])([.,])"), r"\1 \2 "),
    (re.compile(r"([.,])([^0-9])"), r" \1 \2"),
    (re.compile(r"([0-9])(-)"), r"\1 \2 "),
)


def tokens(text: str) -> list[str]:
    """Split a text by mteval's scheme 13a."""
    line = text.replace("<skipped>", "").replace("-\n", "").replace("\n", " ")
    for entity, character in _ENTITIES:
        line = line.replace(entity, character)
    line = f" {line} "
    for pattern, replacement in _SPLITS:
        line = pattern.sub(replacement, line)
    return line.split()


def bleu(text: str, references: Sequence[str]) -> float:
    """BLEU of a text in [0, 1]; 0 for an empty text and without references."""
    given, wanted = tokens(text), [tokens(reference) for reference in references]
    if not given or not wanted:
        return 0.0
    logs = 0.0
    for order in range(1, ORDERS + 1):
        matches, possible = _matches(given, wanted, order), len(given) - order + 1
        if matches == 0:
            return 0.0
        logs += math.log(matches / possible) / ORDERS
    nearest = min((abs(len(one) - len(given)), len(one)) for one in wanted)[1]
    brevity = 0.0 if len(given) >= nearest else 1.0 - nearest / len(given)
    return min(1.0, math.exp(brevity + logs))


def _grams(given: Sequence[str], order: int) -> list[tuple[str, ...]]:
    return list(zip(*(given[start:] for start in range(order)), strict=False))


def _matches(given: Sequence[str], wanted: Sequence[Sequence[str]], order: int) -> int:
    most: Counter[tuple[str, ...]] = Counter()
    for reference in wanted:
        most |= Counter(_grams(reference, order))
    found = Counter(gram for gram in _grams(given, order) if gram in most)
    return sum((found & most).values())


def _backend() -> str:
    return "bleu 1: tok 13a, smooth none, effective order no"


def _bleu(sample: Sample, text: str) -> float:
    return bleu(text, sample.facts["references"])


def _one_minus_bleu(sample: Sample, text: str) -> float:
    return 1.0 - bleu(text, [sample.facts["source"]]) if text.strip() else 0.0


BLEU = Metric("bleu", _bleu, backend=_backend, needs=("references",))
ONE_MINUS_BLEU = Metric("one_minus_bleu", _one_minus_bleu, backend=_backend, needs=("source",))
