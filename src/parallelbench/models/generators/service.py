"""What a protocol is to us: one request, one whole answer, or the reason why there is none."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from parallelbench.models.generators.faults import Fault
from parallelbench.schema import Turn

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Answer:
    """One whole answer. `frames` counts the refinements of a diffusing stream; None wherever the server does not say.

    `reasoned` is true where hidden reasoning came with it, whether or not its tokens were counted.
    """

    text: str
    finish: str
    prompt_tokens: int | None = None
    tokens: int | None = None
    reasoning_tokens: int | None = None
    frames: int | None = None
    reasoned: bool = False
    usage: Mapping[str, Any] = field(default_factory=dict)


class Service(ABC):
    """A connection to a server that speaks one protocol; used by several threads at once."""

    @abstractmethod
    def ask(self, turns: Sequence[Turn], max_tokens: int, seed: int) -> Answer:
        """Send one request and read its answer to the end; `seed` serves servers that can repeat a draw.

        Raises:
            Fault: it failed by no fault of its own; an answer that broke off is no answer.
            Refused: it will never succeed as it is.
        """

    @abstractmethod
    def known(self) -> list[str]:
        """The names of the models that the server has; empty where it does not tell."""

    @abstractmethod
    def close(self) -> None:
        """Give the connections back."""


def in_time(frames: Iterator[T], seconds: float) -> Iterator[T]:
    """Pass frames on until they have taken longer than `seconds` in all.

    What keeps a connection alive is no frame, and is waited for until the next one.

    Raises:
        Fault: they have; a server that drips is as late as one that hangs.
    """
    end = time.monotonic() + seconds
    for frame in frames:
        if time.monotonic() > end:
            raise Fault(f"the answer was not complete after {seconds:g} s")
        yield frame


def count(value: Any) -> int | None:
    """A number of tokens as a server reports it; anything else is unknown."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
