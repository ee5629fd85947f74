"""Divides the samples of a run among workers: which worker decodes which samples of which cell next.

Nothing here knows where workers are. A chunk is some samples of one cell. Long cells are divided, short ones stay whole; near
the end chunks become small, so that workers end at about the same time.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from parallelbench.experiments.executors.events import CellTodo

LARGEST = 512
"""The most samples of a chunk, so that little is lost with a worker and the others find work."""
SMALLEST = 8
"""Fewer samples are not split off, because a chunk costs a forward that is charged to no sample."""
PARTS = 2
"""A chunk is at most this part of an equal division of all waiting samples among the workers: half of it."""
ATTEMPTS = 4
"""A sample is tried this often: once, and three times more after its worker ended."""
PIECES = 8
"""After a worker ended, its chunk is handed out in so many pieces, so that the sample that is to blame is found."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Samples of one cell for one worker."""

    cell_id: str
    model: str
    indices: tuple[int, ...]


class Chunks:
    """The samples that no worker has been handed yet.

    Args:
        todo: the cells with their missing samples.
        workers: how many workers there are to be.
    """

    def __init__(self, todo: Sequence[CellTodo], workers: int) -> None:
        self._workers = max(1, workers)
        self._fresh: dict[str, dict[str, deque[int]]] = {}
        """By model and cell, the samples that were never handed out."""
        self._again: deque[Chunk] = deque()
        self._ended: Counter[tuple[str, int]] = Counter()
        """By cell and sample, how many workers ended while they decoded it."""
        self._waiting: Counter[str] = Counter()
        for one in todo:
            self._fresh.setdefault(one.work.model, {})[one.work.cell.id] = deque(one.missing)
            self._waiting[one.work.model] += len(one.missing)

    @property
    def waiting(self) -> int:
        """Samples that are to be handed out."""
        return self._waiting.total()

    def take(self, held: str | None, others: Iterable[str]) -> Chunk | None:
        """Return the next chunk of a worker, or None where it had better stay idle.

        Args:
            held: the model that the worker holds.
            others: the models that the other workers hold.
        """
        model = self._model(held, Counter(others))
        if model is None:
            return None
        chunk = self._again_of(model) or self._fresh_of(model)
        self._waiting[model] -= len(chunk.indices)
        return chunk

    def _again_of(self, model: str) -> Chunk | None:
        found = next((chunk for chunk in self._again if chunk.model == model), None)
        if found is not None:
            self._again.remove(found)
        return found

    def _fresh_of(self, model: str) -> Chunk:
        """Some samples of the model's first cell that has any; a rest that is too small for a chunk is taken with them."""
        cells = self._fresh[model]
        cell_id, fresh = next(iter(cells.items()))
        size = min(LARGEST, max(SMALLEST, -(-self.waiting // (PARTS * self._workers))))
        if len(fresh) - size < SMALLEST:
            size = len(fresh)
        indices = tuple(fresh.popleft() for _ in range(size))
        if not fresh:
            del cells[cell_id]
        return Chunk(cell_id, model, indices)

    def _model(self, held: str | None, others: Counter[str]) -> str | None:
        """The model that the worker holds as long as samples wait for it, else that with the most samples for each holder.

        A model that others hold already is not loaded once more for what these will soon have done.
        """
        if held is not None and self._waiting[held]:
            return held
        found = [model for model, count in self._waiting.items() if count > SMALLEST * others[model]]
        return max(found, key=lambda model: self._waiting[model] / (1 + others[model]), default=None)

    def put_back(self, chunk: Chunk, left: Collection[int], counts: bool) -> tuple[int, ...]:
        """Take back the samples of a chunk that a worker did not finish, and return those that were tried often enough.

        The others are handed out again before anything else: in pieces after the first time, then one by one. With `counts`
        false the worker ended before it decoded anything, which is no fault of a sample, and the chunk stays whole.
        """
        cell_id, model = chunk.cell_id, chunk.model
        rest = [index for index in chunk.indices if index in left]
        if not rest:
            return ()
        if not counts:
            self._again.append(Chunk(cell_id, model, tuple(rest)))
            self._waiting[model] += len(rest)
            return ()
        for index in rest:
            self._ended[cell_id, index] += 1
        lost = tuple(index for index in rest if self._ended[cell_id, index] >= ATTEMPTS)
        rest = [index for index in rest if index not in lost]
        size = -(-len(rest) // PIECES) if all(self._ended[cell_id, index] == 1 for index in rest) else 1
        for start in range(0, len(rest), max(1, size)):
            self._again.append(Chunk(cell_id, model, tuple(rest[start : start + size])))
        self._waiting[model] += len(rest)
        return lost
