"""What an executor is: it is passed cells with the samples that are missing, and yields what happens to them."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from pydantic import ConfigDict

from parallelbench.experiments.plan import PlannedCell
from parallelbench.runs.border import STRICT
from parallelbench.runs.cell_files import Usage
from parallelbench.runs.records import Record, Trace


@dataclass(frozen=True, slots=True)
class CellTodo:
    """A cell, and the indices of the samples that are to be decoded, in the order in which a limit takes them."""

    work: PlannedCell
    missing: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class CellStarted:
    """A cell's first samples are next; its model may still have to be loaded."""

    cell_id: str


@dataclass(frozen=True, slots=True)
class CellOpened:
    """The model of a cell is loaded. Several workers may open one cell, and must then agree on prompt and backends.

    Attributes:
        device: where the model runs.
        details: what the model tells of itself.
        prompt_hash: hash of the prompt of the cell's first sample.
        backends: for each metric that more than one program can compute, which one does here, and its version.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    cell_id: str
    device: str
    details: Mapping[str, Any]
    prompt_hash: str
    backends: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class CellMeasured:
    """What the samples of a cell took of the machine; comes before the last of them is done, from an executor that measures."""

    cell_id: str
    usage: Usage


@dataclass(frozen=True, slots=True)
class SampleDone:
    """One sample is decoded and scored; `record.cell` names its cell."""

    record: Record
    trace: Trace


@dataclass(frozen=True, slots=True)
class SampleFailed:
    """One sample could not be decoded, however often it was tried; the others go on."""

    cell_id: str
    index: int
    reason: str


@dataclass(frozen=True, slots=True)
class Remark:
    """Something that the user should know, in one sentence."""

    text: str


Event = CellStarted | CellOpened | CellMeasured | SampleDone | SampleFailed | Remark
Events = Generator[Event, None, None]


class Executor(Protocol):
    """Decodes samples. Closing the events stops it."""

    def execute(self, todo: Sequence[CellTodo]) -> Events:
        """Decode every missing sample, and yield each exactly once, as `SampleDone` or `SampleFailed`.

        A cell's `CellStarted` comes first, and each worker's `CellOpened` before the first sample that it decodes.

        Raises:
            UserError: a cell cannot be run.
        """
