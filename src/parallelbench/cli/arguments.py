"""Command-line options that several commands have in common."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

import typer

Suite = Annotated[
    str, typer.Option("--suite", help="ours, official (the paper's data), hf (public texts), standard (GSM8K, ...).")
]
DataDir = Annotated[Path | None, typer.Option("--data-dir", help="Folder of the official data, or of a copy of the data sets.")]
Limit = Annotated[int | None, typer.Option("--limit", min=1, help="Samples per task; all without it.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Draws the samples.")]
Seeds = Annotated[
    list[int] | None,
    typer.Option("--seed", min=0, show_default="0", help="Draws the samples and what is random in decoding; repeatable."),
]
Shots = Annotated[
    int | None, typer.Option("--shots", min=0, help="Demonstrations before the question; else the model's card says.")
]


def _batch_size(text: str) -> str | int:
    """Read a number from 1, or `auto`."""
    if text == "auto":
        return text
    if not re.fullmatch(r"[1-9][0-9]{0,8}", text):
        raise typer.BadParameter(f"{text!r} is neither auto nor a whole number from 1.")
    return int(text)


BatchSize = Annotated[
    Any,
    typer.Option("--batch-size", parser=_batch_size, metavar="N|auto", help="Samples in flight at once; changes no answer."),
]
Device = Annotated[str | None, typer.Option("--device", help="Where the model runs, for example cuda:0.")]
Out = Annotated[Path | None, typer.Option("--out", "-o", help="Folder of the run; the same command again continues.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Check everything and say what would run; run and write nothing.")]
Measured = Annotated[
    list[Path] | None,
    typer.Option("--measured", metavar="DIR", help="Run folders that a dry run takes speeds from, besides OUT; repeatable."),
]
Speed = Annotated[
    list[str] | None,
    typer.Option("--speed", metavar="[MODEL=]N", help="Rows a second, for the time that a dry run expects; repeatable."),
]
PricesFile = Annotated[Path | None, typer.Option("--prices", help="A file of prices of served models (docs/served.md).")]
MaxCost = Annotated[
    float | None, typer.Option("--max-cost", min=0, help="Refuse a plan that would cost more; end a run that does.")
]
Executor = Annotated[str | None, typer.Option("--executor", metavar="local|ray", help="In this process, or on workers of Ray.")]
Workers = Annotated[int | None, typer.Option("--workers", min=1, help="Workers of Ray; default: as many as have room.")]
GpusPerWorker = Annotated[float | None, typer.Option("--gpus-per-worker", min=0, help="GPUs of each worker of Ray.")]
CpusPerWorker = Annotated[float | None, typer.Option("--cpus-per-worker", min=0, help="CPU cores of each worker of Ray.")]
RayAddress = Annotated[
    str | None,
    typer.Option("--ray-address", metavar="ADDRESS", help="auto, HOST:PORT or ray://HOST:PORT; default: Ray is started."),
]
WorkerTimeout = Annotated[
    float | None, typer.Option("--worker-timeout", help="Seconds without a sample after which a worker is replaced.")
]
Track = Annotated[
    list[str] | None,
    typer.Option("--track", metavar="TRACKER", help="Also send results to wandb, mlflow or trackio (docs/cli.md); repeatable."),
]
Wordings = Annotated[
    list[str] | None,
    typer.Option("--wording", metavar="all|NAME,...", help="Wordings of tasks that have several: plain, polite, task_first."),
]
System = Annotated[
    list[str] | None,
    typer.Option("--system", metavar="TEXT", help="A system prompt before the question; repeatable ('' is none)."),
]
Protocol = Annotated[str | None, typer.Option("--protocol", help="Published settings of standard tasks (list protocols).")]
Caches = Annotated[list[str] | None, typer.Option("--cache", help="Cache of attention keys (list caches); repeatable.")]
Aux = Annotated[str | None, typer.Option("--aux", help="Second model with the same tokens, for some decoders.")]
Distribution = Annotated[
    int | None,
    typer.Option("--distribution", min=2, metavar="N", help="Compare N answers to one question with the right ones."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the results as one JSON object in the last line.")]
WholeTable = Annotated[bool, typer.Option("--table", help="Print every cell, however many there are.")]
AllowCode = Annotated[bool, typer.Option("--allow-code", help="Run programs that the model writes, confined, to score them.")]
AllowShortCanvas = Annotated[
    bool, typer.Option("--allow-short-canvas", help="Run also where right answers are longer than the canvas.")
]
