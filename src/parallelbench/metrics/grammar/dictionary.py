"""What a word can be (Penn tags from the dictionary of lemminflect) and what it probably is (the tagger of textblob)."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any

from parallelbench.metrics.grammar.lexicon import HARDLY_NOUNS

_LEMMA_TAGS = {"NOUN": ("NN", "NNS"), "VERB": ("VB", "VBP", "VBZ", "VBD", "VBN", "VBG"), "ADJ": ("JJ", "JJR", "JJS"),
               "ADV": ("RB", "RBR", "RBS")}  # fmt: skip


@lru_cache(1 << 16)
def readings(lower: str) -> frozenset[str]:
    """Return every Penn tag of a word in lower case; none where the dictionary does not know it."""
    from lemminflect import getAllInflections, getAllLemmas

    found = set()
    for kind, lemmas in getAllLemmas(lower).items():
        for lemma in lemmas:
            forms = getAllInflections(lemma, upos=kind)
            found |= {tag for tag in _LEMMA_TAGS.get(kind, ()) if lower in forms.get(tag, ())}
    return frozenset(found - {"NN", "NNS", "JJ"} if lower in HARDLY_NOUNS else found)


def likely_tags(words: Sequence[str]) -> list[str]:
    """Return the likely Penn tags of the words of a sentence, by lexicon, endings and the rules of Brill's tagger."""
    return [str(tag) for _, tag in _tagger().find_tags(list(words))]


def is_known(lower: str) -> bool:
    """True where the dictionary or the tagger's lexicon, which holds the function words, has the word."""
    return bool(readings(lower)) or lower in _tagger().lexicon


@cache
def _tagger() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # textblob leaves the file of its lexicon open
        from textblob.en import parser

        parser.find_tags(["word"])
    return parser
