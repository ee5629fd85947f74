"""Rules of agreement in number: between a subject and its verb, and between a determiner and its noun."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from parallelbench.metrics.grammar.abbreviations import TITLES
from parallelbench.metrics.grammar.clauses import begins_clause, is_measure
from parallelbench.metrics.grammar.dictionary import readings
from parallelbench.metrics.grammar.hit import Hit
from parallelbench.metrics.grammar.lexicon import (
    AUXILIARIES,
    CONJUNCTIONS,
    DETERMINERS,
    INDEFINITE,
    MANY,
    NEITHER,
    NUMBERS,
    ONE,
    OPENERS,
    PLURAL,
    SINGULAR,
    THIRD,
    WISHES,
)  # fmt: skip
from parallelbench.metrics.grammar.words import Sentence, Word

_ASKS = frozenset({"suggest", "suggests", "suggested", "recommend", "recommended", "insist", "insists", "insisted", "demand",
                   "demanded", "asked", "request", "requested", "propose", "proposed", "require", "requires", "essential",
                   "vital", "important", "better", "necessary"})  # fmt: skip


_NOMINATIVE = THIRD | MANY | {"i"}
_LINKS = frozenset({"of", "to", "in", "on", "at", "with", "for", "from", "behind", "near", "under", "above", "beside"})
_PLURAL_ONLY, _SINGULAR_ONLY = PLURAL - {"were"}, SINGULAR - {"does"}
"""Without "were", which a wish may have ("if he were"), and "does", which a question may have."""
_BEFORE_BASE_FORM = AUXILIARIES | _ASKS | {"let"}
_NEAR = 30
"""Words before a pronoun among which a wish or a request is looked for."""
_NO_PLAIN_VERB = {"JJ", "JJR", "RB", "RBR", "VBD", "VBZ"}
_BEFORE_SINGULAR = DETERMINERS | {"this", "that"}
_ONE, _SEVERAL = ONE | {"this"}, {"these", "those"} | NUMBERS - {"both", "few"}
_BEGINS = DETERMINERS | NUMBERS | {"this", "that", "these", "those", "her"}


def is_singular(word: Word) -> bool:
    """True for a singular noun whose plural is another form in -s."""
    plural = readings(f"{word.lower}s") | readings(f"{word.lower}es") | readings(f"{word.lower[:-1]}ies")
    known = "NN" in word.can and "NNS" in plural and not word.lower.endswith("s")
    return known and word.lower not in NEITHER and word.text.islower()


def is_plural(word: Word) -> bool:
    """True for a noun that is plural and not a verb."""
    return "NNS" in word.can and not word.can & {"NN", "VBZ"} and word.lower not in NEITHER and word.text.islower()


def _is_plural_form(word: Word) -> bool:
    """True for a plural noun, in a position where a verb in -s is impossible, as behind "the"."""
    return "NNS" in word.can and "NN" not in word.can and word.lower not in NEITHER and word.text.islower()


def is_base_verb(word: Word) -> bool:
    """True for a base form that is no noun, adjective or past form: "go", "bring"."""
    return "VB" in word.can and not word.can & {"NN", "JJ", "JJR", "RB", "RBR", "VBD", "NNS"} and word.lower not in AUXILIARIES


def is_third_person(word: Word) -> bool:
    """True for a form in -s that is no noun: "goes", "brings"."""
    return word.only("VBZ")


def pronoun(sentence: Sentence) -> Iterator[Hit]:
    """ "they was", "he go", "I is", "we goes"."""
    for place, (one, two) in enumerate(pairwise(sentence)):
        before = sentence[place - 1].lower if place else ""
        if one.lower not in _NOMINATIVE or before in ("and", "or", "nor") or two.lower == "'s":
            continue
        if one.lower in ("it", "you") and not begins_clause(sentence, place):
            continue  # it may be an object: "the people who saw it are"
        if one.text == "I" and place > 1 and sentence[place - 1].text[:1].isupper():
            continue  # a numeral: "World War I has"
        earlier = {word.lower for word in sentence[max(0, place - _NEAR) : place]}
        if one.lower in THIRD:
            wrong = (two.lower in _PLURAL_ONLY and before not in AUXILIARIES) or two.lower == "am"
            wrong |= two.lower == "were" and not earlier & WISHES and before not in AUXILIARIES
            sure = one.lower != "it" or not place
            base = is_base_verb(two) or (not place and "VBP" in two.can and not two.can & _NO_PLAIN_VERB)
            wrong |= sure and base and not earlier & _BEFORE_BASE_FORM and before not in ("that",)
        elif one.lower in MANY:
            noun_first = before in ("of", "for", "with", "to")
            wrong = not noun_first and (two.lower in _SINGULAR_ONLY or two.lower == "am" or is_third_person(two))
            wrong |= not place and two.lower == "does"
        elif one.text == "I":
            wished = two.lower == "were" and earlier & WISHES
            wrong = (two.lower in ("is", "are", "has", "does", "were") and not wished) or is_third_person(two)
        else:
            continue
        if wrong and before not in ("than", "like", "of"):
            yield Hit("agreement", one.start, two.end)


def noun_phrase(sentence: Sentence) -> Iterator[Hit]:
    """A simple subject at the start of a clause and its verb: "the dogs was", "the keys to the cabin is", "the girl eat"."""
    for place, word in enumerate(sentence):
        if place and sentence[place - 1].lower not in OPENERS:
            continue
        end = place
        while end < len(sentence) and (sentence[end].lower in _BEGINS or sentence[end].only("JJ", "RB")):
            end += 1
        if end + 1 >= len(sentence):
            continue
        noun, verb = sentence[end], sentence[_behind_preposition(sentence, end + 1)]
        sure = end > place
        if sure or not place:
            plural = is_plural(noun) or (sure and _is_plural_form(noun))
            wished = verb.lower == "were" and place > 0 and sentence[place - 1].lower in WISHES
            plural = plural and not is_measure(sentence[place:end], noun)
            if (plural and (verb.lower in _SINGULAR_ONLY or is_third_person(verb))) or (
                sure and is_singular(noun) and not wished and (verb.lower in PLURAL or is_base_verb(verb))
            ):
                yield Hit("agreement", word.start, verb.end)
        if not sure and noun.lower in INDEFINITE and verb.lower in PLURAL:
            yield Hit("agreement", noun.start, verb.end)


def _behind_preposition(sentence: Sentence, place: int) -> int:
    """The place behind "in the old cabin", where such a phrase begins at `place` and a verb follows; else `place`."""
    if sentence[place].lower not in _LINKS:
        return place
    end = place + 1
    while end < len(sentence) and (sentence[end].lower in _BEFORE_SINGULAR or sentence[end].only("JJ", "RB")):
        end += 1
    behind = end + 1
    return behind if end > place + 1 and behind < len(sentence) and "NN" in sentence[end].can else place


def names(sentence: Sentence) -> Iterator[Hit]:
    """Names as subjects at the start of a clause: "Sam are", "Tom and Nina has", "Anna go"."""
    for place, one in enumerate(sentence[:-1]):
        titled = place > 0 and sentence[place - 1].lower.rstrip(".") in TITLES
        opener = sentence[place - titled - 1] if place > titled else None
        if (opener is not None and opener.lower not in OPENERS) or not _is_name(one):
            continue
        verb = sentence[place + 1]
        if verb.lower in _PLURAL_ONLY or is_base_verb(verb):
            yield Hit("agreement", one.start, verb.end)
        elif verb.lower == "and" and place + 3 < len(sentence) and _is_name(sentence[place + 2], first=False):
            verb = sentence[place + 3]
            if verb.lower in _SINGULAR_ONLY or is_third_person(verb):
                yield Hit("agreement", one.start, verb.end)


def _is_name(word: Word, first: bool = True) -> bool:
    """True for a capitalised word; one that the dictionary knows is a name only where it is not the first of a sentence."""
    known = bool(word.can) and first
    return word.text.istitle() and not known and word.lower.isalpha() and word.tag == "NNP" and not word.lower.endswith("s")


def there_is(sentence: Sentence) -> Iterator[Hit]:
    """ "there is two dogs", "there are a dog"."""
    for place, (one, two, three) in enumerate(zip(sentence, sentence[1:], sentence[2:], strict=False)):
        if one.lower != "there":
            continue
        follow = sentence[place + 3 : place + 4]
        measured = bool(follow) and (follow[0].lower in ("a", "an") or is_measure([three], follow[0]))
        counted = three.lower in NUMBERS - {"few", "both"} and not measured
        if two.lower in ("is", "was", "'s") and (counted or is_plural(three)):
            yield Hit("agreement", one.start, three.end)
        joined = any(word.lower == "and" for word in sentence[place + 3 :])  # "there are a man and a woman"
        single = two.lower in ("are", "were") and three.lower in ("a", "an", "one") and not joined
        if single and follow and is_singular(follow[0]):
            yield Hit("agreement", one.start, follow[0].end)


def number(sentence: Sentence) -> Iterator[Hit]:
    """A determiner and a noun of the other number: "a dogs", "these book", "two dog"."""
    for place, (one, two) in enumerate(pairwise(sentence)):
        after = sentence[place + 2] if place + 2 < len(sentence) else None
        ends = after is None or not (after.tag.startswith(("NN", "JJ", "CD")) or after.lower in ("-", "'s", "'", "of"))
        if one.lower in _ONE and is_plural(two) and ends:
            yield Hit("number", one.start, two.end)
        if one.lower in _SEVERAL and _only_singular(two) and ends:
            past = sentence[place - 1].lower if place else ""
            if past not in ("a", "the", "page", "chapter", "of") or one.lower in ("these", "those"):
                yield Hit("number", one.start, two.end)


def _only_singular(word: Word) -> bool:
    return is_singular(word) and word.tag == "NN" and not word.can & {"JJ", "VBN", "VBD"} and word.lower not in CONJUNCTIONS
