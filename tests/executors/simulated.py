"""Workers that exist only in this process, with a clock of their own: any fault, thousands of times in a second."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

from parallelbench.experiments.executors.chunks import Chunk
from parallelbench.experiments.executors.events import CellOpened, CellTodo, SampleDone
from parallelbench.experiments.executors.fleet import Ended, Progressed, Ready, Refused, Reply
from parallelbench.experiments.executors.wire import encode
from parallelbench.experiments.model_pool import ModelPool
from parallelbench.experiments.plan import PlannedCell, plan
from parallelbench.experiments.spec import Sweep
from parallelbench.runs.border import SCHEMA
from parallelbench.runs.calls import Environment
from parallelbench.runs.records import Costs, DecodingOrder, Extent, Record, Trace
from parallelbench.schema import BatchSize

ENVIRONMENT = Environment(packages={"parallelbench": "1", "torch": "2"}, git=None, python="3", platform="simulated")


def cells(samples: Sequence[int], models: int = 1) -> list[CellTodo]:
    """Cells with so many samples each, of several models in turn."""
    works = _plan(max(samples), models, -(-len(samples) // models))
    return [CellTodo(work, work.indices[:count]) for work, count in zip(works, samples, strict=False)]


@cache
def _plan(samples: int, models: int, decoders: int) -> list[PlannedCell]:
    specs = tuple(f"exact:epsilon=1e-{number + 5}" for number in range(models))
    gammas = ",".join(f"0.{500 + number}" for number in range(decoders))
    task = f"waiting_line/copy:samples={samples}"
    sweep = Sweep.model_validate({"models": specs, "tasks": task, "decoders": f"threshold:gamma=[{gammas}]"})
    return plan(sweep, ModelPool())


def sample(todo: CellTodo, index: int) -> SampleDone:
    """A sample of a cell; nothing was decoded."""
    cell = todo.work.cell
    name = f"{cell.sample_prefix}{index}"
    record = Record(
        schema=SCHEMA, cell=cell.id, sample_id=name, index=index, prompt_hash="0", answer_hash="0", text="", canvas_tokens=1,
        content_tokens=1, scores={cell.metrics[0]: 1.0}, nfe=1, tokens_per_step=1.0, content_tokens_per_forward=1.0,
        seconds=0.1, costs=Costs({"denoise": 1}, 1, 1, 1, 1.0),
        order=DecodingOrder(1.0, None, None), law=None, trace=Extent(0, 0),
    )  # fmt: skip
    trace = Trace(schema=SCHEMA, cell=cell.id, sample_id=name, prompt="", answer="", token_ids=(), pieces=(), history=())
    return SampleDone(record, trace)


@dataclass
class Faults:
    """How often a request ends in each fault, and which samples end every worker that decodes them."""

    dies: float = 0.0
    dies_loading: float = 0.0
    hangs: float = 0.0
    garbage: float = 0.0
    memory: float = 0.0
    poison: frozenset[int] = frozenset()
    absent: dict[int, float] = field(default_factory=dict)
    """Until when there is no machine for a worker, by number."""


GARBAGE = [b"", (b"{}",), (b"\xff", b"\x00"), (b"1", b"2", b"3"), (), "text", None, (b"[" * 1000, b"")]


class Simulated:
    """A fleet whose workers take a second to start, ten to load a model and a tenth for each sample."""

    def __init__(self, todo: Sequence[CellTodo], faults: Faults, seed: int = 0, per_report: int = 4) -> None:
        self.now = 0.0
        self.todo = {one.work.cell.id: one for one in todo}
        self.faults, self.random, self.per_report = faults, random.Random(seed), per_report
        self.replies: list[tuple[float, int, Reply]] = []
        self.batch: dict[int, BatchSize] = {}
        self.model: dict[int, str | None] = {}
        self.orders: dict[int, deque[Chunk]] = {}
        self.rest: dict[int, deque[int]] = {}
        self.free: dict[int, float] = {}
        """When a worker has answered all its requests."""
        self.chunks: list[tuple[float, int, Chunk]] = []
        self.loads: list[str] = []
        self.silent: set[int] = set()
        """Workers that hang or have ended."""
        self.closed = False

    def clock(self) -> float:
        return self.now

    def start(self, number: int, batch_size: BatchSize) -> None:
        assert number not in self.model, "two workers with one number"
        self.model[number], self.batch[number] = None, batch_size
        self.orders[number], self.rest[number] = deque(), deque()
        at = max(self.now + 1, self.faults.absent.get(number, 0.0))
        self.free[number] = at
        self._reply(number, 0.0, Ready(number, f"machine {number}", ENVIRONMENT))

    def proceed(self, number: int, chunk: Chunk | None = None) -> None:
        if number in self.silent:
            return
        orders, rest = self.orders[number], self.rest[number]
        if chunk is not None:
            orders.append(chunk)
        if rest:
            self._decode(number, orders[0], rest)
        elif orders:
            self._open(number, orders[0])
        else:
            self._reply(number, 0.0, Progressed(number, (), False))

    def _open(self, number: int, chunk: Chunk) -> None:
        load = 0.0
        self.chunks.append((max(self.now, self.free[number]), number, chunk))
        self.rest[number].extend(chunk.indices)
        if self.model[number] != chunk.model:
            self.model[number], load = chunk.model, 10.0
            self.loads.append(chunk.model)
        if self.random.random() < self.faults.dies_loading:
            self._reply(number, load, Ended(number, "it died while loading"))
            return
        opened = encode(CellOpened(chunk.cell_id, "cpu", {}, "0", {}))
        self._reply(number, load, Progressed(number, (opened,), False))

    def _decode(self, number: int, chunk: Chunk, rest: deque[int]) -> None:
        rate, faults = self.random.random(), self.faults
        part = [rest.popleft() for _ in range(min(self.per_report, len(rest)))]
        seconds = 0.1 * len(part)
        if not rest:
            self.orders[number].popleft()
        if faults.poison & set(part):
            self._reply(number, seconds, Ended(number, "a sample ended it"))
        elif rate < faults.dies:
            self._reply(number, seconds, Ended(number, "it died"))
        elif rate < faults.dies + faults.hangs:
            self.silent.add(number)
        elif rate < faults.dies + faults.hangs + faults.memory:
            self._reply(number, seconds, Ended(number, "memory", memory=True))
        else:
            done = tuple(encode(sample(self.todo[chunk.cell_id], index)) for index in part)
            if rate > 1 - faults.garbage:
                done = (*done[:-1], self.random.choice([*GARBAGE, *done[:1]]))  # type: ignore[assignment]
            self._reply(number, seconds, Progressed(number, done, not rest))

    def stop(self, number: int) -> None:
        self.model.pop(number, None)
        self.silent.discard(number)
        self.replies = [reply for reply in self.replies if reply[1] != number]

    def refuse(self, number: int, sentence: str) -> None:
        self._reply(number, 0.0, Refused(number, sentence))

    def wait(self, seconds: float) -> list[Reply]:
        self.replies.sort(key=lambda reply: reply[:2])
        if not self.replies or self.replies[0][0] > self.now + seconds:
            self.now += seconds
            return []
        at, _, reply = self.replies.pop(0)
        self.now = max(self.now, at)
        return [reply]

    def close(self) -> None:
        self.closed = True

    def _reply(self, number: int, seconds: float, reply: Reply) -> None:
        """Answer a request after those before it."""
        if isinstance(reply, Ended):
            self.silent.add(number)
        self.free[number] = max(self.now, self.free[number]) + seconds
        self.replies.append((self.free[number], reply.number, reply))
