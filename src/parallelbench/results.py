"""What a run comes to: rows for a table, one JSON object for a script, a data frame for a notebook."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from parallelbench.analysis import frame as tables

if TYPE_CHECKING:
    import pandas as pd


class Result(NamedTuple):
    """One cell: mean score in [0, 1] with its 95 % interval, mean costs per sample, seconds of decoding in all."""

    task: str
    model: str
    decoder: str
    seed: int
    samples: int
    accuracy: float
    ci95: tuple[float, float]
    nfe: float | None
    tokens_per_step: float | None
    content_tokens_per_forward: float | None
    seconds: float


@dataclass(frozen=True)
class Results:
    """The results of the run folder `out`, read from its files. `frame` has one row per sample, `cells` one per cell."""

    out: Path

    @cached_property
    def frame(self) -> pd.DataFrame:
        """One row per sample; see docs/records.md for the columns."""
        return tables.samples(self.out)

    @cached_property
    def cells(self) -> pd.DataFrame:
        """One row per cell, with the interval of its mean score."""
        return tables.cells(self.frame)

    @cached_property
    def rows(self) -> list[Result]:
        """One result per cell, in the order of the plan."""
        return [
            Result(
                task=row["task"],
                model=row["model"],
                decoder=row["decoder"],
                seed=int(row["seed"]),
                samples=int(row["n"]),
                accuracy=float(row["accuracy"]),
                ci95=(float(row["low"]), float(row["high"])),
                nfe=_number(row["nfe"]),
                tokens_per_step=_number(row["tokens_per_step"]),
                content_tokens_per_forward=_number(row["content_tokens_per_forward"]),
                seconds=float(row["seconds"]),
            )
            for row in tables.as_rows(self.cells)
        ]

    def summary_json(self) -> dict[str, Any]:
        """The object that `run` prints last. Results of several seeds say which seed each belongs to."""
        several = len({row.seed for row in self.rows}) > 1
        return {
            "out": str(self.out),
            "cells": len(self.rows),
            "samples": sum(row.samples for row in self.rows),
            "results": [_entry(row, several) for row in self.rows],
        }


def _entry(row: Result, several: bool) -> dict[str, Any]:
    entry = row._asdict()
    del entry["samples"]
    if not several:
        del entry["seed"]
    return {**entry, "ci95": list(row.ci95)}


def _number(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
