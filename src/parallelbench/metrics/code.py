"""Whether a program passes its tests (pass@1 of one sample), run in confinement (`sandbox`).

The facts of such a sample are `tests` (source that asserts), `setup` (source before them), `entry` (the function that the
question names, "" where the tests alone name it) and `prefix` (source that the model was to continue, "" where there is none).

The strict metric takes a program from a closed code block only. The lenient one takes the same and, only where there is none,
an open block, or the longest part of the text that is Python; a text that continues `prefix` counts as its continuation.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Callable
from functools import lru_cache

from parallelbench.metrics.base import Metric
from parallelbench.sandbox import Outcome, run_program
from parallelbench.schema import Sample

LONGEST = 50_000
"""Characters of a program; a longer text holds none."""
TRIES = 200
"""How many lines are taken off the end of a text to find a part that is Python."""
_FENCE = re.compile(r"^ {0,3}(?:```|~~~)", re.MULTILINE)
_START = re.compile(r"^(?:def |class |import |from |@|async def )", re.MULTILINE)


def blocks(text: str) -> tuple[list[str], str | None]:
    """Return the code of every closed block of a text, and that of one that is still open at its end."""
    closed: list[str] = []
    opened: int | None = None
    for fence in _FENCE.finditer(text):
        if opened is None:
            line_end = text.find("\n", fence.end())
            opened = len(text) if line_end < 0 else line_end + 1
        elif fence.start() >= opened:
            closed.append(text[opened : fence.start()])
            opened = None
    return closed, None if opened is None else text[opened:]


def find_code(sample: Sample, text: str, strict: bool) -> str | None:
    """Return the program that a text holds, with what comes before it; None where there is none."""
    closed, opened = blocks(text)
    found = _best(closed, str(sample.facts["entry"]))
    if found is not None:
        return _joined(sample, found)
    if strict or len(text) > LONGEST:
        return None
    if opened is not None:
        text = opened
    start = _START.search(text)
    code = _parsing(text[start.start() :]) if start is not None else None
    if code is not None:
        return _joined(sample, code)
    return _continued(sample, text)


def _best(programs: list[str], entry: str) -> str | None:
    """The last block that defines the function that the question names, else the last."""
    named = [program for program in programs if entry and re.search(rf"^\s*(?:async )?def {re.escape(entry)}\b", program, re.M)]
    return next(reversed(named or programs), None)


def _joined(sample: Sample, code: str) -> str:
    """Code behind the source that it may rely on; what it defines anew replaces what that defines."""
    prefix = str(sample.facts["prefix"])
    return f"{prefix}\n{code}" if prefix and parses(prefix) else code


def _continued(sample: Sample, text: str) -> str | None:
    """The prefix with the lines of a text that continue it; None where it has none or no line does."""
    prefix, lines = str(sample.facts["prefix"]), text.strip("\n").split("\n")
    if not prefix or not text.strip():
        return None
    if not lines[0].startswith((" ", "\t")):
        lines[0] = "    " + lines[0]  # most tokenizers leave the first line's indentation to the prompt
    for count in range(len(lines), max(0, len(lines) - TRIES), -1):
        program = prefix + "\n".join(lines[:count]) + "\n"
        if any(line.strip() for line in lines[:count]) and parses(program):
            return program
    return None


def _parsing(text: str) -> str | None:
    """The longest beginning of a text, in lines, that is Python."""
    lines = text.split("\n")
    programs = ("\n".join(lines[:count]) for count in range(len(lines), max(0, len(lines) - TRIES), -1))
    return next((program for program in programs if program.strip() and parses(program)), None)


def parses(program: str) -> bool:
    """Whether a text is Python; it is read and not run."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an odd escape in a model's text is no concern of the user's
            ast.parse(program)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def outcome(sample: Sample, text: str, strict: bool) -> Outcome:
    """Run the program of a text, and say what became of it.

    Raises:
        UserError: the user did not allow it.
    """
    program = find_code(sample, text, strict)
    facts = sample.facts
    if program is None:
        return Outcome("no_code")
    return _run(program, str(facts["tests"]), str(facts["setup"]), str(facts["entry"]))


@lru_cache(4096)
def _run(program: str, tests: str, setup: str, entry: str) -> Outcome:
    return run_program(program, tests, setup, (entry,) if entry else ())


def _passes(strict: bool) -> Callable[[Sample, str], float]:
    def function(sample: Sample, text: str) -> float:
        return float(outcome(sample, text, strict).verdict == "passed")

    return function


def _metric(name: str, strict: bool) -> Metric:
    return Metric(name, _passes(strict), needs=("tests", "setup", "entry", "prefix"), runs_code=True)


PASS_1, PASS_1_STRICT = _metric("pass_1", strict=False), _metric("pass_1_strict", strict=True)
