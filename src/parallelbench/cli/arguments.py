"""Options that several commands share, each written once, and the reading of comma lists."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

Suite = Annotated[str, typer.Option("--suite", help="'ours', the 'official' data, or 'hf': public data sets.")]
DataDir = Annotated[Path | None, typer.Option("--data-dir", help="Folder of the official data, or of a copy of the data sets.")]
Limit = Annotated[int | None, typer.Option("--limit", min=1, help="Samples per task; all without it.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Draws the samples and whatever is random in decoding.")]
Shots = Annotated[
    int | None, typer.Option("--shots", min=0, help="Demonstrations before the question; else the model's card says.")
]
BatchSize = Annotated[int, typer.Option("--batch-size", min=1, help="Samples in flight at once; changes no answer.")]
Device = Annotated[str | None, typer.Option("--device", help="Where the model runs, for example cuda:0.")]
Out = Annotated[Path | None, typer.Option("--out", "-o", help="Folder of the run; the same command again continues.")]

_COMMA = re.compile(r",(?![^\[]*\])")
_OPTION = re.compile(r"\s*\w+\s*=")


def split_specs(texts: Iterable[str]) -> list[str]:
    """Split comma lists into specs: `a:k=[1,2],block=8,b` -> `a:k=[1,2],block=8` and `b`.

    A comma inside brackets splits nothing, and a part that starts with `key=` belongs to the spec before it.
    """
    specs: list[str] = []
    for text in texts:
        for place, part in enumerate(_COMMA.split(text)):
            if place and _OPTION.match(part):
                specs[-1] += f",{part.strip()}"
            else:
                specs.append(part.strip())
    return specs
