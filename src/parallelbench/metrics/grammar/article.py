"""a or an: which of the two goes before a word, by its sound."""

from __future__ import annotations

import re

_EITHER = re.compile(r"herb|histor|homage|urugua|ural")
"""Words that are said with either sound: "an herb" in America, "a herb" in Britain."""
_VOWEL_SOUND = re.compile(r"hour|honest|honor|honour|heir|hors")
_CONSONANT_SOUND = re.compile(
    r"eu|ewe|one(?![a-z]*r)|once|oui|use|using|usual|usab|usag|usur|utens|uteri|uterus|utili|utop|utah|uk|ufo|ugand|ubiq|urin|uran|"
    r"url|usa|uvul|unanim|uni(?:[coptvxq]|f|l(?!l)|dir|mod|son|sex|$|-)"
)


def article(word: str) -> str | None:
    """Return "a" or "an" for a word as it is written; None where both are right or its sound is not known (most numbers)."""
    lower = word.lower()
    if not lower[:1].isalpha() or len(word) == 1:
        return "an" if lower in ("8", "11", "18", "80") else None
    if word.isupper() or (len(word) > 1 and word[:2].isupper()):
        return None  # letters or a word: "an MRI", "a NATO plan"
    if _EITHER.match(lower):
        return None
    if _VOWEL_SOUND.match(lower):
        return "an"
    return "an" if lower[0] in "aeiou" and not _CONSONANT_SOUND.match(lower) else "a"
