"""The application: one table of commands, of which only the one that is called is imported."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer

COMMANDS = {
    "run": "Decode tasks with a model under several decoders.",
    "sweep": "Run an experiment file: models, tasks, decoders and seeds.",
    "score": "Score the stored texts of a run by more metrics.",
    "report": "Write OUT/report.html, and its figures as CSV and SVG.",
    "compare": "Compare two runs sample by sample, with intervals.",
    "export": "Write results as tables, for a paper, or for lm-eval.",
    "ls": "List run folders with their state.",
    "merge": "Merge run folders into a new one.",
    "leaderboard": "Rank runs and submissions on one page; check a submission.",
    "trace": "Show how an answer was decoded, and which writes broke it.",
    "view": "Look through the samples of a run in the browser.",
    "status": "Say how far a run is, from another terminal.",
    "track": "Send the results of a run to wandb, MLflow or Trackio.",
    "repair": "Set aside damage in a run folder, or convert an old one.",
    "list": "List tasks, models, decoders, metrics, experiments and so on.",
    "show": "Show samples of a task, or a decoder, a model or a recipe.",
    "theory": "Print bounds, and the accuracy of a perfect model.",
    "train": "Train a small model that ships, or fine-tune a checkpoint.",
    "cluster": "Print how to run on several GPUs or machines.",
    "lm-eval": "Run tasks of lm-evaluation-harness with our models.",
    "lm-task": "Write a task as a YAML file of lm-evaluation-harness.",
    "path": "Print where a folder of the package lies.",
    "doctor": "Check a model, or a decoder against its contract.",
}
"""Each is the function `command` of `parallelbench.cli.<name>_command`, with the first line of its help, in the order shown."""


def build_app(arguments: Sequence[str] = ()) -> typer.Typer:
    """Make the application. The command that `arguments` name is complete, of the others only the first line of the help is."""
    app = typer.Typer(
        name="parallelbench",
        help="How far can a diffusion language model be decoded in parallel before its answers break?",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,  # its import takes longer than everything else that --help does
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_common)
    called = next((argument for argument in arguments if not argument.startswith("-")), None)
    for name, summary in COMMANDS.items():
        app.command(name)(_command(name) if name == called else _stub(summary))
    return app


def _command(name: str) -> Callable[..., Any]:
    command: Callable[..., Any] = importlib.import_module(f"parallelbench.cli.{name.replace('-', '_')}_command").command
    return command


def _stub(summary: str) -> Callable[[], None]:
    def command() -> None: ...

    command.__doc__ = summary
    return command


def _version(wanted: bool) -> None:
    if wanted:
        from parallelbench import __version__

        typer.echo(f"parallelbench {__version__}")
        raise typer.Exit


def _common(
    _show: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """How far can a diffusion language model be decoded in parallel before its answers break?"""
