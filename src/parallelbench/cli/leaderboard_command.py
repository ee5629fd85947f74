"""`parallelbench leaderboard`: rank runs and submissions on one page, write the runs as a submission, or check submissions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from parallelbench.leaderboard.form import Submission

Files = list[Path] | None


def command(
    runs: Annotated[
        Files, typer.Argument(metavar="[RUN]...", help="Run folders; several are read as one.", show_default=False)
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the page and of the submission.")] = Path("board"),
    add: Annotated[Files, typer.Option("--add", help="A submission file to rank as well; repeatable.")] = None,
    check: Annotated[Files, typer.Option("--check", help="Check a submission and write nothing; repeatable.")] = None,
    published: Annotated[bool, typer.Option("--published/--no-published", help="Rank the paper's numbers as well.")] = True,
    source: Annotated[str, typer.Option("--source", help="Who submits the runs: a name or a link.", show_default=False)] = "",
) -> None:
    """Rank runs and submissions on one page; check a submission.

    Writes board/index.html, the ranking, and board/submission.json, the results of the runs as a submission.

    The page is one file without any script. docs/leaderboard.md describes the submission.
    """
    from parallelbench import __version__
    from parallelbench.cli.terminal import say
    from parallelbench.errors import UserError
    from parallelbench.leaderboard import entries
    from parallelbench.leaderboard.form import read_submission
    from parallelbench.leaderboard.page import SUBMISSION, write_board

    if check:
        for path in check:
            say(f"{path} is a valid submission: {_content(read_submission(path))}.")
        return
    submissions = [read_submission(path) for path in add or ()]
    measured = entries.of_runs(list(dict.fromkeys(runs)), __version__, source) if runs else None
    submissions += [measured] if measured else []
    submissions += [entries.published()] if published else []
    if not submissions:
        raise UserError(
            "there is nothing to rank; name a run folder, add a submission (--add FILE), or leave out --no-published."
        )
    say(str(write_board(submissions, measured, out)))
    if measured:
        say(str(out / SUBMISSION))


def _content(submission: Submission) -> str:
    curves = submission.curves
    counts = {
        "curve": len(curves),
        "model": len({curve.model for curve in curves}),
        "setting": sum(len(curve.settings) for curve in curves),
        "task": len({one.task for curve in curves for one in curve.settings[0].tasks}),
    }
    return f"{submission.origin}, " + ", ".join(f"{count} {name}{'' if count == 1 else 's'}" for name, count in counts.items())
