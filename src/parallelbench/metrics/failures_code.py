"""Why a program is wrong: there is none, it is no Python, it raised, took too long, or failed a test.

What happens when it runs is known only where the user allows to run it; else a program that parses has `tests_failed`.
"""

from __future__ import annotations

from parallelbench.metrics.code import blocks, find_code, outcome, parses
from parallelbench.sandbox import code_allowed
from parallelbench.schema import Sample

OF_VERDICTS = {"raised": "code_raised", "ended": "code_raised", "timed_out": "timed_out"}


def reasons(sample: Sample, text: str) -> set[str]:
    """Return the reasons why a text is not a program that passes."""
    if not text.strip():
        return set()
    begun = {"answer_begun"} if blocks(text)[1] is not None else set()
    program = find_code(sample, text, strict=False)
    if program is None:
        return begun | {"no_code"}
    if not parses(program):
        return begun | {"code_broken"}
    verdict = outcome(sample, text, strict=False).verdict if code_allowed() else "wrong"
    return begun | {OF_VERDICTS.get(verdict, "tests_failed")}
