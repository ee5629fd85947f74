"""What records on disk say about the costs of a setting: mean forwards, rows, seconds and tokens of a sample."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from parallelbench.runs.cell import Cell
from parallelbench.runs.folder import StoredCell, read_run
from parallelbench.runs.records import Record

Key = tuple[str, str, str, int]
"""Decoder, cache, task and length of the canvas: what a measurement must have in common with a planned cell."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Means over the samples of one stored cell; None where a record does not say.

    Attributes:
        cell: the cell.
        samples: how many samples it has.
        forwards, rows, seconds: of a sample.
        prompt_tokens, tokens: of a sample of a generator.
    """

    cell: Cell
    samples: int
    forwards: float | None
    rows: float | None
    seconds: float
    prompt_tokens: float | None
    tokens: float | None


class Measurements:
    """The measurements of one folder or of several."""

    def __init__(self, found: Iterable[Measured] = ()) -> None:
        self._by_key: dict[Key, list[Measured]] = {}
        self._speeds: dict[str, list[float]] = {}
        for one in found:
            self._by_key.setdefault(key_of(one.cell), []).append(one)
            if one.rows is not None:
                rows, seconds = self._speeds.setdefault(one.cell.model, [0.0, 0.0])
                self._speeds[one.cell.model] = [rows + one.rows * one.samples, seconds + one.seconds * one.samples]

    def nearest(self, cell: Cell) -> Measured | None:
        """Return the measurement of this decoder and task that resembles a cell most.

        The same model counts most, then the same options of the task, then the number of samples.
        """
        found = self._by_key.get(key_of(cell), ())
        return max(
            found,
            key=lambda one: (one.cell.model == cell.model, one.cell.task_options == cell.task_options, one.samples),
            default=None,
        )

    def rows_per_second(self, model: str) -> float | None:
        """Return the mean speed of a model over all its measurements; None without one."""
        rows, seconds = self._speeds.get(model, (0.0, 0.0))
        return rows / seconds if rows > 0 and seconds > 0 else None


def key_of(cell: Cell) -> Key:
    """Return what a measurement must have in common with a cell."""
    return cell.decoder, cell.cache, cell.task, cell.canvas_length


def read_measurements(folders: Sequence[Path], cells: Collection[Cell]) -> Measurements:
    """Read what run folders say about the decoders and tasks of these cells; other cells are not read.

    Raises:
        UserError: a folder holds no run.
        DamagedRun: a file is damaged.
    """
    wanted = {key_of(cell) for cell in cells}
    stored = (one for folder in folders for one in read_run(folder).cells if key_of(one.cell) in wanted)
    return Measurements(one for cell in stored if (one := _means(cell)) is not None)


def _means(stored: StoredCell) -> Measured | None:
    records = [record for _, record in stored.records()]
    if not records:
        return None
    return Measured(
        cell=stored.cell,
        samples=len(records),
        forwards=_mean(record.nfe for record in records),
        rows=_mean(record.costs.rows for record in records),
        seconds=sum(record.seconds for record in records) / len(records),
        prompt_tokens=_mean(_reported(record, "prompt_tokens") for record in records),
        tokens=_mean(_reported(record, "tokens") for record in records),
    )


def _reported(record: Record, name: str) -> int | None:
    return None if record.reported is None else getattr(record.reported, name)


def _mean(values: Iterable[int | None]) -> float | None:
    """The mean of the values that are known."""
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
