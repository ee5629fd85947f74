"""The command line: `parallelbench COMMAND`. Thin: parse, call, print; everything heavy is imported inside its command."""

from __future__ import annotations

import importlib
import io
import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import Annotated

import typer
from typer.exceptions import TyperException

from parallelbench.cli.exit_codes import INTERRUPTED, USER_MISTAKE
from parallelbench.errors import UserError

COMMANDS = ("run", "sweep", "score", "report", "repair", "list", "show", "theory", "train", "doctor")
"""Each is the function `command` of `parallelbench.cli.<name>_command`, shown in this order."""


def build_app() -> typer.Typer:
    """Make the application from the table of commands."""
    app = typer.Typer(
        name="parallelbench",
        help="How far can a diffusion language model be decoded in parallel before its answers break?",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_common)
    for name in COMMANDS:
        module = importlib.import_module(f"parallelbench.cli.{name}_command")
        app.command(name)(module.command)
    return app


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"parallelbench {version('parallelbench')}")
        raise typer.Exit


def _common(
    _show: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """How far can a diffusion language model be decoded in parallel before its answers break?"""


def invoke(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code: 0, 2 for the user's mistakes (one sentence on stderr), 130 for Ctrl-C."""
    try:
        code = build_app()(list(arguments), prog_name="parallelbench", standalone_mode=False)
    except UserError as error:
        return _complain(str(error))
    except TyperException as error:
        return _complain(error.format_message())
    except KeyboardInterrupt:
        print("interrupted; give the same command again.", file=sys.stderr)
        return INTERRUPTED
    except PermissionError as error:
        return _complain(f"{error.filename} cannot be used ({error.strerror}); check its permissions.")
    return code if isinstance(code, int) else 0


def main() -> None:
    """The entry point of the commands `parallelbench` and `pbench`."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that cannot show a letter shows its number
    sys.exit(invoke(sys.argv[1:]))


def _complain(message: str) -> int:
    print(message.strip(), file=sys.stderr)
    return USER_MISTAKE
