"""A model behind a server: several requests in flight, attempts after faults, costs, and the key in no result."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from threading import Event
from typing import Any, NamedTuple

from parallelbench.contracts.generator import Generator, GeneratorInfo, Reply, Request, shown_turns
from parallelbench.errors import UserError
from parallelbench.models.generators import flight
from parallelbench.models.generators.faults import LONGEST_WAIT, Fault, Refused, mend
from parallelbench.models.generators.options import CallOptions, Secret
from parallelbench.models.generators.service import Service, ServiceReply
from parallelbench.rng import digest
from parallelbench.schema import Sample

LONGEST_BACKOFF = 60.0
GIVE_UP = 3
"""Requests in a row that fail for good before no more are sent; one, where the server has never answered."""
QUOTED = 200
"""Characters of a server's message that are repeated; the key is taken out before the cut."""
STEPS: dict[str, Callable[[ServiceReply], int | None]] = {
    "tokens": lambda reply: reply.tokens,
    "frames": lambda reply: reply.frames,
    "unknown": lambda reply: None,
}
"""What counts as a sequential forward."""


class Missing(NamedTuple):
    """A sample whose request used up its attempts, and why the last of them failed."""

    sample: Sample
    reason: str


class Served(Generator):
    """A model behind a server.

    Args:
        info: what it is.
        options: limits, attempts and prices.
        secret: its key.
        connect: opens a connection.
        steps: what counts as a sequential forward (`STEPS`).
    """

    def __init__(
        self, info: GeneratorInfo, options: CallOptions, secret: Secret, connect: Callable[[], Service], steps: str
    ) -> None:
        self._info = info
        self._options = options
        self._secret = secret
        self._connect = connect
        self._steps = STEPS[steps]
        self._answered = False

    @property
    def info(self) -> GeneratorInfo:
        return self._info

    def prompt(self, sample: Sample) -> str:
        return shown_turns(sample)

    def details(self) -> dict[str, Any]:
        return {"address": self._info.revision, **self._options.model_dump(exclude_none=True)}

    def generate(self, requests: Iterable[Request], seed: int = 0, in_flight: int = 64) -> Iterator[Reply]:
        service = self._connect()
        waiting, missing, in_a_row, reason = iter(requests), [], 0, ""

        def work(request: Request, stop: Event) -> Reply | Missing | None:
            return self.complete(service, request, seed, stop)

        def while_it_answers() -> Iterator[Request]:
            while in_a_row < (GIVE_UP if self._answered else 1) and (request := next(waiting, None)) is not None:
                yield request

        width = min(in_flight, self._options.concurrency)
        outcomes: Iterator[Reply | Missing] = flight.in_flight(work, while_it_answers(), width, service.close)
        for outcome in outcomes:
            if isinstance(outcome, Reply):
                in_a_row = 0
                yield outcome
            else:
                in_a_row, reason = in_a_row + 1, outcome.reason
                missing.append(outcome.sample.id)
        if missing:
            missing += [request.sample.id for request in waiting]
            raise UserError(
                f"{self._model} {reason}; without an answer: {ranges(missing)}; run the same command again later, it "
                "requests only these, and every finished sample is kept."
            )

    def complete(self, service: Service, request: Request, seed: int, stop: Event) -> Reply | Missing | None:
        """Send one request until it succeeds or its attempts are used up; None where `stop` was set before.

        Raises:
            UserError: the server refuses the request, or cannot be reached at all.
        """
        sample_seed = digest("served", seed, request.sample.id) >> 33  # 31 bits, which every server takes
        for attempt in itertools.count(1):
            start = time.perf_counter()
            try:
                reply = service.complete(request.sample.turns, request.max_tokens, sample_seed)
            except Refused as refused:
                raise self._refusal(refused, service, request) from refused
            except Fault as fault:
                if (reason := self._hopeless(fault, attempt)) is not None:
                    return Missing(request.sample, reason)
                if stop.wait(0.0 if stop.is_set() else self._wait(fault, attempt)):
                    return None
                continue
            self._answered = True
            return self._reply(request, reply, time.perf_counter() - start, attempt)
        return None

    def _hopeless(self, fault: Fault, attempt: int) -> str | None:
        """Why a request is not sent again after this fault; None where it is.

        Raises:
            UserError: no connection was ever opened.
        """
        if fault.unreachable and not self._answered:
            raise UserError(
                f"{self._info.revision} cannot be reached ({self._quoted(fault)}); start the server there, or write its "
                "address: NAME@URL."
            )
        too_long = (fault.wait or 0.0) > LONGEST_WAIT
        if attempt <= self._options.retries and not too_long:
            return None
        waits = f" and wants {fault.wait:.0f} s until the next request" if too_long else ""
        times = "once" if attempt == 1 else f"{attempt} times in a row"
        return f"failed {times} ({self._quoted(fault)}){waits}"

    def _wait(self, fault: Fault, attempt: int) -> float:
        """Seconds before the next attempt: what the server wants, else b 2^(attempt - 1) with b = `backoff`, drawn from
        the upper half so that requests that failed together do not come back together."""
        if fault.wait is not None:
            return fault.wait * random.uniform(1.0, 1.1)
        longest: float = min(LONGEST_BACKOFF, self._options.backoff * 2.0 ** min(attempt - 1, 64))
        return longest * random.uniform(0.5, 1.0)

    def _refusal(self, refused: Refused, service: Service, request: Request) -> UserError:
        names = service.models() if refused.kind == "model" else []
        known = f"; it has: {', '.join(sorted(names)[:10])}" if names else ""
        hidden = Refused(refused.kind, self._quoted(refused))
        return mend(hidden, self._model, request.sample.id, self._secret.variable, self._secret.hide(known))

    def _quoted(self, error: Fault | Refused) -> str:
        return self._secret.hide(str(error))[:QUOTED]

    @property
    def _model(self) -> str:
        return f"{self._info.name} at {self._info.revision}"

    def _reply(self, request: Request, reply: ServiceReply, seconds: float, attempts: int) -> Reply:
        hidden = reply.reasoning_tokens if reply.reasoned else reply.reasoning_tokens or 0
        content = None if reply.tokens is None or hidden is None else max(0, reply.tokens - hidden)
        return Reply(
            sample=request.sample,
            prompt=self.prompt(request.sample),
            text=self._secret.hide(reply.text),
            seconds=seconds,
            prompt_tokens=reply.prompt_tokens,
            tokens=reply.tokens,
            content_tokens=content,
            steps=self._steps(reply),
            cost=self._cost(reply),
            attempts=attempts,
            finish=self._secret.hide(reply.finish),
            usage=self._secret.hide_in(dict(reply.usage)),
        )

    def _cost(self, reply: ServiceReply) -> float | None:
        """price_in * prompt tokens + price_out * tokens, per million; None where a price or a number is unknown."""
        prices, tokens = (self._options.price_in, self._options.price_out), (reply.prompt_tokens, reply.tokens)
        parts = [
            price * number / 1e6
            for price, number in zip(prices, tokens, strict=True)
            if price is not None and number is not None
        ]
        return sum(parts) if len(parts) == len(prices) else None


def ranges(sample_ids: Iterable[str]) -> str:
    """Write the ids of samples shortly: `waiting_line/copy@1/0: 3, 17, 20-199`."""
    places: dict[str, list[int]] = {}
    for sample_id in sample_ids:
        group, _, index = sample_id.rpartition("/")
        places.setdefault(group, []).append(int(index))
    return "; ".join(f"{group}: {_runs(sorted(set(indices)))}" for group, indices in places.items())


def _runs(indices: Sequence[int]) -> str:
    runs: list[list[int]] = []
    for index in indices:
        if runs and index == runs[-1][-1] + 1:
            runs[-1] = [runs[-1][0], index]
        else:
            runs.append([index])
    return ", ".join("-".join(map(str, run)) for run in runs)
