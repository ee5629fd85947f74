"""What a run comes to: rows for a table, one JSON object for a script, data frames, samples and figures for a notebook."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from parallelbench.analysis import frame as tables
from parallelbench.analysis.names import full_names
from parallelbench.errors import UserError
from parallelbench.runs.folder import StoredRun, read_run
from parallelbench.runs.undecoded import Undecoded, undecoded_of_last_call

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

SHOWN = 20
"""Rows of a table in a notebook."""


class Result(NamedTuple):
    """One cell: mean accuracy in [0, 1] with its 95 % interval, mean costs per sample, seconds of decoding in all."""

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


class DecoderMean(NamedTuple):
    """One decoder on all tasks of a model: plain means over tasks, with the 95 % interval of the mean accuracy."""

    model: str
    decoder: str
    tasks: int
    accuracy: float
    ci95: tuple[float, float]
    nfe: float | None
    tokens_per_step: float | None
    content_tokens_per_forward: float | None
    seconds: float


@dataclass(frozen=True, slots=True)
class SampleResult:
    """One sample: what the model was given, what it answered, and how.

    Attributes:
        prompt: the whole text that the model saw.
        answer: one right answer.
        text: what the model answered.
        scores: metrics by name, in [0, 1].
        history: for each forward its writes (position, token, confidence or None, "commit", "remask" or "edit"); positions
            count from the start of the canvas.
        pieces: the text of each token of the canvas.
    """

    task: str
    model: str
    decoder: str
    seed: int
    index: int
    prompt: str
    answer: str
    text: str
    scores: Mapping[str, float]
    nfe: int | None
    history: tuple[tuple[tuple[int, int, float | None, str], ...], ...]
    pieces: tuple[str, ...]

    def _repr_html_(self) -> str:
        shown = ("model", "decoder", "prompt", "answer", "text", "scores", "nfe")
        rows = "".join(f"<tr><th>{key}</th><td><pre>{escape(str(getattr(self, key)))}</pre></td></tr>" for key in shown)
        return f"<table>{rows}<tr><th>forwards</th><td>{len(self.history)}</td></tr></table>"


@dataclass(frozen=True)
class Results:
    """The results of the run folder `out`, read from its files.

    `frame` has one row per sample and `cells` one per cell; `samples` reads texts and histories; `plot` and `report` draw.
    """

    out: Path

    @cached_property
    def _stored(self) -> StoredRun:
        return read_run(self.out)

    @cached_property
    def frame(self) -> pd.DataFrame:
        """One row per sample; see docs/records.md for the columns."""
        return tables.samples(self._stored)

    @cached_property
    def cells(self) -> pd.DataFrame:
        """One row per cell, with the interval of its mean accuracy."""
        return tables.cells(self.frame)

    @cached_property
    def rows(self) -> list[Result]:
        """One result per cell, in the order of the plan."""
        return [
            Result(row["task"], row["model"], row["decoder"], int(row["seed"]), int(row["n"]), *_numbers(row))
            for row in tables.as_rows(self.cells)
        ]

    @cached_property
    def by_decoder(self) -> list[DecoderMean]:
        """One row per model and decoder, for the decoders that ran on every task of their model."""
        points = tables.points(self.frame)
        seconds = points.groupby(["model", "decoder"])["seconds"].sum().to_dict()
        return [
            DecoderMean(
                row["model"], row["decoder"], int(row["tasks"]),
                *_numbers({**row, "seconds": seconds[row["model"], row["decoder"]]}),
            )
            for row in tables.as_rows(tables.overall(points))
        ]  # fmt: skip

    @property
    def undecoded(self) -> list[Undecoded]:
        """The samples that the latest call could not decode, each with the reason; they have no records."""
        return undecoded_of_last_call(self.out)

    @property
    def samples(self) -> Iterator[SampleResult]:
        """Every sample with its texts and its history, cell by cell in the order of the plan."""
        for stored in read_run(self.out).cells:
            cell = stored.cell
            for folder, record in stored.records():
                trace = folder.trace(record)
                yield SampleResult(
                    cell.task, cell.model, cell.decoder, cell.seed, record.index, trace.prompt, trace.answer, record.text,
                    record.scores, record.nfe, trace.history, trace.pieces,
                )  # fmt: skip

    def sample(self, number: int = 0) -> SampleResult:
        """Return one sample by its place in `samples`.

        Raises:
            UserError: there are fewer.
        """
        for place, one in enumerate(self.samples):
            if place == number:
                return one
        raise UserError(f"{self.out} has no sample {number}; choose a smaller number.")

    def plot(self, *, by_task: bool = False) -> alt.LayerChart | alt.HConcatChart | alt.VConcatChart:
        """Return accuracy against tokens per step as an Altair chart: the mean over tasks, or one panel for each task.

        Raises:
            UserError: the run has no samples, or none with a known speed.
        """
        import altair as alt

        from parallelbench.report import tradeoff
        from parallelbench.report.data import read_report_data

        data = read_report_data(self.out)
        section = (tradeoff.by_task if by_task else tradeoff.tradeoff)(data)
        if section is None or not section.figures:
            raise UserError(f"{self.out} has no sample whose speed is known, so there is nothing to draw.")
        return alt.Chart.from_dict(section.figures[0].spec)

    def report(self, *, with_published: bool = True) -> Path:
        """Write OUT/report.html and the figures, and return the path of the page.

        Args:
            with_published: whether the numbers that the paper published for the same tasks are shown too.

        Raises:
            UserError: the run has no samples, or the folder cannot be written.
        """
        from parallelbench.report import write_report

        return write_report(self.out, with_published=with_published)

    def summary_json(self) -> dict[str, Any]:
        """The object that OUT/summary.json holds, with every decoder's full form. Of several seeds each result says its own.

        Those of an exact model also hold the lines of `analysis.bounds` for as many forwards as the samples took:
        `best_before_draw` (None where unknown), `best_after_draw`, and `after_draw_is` ("value" or "bound").
        """
        from parallelbench.analysis.split import lines_of_cells

        several = len({row.seed for row in self.rows}) > 1
        lines, full = lines_of_cells(self.frame), full_names(self._stored)
        return {
            "out": str(self.out),
            "cells": len(self.rows),
            "samples": sum(row.samples for row in self.rows),
            "results": [
                {**_entry(row, several), "decoder": full[row.decoder], **lines.get(cell, {})}
                for row, cell in zip(self.rows, self.cells["cell"], strict=True)
            ],
        }

    def __repr__(self) -> str:
        lines = [f"Results of {len(self.rows)} cells, {sum(row.samples for row in self.rows)} samples, in {self.out}"]
        lines += [
            f"  {row.accuracy:6.1%}  ({row.ci95[0]:.1%} to {row.ci95[1]:.1%})  {row.model}  {row.task}  {row.decoder}"
            for row in self.rows[:SHOWN]
        ]
        if len(self.rows) > SHOWN:
            lines.append(f"  and {len(self.rows) - SHOWN} more; .rows has all")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        columns = ["model", "task", "decoder", "n", "accuracy", "low", "high", "nfe", "tokens_per_step"]
        columns += ["content_tokens_per_forward", "seconds"]
        title = f"<p>{len(self.cells)} cells, {len(self.frame)} samples in <code>{escape(str(self.out))}</code></p>"
        table: str = self.cells[columns].to_html(index=False, max_rows=SHOWN, float_format=lambda value: f"{value:.3f}")
        return title + table


def _numbers(row: dict[str, Any]) -> tuple[float, tuple[float, float], float | None, float | None, float | None, float]:
    """The numbers of a row, in the order of `Result` and `DecoderMean`."""
    return (
        float(row["accuracy"]),
        (float(row["low"]), float(row["high"])),
        _known(row["nfe"]),
        _known(row["tokens_per_step"]),
        _known(row["content_tokens_per_forward"]),
        float(row["seconds"]),
    )


def _entry(row: Result, several: bool) -> dict[str, Any]:
    entry = row._asdict()
    del entry["samples"]
    if not several:
        del entry["seed"]
    return {**entry, "ci95": list(row.ci95)}


def _known(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
