"""ROUGE-1, ROUGE-2 and ROUGE-L with stemming (Lin 2004), the best of several references.

    precision = shared / units of the text,  recall = shared / units of the reference,  F1 = 2 P R / (P + R)

Units are words, pairs of words, or (ROUGE-L) words with `shared` the length of the longest common subsequence. Equal to
`rouge_score` with `use_stemmer=True` on every text that it can read; that package recurses over runs of "y" and fills a
table of text x reference, so a hostile text stops it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from parallelbench.metrics.base import Metric
from parallelbench.metrics.extra import STEMMER
from parallelbench.schema import Sample

if TYPE_CHECKING:
    from nltk.stem.porter import PorterStemmer

_WORD = re.compile(r"[a-z0-9]+")
SHORTEST_STEMMED, LONGEST_STEMMED = 4, 64


def words(text: str) -> list[str]:
    """Return the stems of a text's words: runs of a-z and 0-9, lower case, stemmed from four letters on."""
    found = _WORD.findall(text.lower())
    return [_stem(word) if SHORTEST_STEMMED <= len(word) <= LONGEST_STEMMED else word for word in found]


@cache
def _stemmer() -> PorterStemmer:
    from nltk.stem.porter import PorterStemmer

    return PorterStemmer()


@lru_cache(1 << 16)
def _stem(word: str) -> str:
    return str(_stemmer().stem(word))


def overlap(text: Sequence[Any], reference: Sequence[Any]) -> int:
    """Return how many units two texts have in common, repeated ones counted as often as both have them."""
    return sum((Counter(text) & Counter(reference)).values())


def common_subsequence(text: Sequence[str], reference: Sequence[str]) -> int:
    """The length of the longest common subsequence.

    Bit-parallel (Crochemore et al. 2001): one word of |reference| bits, updated once for each word of the text.
    """
    masks: dict[str, int] = {}
    for place, word in enumerate(reference):
        masks[word] = masks.get(word, 0) | 1 << place
    full = (1 << len(reference)) - 1
    row = full
    for word in text:
        match = row & masks.get(word, 0)
        row = (row + match | row - match) & full
    return len(reference) - row.bit_count()


def _f1(shared: int, text: int, reference: int) -> float:
    return 2.0 * (shared / text) * (shared / reference) / (shared / text + shared / reference) if shared else 0.0


def rouge_n(n: int, text: str, reference: str) -> float:
    """ROUGE-1 or ROUGE-2 of a text against one reference."""
    units: Callable[[list[str]], list[Any]] = list if n == 1 else lambda stems: list(pairwise(stems))
    a, b = units(words(text)), units(words(reference))
    return _f1(overlap(a, b), len(a), len(b))


def rouge_l(text: str, reference: str) -> float:
    """ROUGE-L of a text against one reference."""
    a, b = words(text), words(reference)
    return _f1(common_subsequence(a, b), len(a), len(b))


def _metric(name: str, score: Callable[[str, str], float]) -> Metric:
    def function(sample: Sample, text: str) -> float:
        return max((score(text, reference) for reference in sample.facts["references"]), default=0.0)

    return Metric(name, function, backend=_backend, needs=("references",), libraries=STEMMER)


def _backend() -> str:
    from importlib.metadata import version

    return f"rouge 1, stemmer of nltk {version('nltk')}"


ROUGE_1 = _metric("rouge_1", lambda text, reference: rouge_n(1, text, reference))
ROUGE_2 = _metric("rouge_2", lambda text, reference: rouge_n(2, text, reference))
ROUGE_L = _metric("rouge_l", rouge_l)
