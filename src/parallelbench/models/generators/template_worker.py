"""Renders chat templates of checkpoints, as a separate program, which `template_renderer` starts and ends.

A template is a program from outside. The sandbox of transformers keeps it from files and from the network, but limits neither
its time nor its memory: `{{ 'a' * 10**9 }}` takes gigabytes. Here its memory is limited; the parent limits its time.

Every line of standard input is a JSON object with `template`, `messages` and `variables`; every line of standard output is one
with `text` or with `error`. An error of another kind than a template's ends the process with one line on standard error.
"""

from __future__ import annotations

import json
import sys
from types import TracebackType

from parallelbench.worker import limit_memory

MEMORY = 512 << 20
"""Bytes that a template may take beyond what the process has when it is ready."""
TEXT = 1 << 20
"""Characters of a prompt at most."""


def one_line(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Say an error in one line, in place of a traceback."""
    print(said(error), file=sys.stderr)


def said(error: BaseException) -> str:
    """An error in at most 300 characters."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]


def main() -> None:
    """Render until standard input ends."""
    from jinja2 import TemplateError
    from transformers.utils.chat_template_utils import render_jinja_template

    faults = (TemplateError, ArithmeticError, AttributeError, LookupError, MemoryError, RecursionError, TypeError, ValueError)
    sys.excepthook = one_line
    limit_memory(MEMORY)
    print("ready", flush=True)
    for line in sys.stdin:
        job = json.loads(line)
        try:
            (text,), _ = render_jinja_template(
                [job["messages"]], chat_template=job["template"], add_generation_prompt=True, **job["variables"]
            )
            reply = {"text": text} if len(text) <= TEXT else {"error": f"its prompt has {len(text)} characters"}
        except faults as error:
            reply = {"error": said(error)}
        print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    main()
