"""`parallelbench view`: the explorer, served to a browser on this machine until Ctrl-C."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Annotated

import typer


def command(
    runs: Annotated[list[Path], typer.Argument(metavar="OUT...", help="One run folder, or several that are read as one.")],
    port: Annotated[int, typer.Option("--port", min=0, max=65535, show_default="any", help="Port on 127.0.0.1.")] = 0,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Print the address only.")] = False,
) -> None:
    """Look through the samples of a run in the browser.

    Filters choose samples; one is shown forward by forward, also next to that of another decoder. A run that goes on is
    followed. Only this machine can connect, with the token of the address. Needs the extra 'view'. Ctrl-C ends it.
    Example: parallelbench view out
    """
    from parallelbench.cli.terminal import note, say
    from parallelbench.cli.trace_choice import laid_out
    from parallelbench.errors import MissingExtra
    from parallelbench.runs.folder import read_run
    from parallelbench.view.index import Index
    from parallelbench.view.reader import Reader

    try:
        from parallelbench.view.app import make_app
        from parallelbench.view.server import listening, new_token, serve
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("starlette", "uvicorn"):
            raise
        raise MissingExtra("view", "view") from error
    index, token = Index(read_run(*runs)), new_token()
    where = listening(port)
    url = f"http://127.0.0.1:{where.getsockname()[1]}/{token}/"
    say(url)
    if not no_browser:
        import webbrowser

        if not webbrowser.open(url):
            note("no browser was found; open the address above.")
    note("Ctrl-C ends the explorer.")
    with contextlib.suppress(KeyboardInterrupt):
        serve(make_app(index, token, laid_out), where, Reader(index).follow)
