"""`parallelbench merge`: several run folders become one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    sources: Annotated[list[Path], typer.Argument(metavar="A B...", help="Run folders of one version of parallelbench.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The new folder.")],
) -> None:
    """Merge run folders into a new one.

    A sample that is in several folders is kept once if its results are equal; if they differ, nothing is written. The sources
    stay as they are. Example: parallelbench merge gpu0 gpu1 -o both
    """
    from parallelbench.cli.terminal import say
    from parallelbench.experiments import provenance
    from parallelbench.runs.merge import merge

    done = merge(sources, out, provenance.given_arguments(), provenance.environment())
    shared = f", {done.shared} of them in several folders" if done.shared else ""
    say(f"merged {done.cells} cells{shared}; next: parallelbench report {out}")
