"""Whether two answers of mathematics are the same: first as text and as numbers, then by math-verify in a separate process."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from parallelbench.metrics.numbers import Value, equal, numbers, plain
from parallelbench.worker import Worker, WorkerFault

SECONDS = 10.0
"""For one comparison; symbolic algebra has no bound of its own, and an answer that takes longer counts as different."""
LONGEST = 2000
"""Characters of an answer; a longer one is compared as text only."""
_BOX = re.compile(r"\\(?:boxed|fbox)\s?\{")
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
"""A brace that groups; one after a backslash is a character of the formula, and so is no part of it."""
_SIZES = re.compile(r"\\(?:left|right|displaystyle|[!,;:])|\\ |\$|(?<!\d)\s|\s(?!\d)")
_WRAPPED = re.compile(r"\\(?:text|mathrm|textbf|mathbf|mbox)\s?\{([^{}]*)\}")


def boxed(text: str) -> str | None:
    r"""What the last `\boxed{...}` of a text holds; None where there is none, or it is not closed."""
    start = None
    for found in _BOX.finditer(text):
        start = found.end()
    if start is None:
        return None
    depth = 1
    for found in _BRACE.finditer(text, start):
        depth += {"{": 1, "}": -1}.get(found[0], 0)
        if not depth:
            return text[start : found.start()]
    return None


def normal(text: str) -> str:
    """A formula without what does not change it: sizes of brackets, spaces, dollar signs, commands for words, a full stop."""
    text = _WRAPPED.sub(r"\1", text.replace("\\dfrac", "\\frac").replace("\\tfrac", "\\frac"))
    text = " ".join(text.replace("\\varnothing", "\\emptyset").split())
    return _SIZES.sub("", text).rstrip(".").removesuffix("^{\\circ}").removesuffix("^\\circ")


def same_mathematics(right: str, written: str) -> bool:
    """Whether an answer is the right one in another form; needs the extra `math` for forms that are not equal as they stand."""
    if normal(right) == normal(written):
        return True
    one, other = (_whole_number(text) for text in (right, written))
    if one is not None and other is not None:
        return equal(one, other)
    if max(len(right), len(written)) > LONGEST:
        return False
    try:
        return bool(_worker().request({"right": right, "written": written})["same"])
    except WorkerFault:
        return False


def _whole_number(text: str) -> Value | None:
    """The number that a formula is, and nothing else; None for any other."""
    shown = plain(normal(text))
    found = next(numbers(shown), None)
    return found.value if found is not None and (found.start, found.end) == (0, len(shown)) else None


@cache
def _worker() -> Worker:
    return Worker(Path(__file__).with_name("mathematics_worker.py"), SECONDS)
