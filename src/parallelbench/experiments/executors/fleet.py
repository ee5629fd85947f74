"""Workers in other processes: what the supervisor sends them, and what they reply. `ray_fleet` has those of a Ray cluster."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from parallelbench.experiments.executors.chunks import Chunk
from parallelbench.runs.calls import Environment
from parallelbench.schema import BatchSize


@dataclass(frozen=True, slots=True)
class Ready:
    """A worker has started and waits for its first chunk; `place` is the name of its machine."""

    number: int
    place: str
    environment: Environment


@dataclass(frozen=True, slots=True)
class Progressed:
    """What a worker reports of the first of its chunks, as `wire` writes events; `ended`: there is no more of that chunk."""

    number: int
    events: tuple[tuple[bytes, ...], ...]
    ended: bool


@dataclass(frozen=True, slots=True)
class Refused:
    """A worker met something that the user can mend; it is alive."""

    number: int
    sentence: str


@dataclass(frozen=True, slots=True)
class Ended:
    """A worker is no more, or met an error that leaves it in an unknown state; `memory`: because memory ran out."""

    number: int
    reason: str
    memory: bool = False


Reply = Ready | Progressed | Refused | Ended


class Fleet(Protocol):
    """Starts, directs and stops workers. Every call but `wait` returns at once; a worker answers requests in their order."""

    def start(self, number: int, batch_size: BatchSize) -> None:
        """Start a worker under a number that no running worker has; `Ready` follows when it has found a place."""

    def proceed(self, number: int, chunk: Chunk | None = None) -> None:
        """Let a worker go on for a while with the first of its chunks: it opens the chunk's cell, or decodes.

        A further chunk comes after those that the worker has. One `Progressed` follows, empty where it has no chunk.
        """

    def stop(self, number: int) -> None:
        """End a worker's process at once; nothing follows, not even what it had reported."""

    def wait(self, seconds: float) -> list[Reply]:
        """Return the replies that have arrived, as soon as there is one, at the latest after so many seconds."""

    def close(self) -> None:
        """End every worker."""
