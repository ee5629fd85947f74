"""`parallelbench merge`: several run folders become one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

MOST_NAMES = 8
"""Unfinished cells that are named."""


def command(
    sources: Annotated[list[Path], typer.Argument(metavar="A B...", help="Run folders of one version of parallelbench.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The new folder.")],
) -> None:
    """Merge run folders into a new one.

    A sample that is in several folders is kept once if its results are equal; if they differ, nothing is written. The sources
    stay as they are. A run that goes on is refused; of one that was killed or has stalled the samples on disk are merged, and
    its unfinished cells are named. Example: parallelbench merge gpu0 gpu1 -o both
    """
    from parallelbench.cli.terminal import note, say
    from parallelbench.experiments import provenance
    from parallelbench.runs.merge import merge

    done = merge(sources, out, provenance.given_arguments(), provenance.environment())
    if done.unfinished:
        more = f"; and {len(done.unfinished) - MOST_NAMES} more" if len(done.unfinished) > MOST_NAMES else ""
        note(f"{len(done.unfinished)} cells are unfinished: {'; '.join(done.unfinished[:MOST_NAMES])}{more}.")
    shared = f", {done.shared} of them in several folders" if done.shared else ""
    say(f"merged {done.cells} cells{shared}; next: parallelbench report {out}")
