"""What a tracker is, and what it is sent."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from parallelbench.errors import MissingExtra

FORBIDDEN = re.compile(r"[/\\#?%:\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class RunFacts:
    """A run folder as a tracker sees it.

    Attributes:
        id: the same for every call on the folder, so that a run that goes on is found again.
        name, group: the name of the folder, and of the sweep.
        config: the sweep with every option, as the last call resolved it.
        provenance: command line, versions, commit and machine of every call.
    """

    id: str
    name: str
    group: str
    config: Mapping[str, Any]
    provenance: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class CellFacts:
    """A finished cell: what it is, and its numbers by name.

    The numbers are `accuracy` with its 95 % interval (`accuracy_low`, `accuracy_high`), `samples`, the mean costs of a sample
    (`nfe`, `rows`, `tokens_per_step`, `content_tokens_per_forward`), `seconds` and `cost` in all, and `score_NAME` for the
    mean of each metric; what is unknown is left out.
    """

    id: str
    model: str
    task: str
    decoder: str
    seed: int
    numbers: Mapping[str, float]

    @property
    def names(self) -> dict[str, str]:
        """What it is, as texts."""
        return {"cell": self.id, "model": self.model, "task": self.task, "decoder": self.decoder, "seed": str(self.seed)}


def library(name: str) -> Any:
    """Import the package of a tracker, which has the name of its extra.

    Raises:
        MissingExtra: the package is not installed.
    """
    try:
        return import_module(name)
    except ImportError as error:
        raise MissingExtra(f"tracking with {name}", name) from error


def _plain(name: str) -> str:
    if found := FORBIDDEN.search(name):
        raise ValueError(f"a name may not hold {found[0]!r}; leave it out")
    return name


PlainName = Annotated[str, Field(min_length=1, max_length=128), AfterValidator(_plain)]
"""The name of a project or of a team, which is part of an address or of a file's name."""


class Tracker(ABC):
    """A place that results are sent to. Every method but `place` may raise whatever its library raises, and may take long."""

    @property
    @abstractmethod
    def place(self) -> str:
        """Its name and where it sends to, by which a folder remembers what was sent there."""

    @abstractmethod
    def open(self, run: RunFacts) -> None:
        """Begin the run there, or find it again by its id."""

    @abstractmethod
    def cell(self, cell: CellFacts, known: bool) -> None:
        """Send a finished cell and replace what it has there. `known`: the same was sent there before, so no row is added."""

    @abstractmethod
    def close(self, cells: Sequence[CellFacts], files: Sequence[Path], known: bool) -> None:
        """Send the table of all finished cells and some files, and end. `known`: the same table was sent there before."""
