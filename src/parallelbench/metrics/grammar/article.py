"""a or an: which of the two goes before a word, by its sound."""

from __future__ import annotations

import re

_VOWEL_SOUND = re.compile(r"(?:hour|honest|honor|honour|heir)")
_CONSONANT_SOUND = re.compile(
    r"(?:eu|ewe|ewer|one(?![a-z]*r)|once|oui|use|using|usual|usab|usag|usur|utens|utili|utop|uter|uk|ufo|uni(?!n|m[^aeo])|"
    r"ubiq|ukul|urin|uran|ura|url|usa|eul)"
)


def article(word: str) -> str | None:
    """Return "a" or "an" for a word as it is written; None where its sound is not known (a number, a single letter)."""
    lower = word.lower()
    if not lower[:1].isalpha() or len(word) == 1:
        return "an" if lower in ("8", "11", "18", "80") else None
    if word.isupper() or (len(word) > 1 and word[:2].isupper()):
        return None  # letters or a word: "an MRI", "a NATO plan"
    if _VOWEL_SOUND.match(lower):
        return "an"
    return "an" if lower[0] in "aeiou" and not _CONSONANT_SOUND.match(lower) else "a"
