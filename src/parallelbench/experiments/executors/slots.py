"""The places for workers: which chunks each worker holds, and how many requests it needs so that it never waits."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from parallelbench.experiments.executors.chunks import Chunk
from parallelbench.schema import BatchSize

CHUNKS = 2
"""The most chunks that a worker holds: one that it decodes, and one that it goes on with without waiting for the driver."""
SOON = 2
"""The next chunk is handed out when no more samples are left of the first than in so many reports: within about a second.

Earlier would leave less to the other workers at the end, because a chunk is never taken back from a worker that lives.
"""


@dataclass(slots=True)
class Held:
    """A chunk that a worker holds, the indices that it has not reported, and whether it has reported that its cell is open."""

    chunk: Chunk
    left: set[int]
    opened: bool = False


@dataclass(slots=True)
class Slot:
    """A place for a worker, which is filled again when the worker ends.

    Attributes:
        state: "down" (to be started), "starting" or "up".
        since: when the state began, or the worker was handed its first chunk or last reported anything.
        model: the key of the model that the worker holds, or loads for its last chunk.
        held: its chunks, the one that it decodes first.
        requests: how many requests it has not answered.
        reported: the samples in its last report that had any.
        failures: how often in a row it ended before it decoded anything.
    """

    number: int
    batch_size: BatchSize
    state: str = "down"
    since: float = 0.0
    model: str | None = None
    held: deque[Held] = field(default_factory=deque)
    requests: int = 0
    reported: int = 0
    failures: int = 0

    @property
    def has_room(self) -> bool:
        """Whether another chunk can be handed to the worker."""
        if self.state != "up" or len(self.held) >= CHUNKS:
            return False
        return not self.held or len(self.held[0].left) <= SOON * self.reported

    @property
    def requests_missing(self) -> int:
        """How many requests more it needs: a chunk takes one to be opened and at least one to be decoded.

        It has one request more than it works at, so that it goes on while its report is read. Where no chunk follows, the last
        report is empty.
        """
        needed = sum(1 if one.opened else 2 for one in self.held)
        return max(0, max(needed, 2) - self.requests) if self.held else 0

    def empty(self) -> list[Held]:
        """Take everything from a worker that has ended."""
        held, self.held, self.model, self.requests = list(self.held), deque(), None, 0
        return held
