"""Compares formulas by math-verify, as a separate program that `mathematics` starts and ends.

Every line of standard input is a JSON object with `right` and `written`; every line of standard output is one with `same`.
"""

from __future__ import annotations

import json
import logging
import sys

from parallelbench.worker import limit_memory

MEMORY = 1 << 30
SECONDS = 4
"""For each of the two steps, where the system has alarms; the parent limits the whole."""


def main() -> None:
    """Compare until standard input ends."""
    from math_verify import parse, verify

    logging.disable(logging.CRITICAL)
    limit_memory(MEMORY)
    print("ready", flush=True)
    for line in sys.stdin:
        job = json.loads(line)
        try:
            right, written = (parse(f"${job[key]}$", parsing_timeout=SECONDS) for key in ("right", "written"))
            same = bool(right and written and verify(right, written, timeout_seconds=SECONDS))
        except (ArithmeticError, AttributeError, LookupError, MemoryError, RecursionError, TypeError, ValueError):
            same = False
        print(json.dumps({"same": same}), flush=True)


if __name__ == "__main__":
    main()
