"""Which decoders form one curve: those that differ only in the number that sets their speed."""

from __future__ import annotations

from parallelbench.specs import parse, render

PLAIN = "plain"
COMMON = ("block", "temperature", "top_p", "ties")


def series_and_setting(spec: str) -> tuple[str, str]:
    """Split a resolved decoder into the curve it belongs to and its setting on it.

    The numbers of the decoder's own parameters are the setting; its words and the common keys name the curve:
    `confidence:k=2,block=8` -> (`confidence:block=8`, `k=2`).
    """
    family, options = parse(spec)
    moves = {key: value for key, value in options.items() if key not in COMMON and _is_number(value)}
    stays = {key: value for key, value in options.items() if key not in moves}
    return render(family, stays), render("", moves).removeprefix(":")


def variant(spec: str) -> str:
    """Return what tells a curve from the others of its family: `block=8`, or `plain` where nothing does."""
    _, _, rest = series_and_setting(spec)[0].partition(":")
    return rest or PLAIN


def is_adaptive(spec: str) -> bool:
    """True where a threshold of some kind, and not a number of tokens or steps, sets the speed."""
    _, options = parse(spec)
    moves = [key for key, value in options.items() if key not in COMMON and _is_number(value)]
    return bool(moves) and not {"k", "steps"} & set(moves)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
