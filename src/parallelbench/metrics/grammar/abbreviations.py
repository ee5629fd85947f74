"""Abbreviations that are written with a full stop, so that the stop need not end a sentence.

Words that are also ordinary English ("in.", "no.", "sat.") count only in the context that makes them an abbreviation.
"""

from __future__ import annotations

import re

from parallelbench.metrics.grammar.lexicon import word_set

TITLES = word_set(
    """
    mr mrs ms mx dr drs prof messrs mme mlle st ste mt mts ft gen col lt capt cpt cmdr sgt cpl pvt maj adm rep reps sen
    sens gov rev hon pres supt insp pfc fr sr br asst
    """
)
"""Before a name, with a capital letter: "Dr. Singh". The sentence always goes on behind them."""
CAPITALIZED = word_set(
    """
    jan feb mar apr jun jul aug sep sept oct nov dec mon tue tues wed thu thur thurs fri sat sun jr esq bros ave blvd rd
    hwy ln pl sq apt ste dept univ inst assn natl intl
    ala ariz ark calif colo conn del fla ga ill ind kan ky la md mass mich minn miss mont neb nev okla ore pa penn tenn tex
    va vt wash wis wyo
    """
)
"""With a capital letter only: months, weekdays, parts of addresses and of names, states."""
ANYWHERE = word_set(
    """
    etc al vs viz cf approx ca inc ltd corp co plc tbsp tsp lb lbs oz ft yd yds hr hrs mins secs wk wks yr yrs mo mos km
    cm mm kg mg ml mph rpm kwh sq cu est dept tel ext esp incl excl max misc orig ibid anon assoc attn avg temp govt
    dist vols pp nos figs jr sr adj adv incl resp
    """
)
BEFORE_NUMBER = word_set(
    """
    no nos nr fig figs p pp pg vol vols ch chap sec sect art arts eq eqs ex par para col cl app tab bk v op
    """
)
"""Before a number only: "No. 7", "p. 117"."""
AFTER_NUMBER = word_set("in min sec gal mi pt qt doz mil m g l h s d deg c f a p x")
"""Behind a number only: "6 ft. 8 in."."""
STARTERS = word_set(
    """
    the a an this that these those he she it we they you i his her its my our your their there here in on at by for from
    with as if when while after before since although though because but and or so yet nor not no what who whose why how
    where which then now one some many most all each every both few several however perhaps maybe yes please let to of
    another today yesterday tomorrow later soon once until during nobody everyone everybody someone nothing something
    even only still don't didn't it's he's she's they're we're i'm that's there's what's i've i'd i'll we'll he'd
    """
)
"""Words that, with a capital letter behind an abbreviation, begin a new sentence: "at 5 p.m. The"."""

_BEFORE = re.compile(r"[^\W_]+(?:\.[^\W_]+)*$")
_LONGEST = 24
"""Characters before the stop that are looked at."""
_INITIALS = 3
"""Letters that a part of an abbreviation with several stops has at most: "Ph.D.", "B.Sc."."""


def before_stop(text: str, at: int) -> str:
    """Return the word, perhaps with stops inside it, that ends at the full stop `text[at]`; empty where there is none."""
    found = _BEFORE.search(text[max(0, at - _LONGEST) : at])
    return found.group() if found else ""


def is_abbreviation(text: str, at: int) -> bool:
    """True where the full stop `text[at]` belongs to an abbreviation, whether or not it ends the sentence as well."""
    word = before_stop(text, at)
    if not word or text[at + 1 : at + 2] == ".":
        return False
    parts = word.split(".")
    if len(parts) > 1:
        return all(part.isalpha() and len(part) <= _INITIALS for part in parts)
    lower, capital = word.lower(), word[0].isupper()
    follows = text[at + 1 : at + 4].lstrip(" \t")[:1]
    return (
        lower in ANYWHERE
        or (capital and (lower in TITLES or lower in CAPITALIZED or (len(word) == 1 and word.isalpha())))
        or (lower in BEFORE_NUMBER and follows.isdigit())
        or (lower in AFTER_NUMBER and text[max(0, at - _LONGEST) : at - len(word)].rstrip()[-1:].isdigit())
        or (word in ("v", "c") and follows.isupper())
    )
