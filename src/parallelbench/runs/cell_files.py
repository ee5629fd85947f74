"""What the two small files of a cell hold: cell.json and DONE."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field, TypeAdapter

from parallelbench.runs.border import STRICT, Schema
from parallelbench.runs.calls import Environment
from parallelbench.runs.cell import Cell
from parallelbench.runs.records import Count


@dataclass(frozen=True, slots=True)
class Usage:
    """What decoding took of the machine; None where there is no reading.

    Attributes:
        peak_memory: the most bytes at once: of the GPU on which the model runs as PyTorch counts them, else the resident size
            of the process, weights and libraries included.
        joules: energy of what `counted` names, other programs on it included.
        counted: "gpu", or the domains of the processor: "package-0", "dram".
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    peak_memory: Count | None = None
    joules: Annotated[float, Field(ge=0)] | None = None
    counted: tuple[str, ...] = ()


NO_READING = Usage()


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What one call did for a cell.

    Attributes:
        call: the number of the call in its folder.
        started, ended: UTC, ISO 8601; `ended` is None where it was killed or failed.
        samples: how many it added; 0 where it did not come to its end.
        device, batch_size, model: with what, `model` being what the model tells of itself.
        environment: software and machine.
        usage: what it took of the machine; no reading where it did not come to its end, and in folders of earlier versions.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    call: int
    started: str
    ended: str | None = None
    samples: Count = 0
    device: str
    batch_size: Count | Literal["auto"]
    model: Mapping[str, Any]
    environment: Environment
    usage: Usage = NO_READING


@dataclass(frozen=True, slots=True, kw_only=True)
class CellFile:
    """What cell.json holds.

    Attributes:
        backends: for each metric that more than one program can compute, which did, and its version.
        prompt_hash: hash of the first sample's prompt; a cell of which the prompts have changed is not continued.
        sessions: one for each call that added samples.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    schema: Schema
    id: str
    cell: Cell
    backends: Mapping[str, str]
    prompt_hash: str
    sessions: tuple[Session, ...]


@dataclass(frozen=True, slots=True)
class Done:
    """What DONE holds: how many records the cell has."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    schema: Schema
    rows: Count


CELL_FILE, DONE_FILE = TypeAdapter(CellFile), TypeAdapter(Done)
