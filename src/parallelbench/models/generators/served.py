"""A model behind a server: requests in flight, patience with faults, costs, and no key anywhere."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Callable, Iterable, Iterator
from threading import Event
from typing import Any

from parallelbench.contracts.generator import Generator, GeneratorInfo, Reply, Request, shown_turns
from parallelbench.errors import UserError
from parallelbench.models.generators import flight
from parallelbench.models.generators.faults import LONGEST_WAIT, Fault, Refused, mend
from parallelbench.models.generators.options import CallOptions, Secret
from parallelbench.models.generators.service import Answer, Service
from parallelbench.rng import digest
from parallelbench.schema import Sample

LONGEST_BACKOFF = 60.0
QUOTED = 200
"""Characters of a server's message that are repeated; the key is taken out before the cut."""
STEPS: dict[str, Callable[[Answer], int | None]] = {
    "tokens": lambda answer: answer.tokens,
    "frames": lambda answer: answer.frames,
    "unknown": lambda answer: None,
}
"""What counts as a sequential forward."""


class Served(Generator):
    """A model behind a server.

    Args:
        info: what it is.
        options: limits, patience and prices.
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

        def work(request: Request, stop: Event) -> Reply | None:
            return self.answer(service, request, seed, stop)

        yield from flight.in_flight(work, requests, min(in_flight, self._options.concurrency), service.close)

    def answer(self, service: Service, request: Request, seed: int, stop: Event) -> Reply | None:
        """Answer one request, with patience; None where `stop` came first.

        Raises:
            UserError: the server refuses it, cannot be reached, or patience is at its end.
        """
        own_seed = digest("served", seed, request.sample.id) >> 33  # 31 bits, which every server takes
        for attempt in itertools.count(1):
            start = time.perf_counter()
            try:
                answer = service.ask(request.sample.turns, request.max_tokens, own_seed)
            except Refused as refused:
                raise self._refusal(refused, service, request) from None
            except Fault as fault:
                if stop.wait(0.0 if stop.is_set() else self._wait(fault, attempt)):
                    return None
                continue
            self._answered = True
            return self._reply(request, answer, time.perf_counter() - start, attempt)
        return None

    def _wait(self, fault: Fault, attempt: int) -> float:
        """Seconds before the next attempt: what the server asks for, else b 2^(attempt - 1) with b = `backoff`, drawn from
        its upper half so that requests that failed together do not come back together."""
        if fault.unreachable and not self._answered:
            raise UserError(f"nobody answers at {self._info.revision}; start the server there, or give its address: NAME@URL.")
        if attempt > self._options.retries or (fault.wait or 0.0) > LONGEST_WAIT:
            asked = f" and asks to wait {fault.wait:.0f} s" if (fault.wait or 0.0) > LONGEST_WAIT else ""
            raise UserError(
                f"{self._whose} failed {attempt} times in a row ({self._quoted(fault)}){asked}; run the same command "
                "again later, every finished sample is kept."
            )
        if fault.wait is not None:
            return fault.wait * random.uniform(1.0, 1.1)
        longest: float = min(LONGEST_BACKOFF, self._options.backoff * 2 ** (attempt - 1))
        return longest * random.uniform(0.5, 1.0)

    def _refusal(self, refused: Refused, service: Service, request: Request) -> UserError:
        names = service.known() if refused.kind == "model" else []
        known = f"; it has: {', '.join(sorted(names)[:10])}" if names else ""
        hidden = Refused(refused.kind, self._quoted(refused))
        return mend(hidden, self._whose, request.sample.id, self._secret.variable, self._secret.hide(known))

    def _quoted(self, error: Fault | Refused) -> str:
        return self._secret.hide(str(error))[:QUOTED]

    @property
    def _whose(self) -> str:
        return f"{self._info.name} at {self._info.revision}"

    def _reply(self, request: Request, answer: Answer, seconds: float, attempts: int) -> Reply:
        hidden = answer.reasoning_tokens if answer.reasoned else answer.reasoning_tokens or 0
        content = None if answer.tokens is None or hidden is None else max(0, answer.tokens - hidden)
        return Reply(
            sample=request.sample,
            prompt=self.prompt(request.sample),
            text=self._secret.hide(answer.text),
            seconds=seconds,
            prompt_tokens=answer.prompt_tokens,
            tokens=answer.tokens,
            content_tokens=content,
            steps=self._steps(answer),
            cost=self._cost(answer),
            attempts=attempts,
            finish=self._secret.hide(answer.finish),
            usage=self._secret.hide_in(dict(answer.usage)),
        )

    def _cost(self, answer: Answer) -> float | None:
        """price_in * prompt tokens + price_out * tokens, per million; None where a price or a number is unknown."""
        prices, tokens = (self._options.price_in, self._options.price_out), (answer.prompt_tokens, answer.tokens)
        parts = [
            price * number / 1e6
            for price, number in zip(prices, tokens, strict=True)
            if price is not None and number is not None
        ]
        return sum(parts) if len(parts) == len(prices) else None
