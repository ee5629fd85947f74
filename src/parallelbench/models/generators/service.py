"""The interface of a chat protocol: one request in, one whole reply or the reason why there is none out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from parallelbench.schema import Turn


@dataclass(frozen=True, slots=True)
class ServiceReply:
    """One whole reply of a server; a number is None where the server does not report it.

    Attributes:
        text: the answer as it came, thoughts included that the server left in it.
        finish: why the answer ended, in the server's word; empty where it does not say.
        tokens: tokens generated, hidden reasoning included.
        frames: refinements in a diffusing stream.
        reasoned: whether hidden reasoning came with the answer, counted or not.
        usage: the numbers that the server reported, bounded (`wire.bounded`).
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
    def complete(self, turns: Sequence[Turn], max_tokens: int, seed: int) -> ServiceReply:
        """Send one request and read its reply to the end; `seed` is sent to servers that can repeat a draw.

        Raises:
            Fault: the request failed and may succeed when it is sent again; a reply that broke off is no reply.
            Refused: the request will never succeed as it is.
        """

    @abstractmethod
    def models(self) -> list[str]:
        """The names of the models that the server has; empty where it does not say."""

    @abstractmethod
    def close(self) -> None:
        """Close the connections."""
