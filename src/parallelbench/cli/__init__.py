"""The command line: `parallelbench COMMAND`. It parses, calls and prints; everything heavy is imported inside its command."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def invoke(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code (`exit_codes`); whatever goes wrong is one sentence on stderr."""
    from parallelbench.cli.guard import Guard

    guard = Guard(arguments)
    with guard:
        from parallelbench.cli.app import build_app
        from parallelbench.cli.exit_codes import INTERRUPTED

        code = build_app(arguments)(list(arguments), prog_name="parallelbench", standalone_mode=False)
        if code == INTERRUPTED:
            raise KeyboardInterrupt  # typer has turned it into an exit code
        guard.code = code if isinstance(code, int) else 0
    return guard.code


def main() -> None:
    """Run the command line of this process: the entry point of the commands `parallelbench` and `pbench`."""
    from parallelbench.cli import process

    process.prepare()
    code = invoke(sys.argv[1:])
    sys.exit(process.finish(code))
