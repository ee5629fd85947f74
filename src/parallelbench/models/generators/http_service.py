"""What the chat protocols have in common: a POST whose reply is a stream of events, or one JSON document.

A stream is requested, so that an answer that breaks off is noticed. A server that does not stream sends one document instead,
which is told by its first character, whatever its content type says.
"""

from __future__ import annotations

import itertools
import json
import re
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import httpx2

from parallelbench.bounded_http import BoundedClient, Exchange, HttpFault, join
from parallelbench.models.generators.faults import Fault, Refused, judge
from parallelbench.models.generators.service import Service, ServiceReply
from parallelbench.models.generators.wire import Wire, Word, json_of, parse
from parallelbench.schema import Turn

EVENT_STREAM = {"content-type": "text/event-stream; charset=utf-8"}
BLANK = b"\xef\xbb\xbf \t\r\n"
"""Bytes before the first one that says something: white space and a byte order mark."""
ERROR_TEXT = 1 << 16
"""Bytes of an error reply that are read."""


class Event(NamedTuple):
    """One event of a stream; `data` is the text of its data lines."""

    kind: str
    data: str


class Model(Wire):
    """One entry of a server's list of models."""

    id: Word


class Models(Wire):
    """A server's list of models."""

    data: list[Model]


class HttpService(Service):
    """A client of one server.

    Args:
        url: the address that `path` and `/models` follow.
        headers: sent with every request; they hold the key.
        path: where chats are sent.
        timeout: wall-clock seconds for one request as a whole.
        optional: names of the parts of a request that are left out once the server refuses them by name.
    """

    def __init__(
        self, url: str, headers: Mapping[str, str], path: str, timeout: float, optional: frozenset[str] = frozenset()
    ) -> None:
        self._client = BoundedClient(url, timeout)
        self._headers = {"content-type": "application/json", **headers}
        self._path = path
        self._optional = optional

    def complete(self, turns: Sequence[Turn], max_tokens: int, seed: int) -> ServiceReply:
        sent = self._optional
        body = self._body(turns, max_tokens, seed, sent)
        try:
            return self._post({key: value for key, value in body.items() if value is not None})
        except Refused as refused:
            unwanted = {part for part in sent if re.search(rf"\b{part}\b", str(refused))}
            if not unwanted:
                raise
            self._optional -= unwanted
            return self.complete(turns, max_tokens, seed)

    def models(self) -> list[str]:
        try:
            with self._client.send("GET", "/models", self._headers) as exchange:
                return [model.id for model in parse(Models, exchange.json()).data] if exchange.status == 200 else []
        except (HttpFault, Fault):
            return []

    def close(self) -> None:
        self._client.close()

    @abstractmethod
    def _body(self, turns: Sequence[Turn], max_tokens: int, seed: int, optional: frozenset[str]) -> dict[str, Any]:
        """The request; None leaves a part out. `optional` names those optional parts that the server has not refused."""

    @abstractmethod
    def _read_stream(self, events: Iterator[Event]) -> ServiceReply:
        """Read an answer from its events."""

    @abstractmethod
    def _read_document(self, document: dict[str, Any]) -> ServiceReply:
        """Read an answer that came as one JSON document."""

    def _post(self, body: Mapping[str, Any]) -> ServiceReply:
        try:
            with self._client.send("POST", self._path, self._headers, json.dumps(body).encode()) as exchange:
                if not 200 <= exchange.status < 300:
                    raise judge(exchange.status, exchange.headers, _message(exchange))
                return self._read(exchange.pieces())
        except HttpFault as fault:
            raise Fault(str(fault), unreachable=fault.unreachable) from fault

    def _read(self, pieces: Iterator[bytes]) -> ServiceReply:
        head = b""
        for piece in pieces:
            head += piece
            if head.strip(BLANK) or len(head) > ERROR_TEXT:
                break
        head = head.lstrip(BLANK)
        rest = itertools.chain([head], pieces)
        if not head.startswith(b"{"):
            return self._read_stream(_events(rest))
        document = json_of(join(rest))
        if document.get("error"):
            raise judge(200, {}, message_in(document))
        return self._read_document(document)


def _events(pieces: Iterator[bytes]) -> Iterator[Event]:
    """The events of a stream; an endless line or event is refused by the reader at 1 MiB."""
    request = httpx2.Request("POST", "http://localhost")
    stream = httpx2.EventSource(httpx2.Response(200, headers=EVENT_STREAM, content=pieces, request=request))
    try:
        for event in stream:
            if event.data.strip():
                yield Event(event.event, event.data)
    except httpx2.SSEError as error:
        raise Fault(f"the reply is malformed: {str(error).rstrip('.')}") from error


def _message(exchange: Exchange) -> str:
    """What an error reply says, in whatever form it says it."""
    moved = exchange.headers.get("location", "")
    return f"it points to {moved}" if moved else error_text(exchange.beginning(ERROR_TEXT))


def error_text(text: str) -> str:
    """What an error says that is a JSON object or plain text."""
    try:
        return message_in(json_of(text))
    except Fault:
        return text


def message_in(document: Mapping[str, Any]) -> str:
    """The sentence in an error object; the forms of OpenAI, Anthropic, FastAPI and others."""
    for place in (document.get("error"), document):
        if isinstance(place, str):
            return place
        for name in ("message", "detail", "error", "type"):
            if isinstance(place, dict) and isinstance(found := place.get(name), str) and found:
                return found
    return json.dumps(document)[:ERROR_TEXT]
