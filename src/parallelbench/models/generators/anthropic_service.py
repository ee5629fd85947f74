"""Anthropic's messages protocol: a streamed answer is whole once `message_stop` has come."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, NamedTuple

from pydantic import Field

from parallelbench.models.generators.faults import Fault, judge
from parallelbench.models.generators.http_service import Event, HttpService, error_text, message_in
from parallelbench.models.generators.service import ServiceReply
from parallelbench.models.generators.wire import Text, Tokens, Wire, Word, bounded, json_of, parse, whole_text
from parallelbench.schema import Turn

ANTHROPIC_URL = "https://api.anthropic.com"
VERSION = "2023-06-01"


class Settings(NamedTuple):
    """What every request holds; None is left to the server. `stream`: whether the answer is requested as a stream."""

    name: str
    temperature: float | None = None
    top_p: float | None = None
    reasoning: str | None = None
    thinking: str | None = None
    stream: bool = True


class Usage(Wire):
    """Numbers of tokens."""

    input_tokens: Tokens | None = None
    output_tokens: Tokens | None = None


class Block(Wire):
    """A block of an answer, or a piece of one."""

    type: Word = ""
    text: Text | None = None
    stop_reason: Word | None = None


class Message(Wire):
    """The head of an answer in a stream, or a whole answer."""

    content: Annotated[list[Block], Field(max_length=1000)] | None = None
    stop_reason: Word | None = None
    usage: Usage | None = None


class Part(Wire):
    """One event of a stream; types that are not known here are passed over, as the protocol requires."""

    type: Word
    message: Message | None = None
    content_block: Block | None = None
    delta: Block | None = None
    usage: Usage | None = None


class Draft:
    """An answer while its events come in."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._usage: dict[str, int] = {}
        self._kept: dict[str, Any] = {}
        self._begun, self._reasoned = False, False
        self._finish = ""

    def begin(self, message: Message | None, raw: Any) -> None:
        """Read the head of an answer.

        Raises:
            Fault: another answer has begun before.
        """
        if self._begun:
            raise Fault("the events of the stream are out of order: a second answer begins")
        self._begun = True
        if message is not None:
            self.count(message.usage, raw.get("usage"))

    def add(self, block: Block | None) -> None:
        """Read a piece of the answer.

        Raises:
            Fault: the answer has not begun, has ended, or the piece holds nothing.
        """
        if not self._begun or self._finish:
            raise Fault("the events of the stream are out of order: text comes before the answer begins, or after its end")
        if block is None:
            raise Fault("the reply is malformed: a piece of the answer is empty")
        if block.type in ("text", "text_delta"):
            self._pieces.append(block.text or "")
        self._reasoned = self._reasoned or "thinking" in block.type

    def end(self, reason: str | None) -> None:
        """Read why the answer ended.

        Raises:
            Fault: it has not begun.
        """
        if not self._begun:
            raise Fault("the events of the stream are out of order: an answer ends that has not begun")
        self._finish = reason or self._finish

    def count(self, usage: Usage | None, raw: Any) -> None:
        """Read numbers of tokens; later ones replace earlier ones."""
        if usage is not None:
            self._usage |= usage.model_dump(exclude_none=True)
            self._kept |= {key: value for key, value in bounded(raw).items() if value is not None}

    def reply(self) -> ServiceReply:
        """The whole answer.

        Raises:
            Fault: nothing has said why it ended.
        """
        if not self._finish:
            raise Fault("the stream ended before the answer did")
        return ServiceReply(
            whole_text(self._pieces),
            self._finish,
            self._usage.get("input_tokens"),
            self._usage.get("output_tokens"),
            reasoned=self._reasoned,
            usage=self._kept,
        )


class AnthropicService(HttpService):
    """A client of one model."""

    def __init__(self, url: str | None, key: str, settings: Settings, timeout: float) -> None:
        headers = {"x-api-key": key, "anthropic-version": VERSION}
        super().__init__(
            (url or ANTHROPIC_URL) + "/v1", headers, "/messages", timeout, frozenset({"stream"} if settings.stream else ())
        )
        self._settings = settings

    def _body(self, turns: Sequence[Turn], max_tokens: int, seed: int, optional: frozenset[str]) -> dict[str, Any]:
        settings = self._settings
        return {
            "model": settings.name,
            "system": next((turn.text for turn in turns if turn.role == "system"), None),
            "messages": [{"role": turn.role, "content": turn.text} for turn in turns if turn.role != "system"],
            "stream": "stream" in optional,
            "max_tokens": max_tokens,
            "output_config": {"effort": settings.reasoning} if settings.reasoning else None,
            "thinking": {"type": settings.thinking} if settings.thinking else None,
            "temperature": settings.temperature,
            "top_p": settings.top_p,
        }

    def _read_stream(self, events: Iterator[Event]) -> ServiceReply:
        draft = Draft()
        for event in events:
            if event.kind == "error":
                raise judge(200, {}, error_text(event.data))
            document = json_of(event.data)
            if document.get("type") == "error":
                raise judge(200, {}, message_in(document))
            part = parse(Part, document)
            if part.type == "message_start":
                draft.begin(part.message, document.get("message"))
            elif part.type == "content_block_delta":
                draft.add(part.delta)
            elif part.type == "content_block_start" and part.content_block is not None:
                draft.add(part.content_block)
            elif part.type == "message_delta":
                draft.count(part.usage, document.get("usage"))
                draft.end(None if part.delta is None else part.delta.stop_reason)
            elif part.type == "message_stop":
                return draft.reply()
        raise Fault("the stream ended before the answer did")

    def _read_document(self, document: dict[str, Any]) -> ServiceReply:
        draft, message = Draft(), parse(Message, document)
        draft.begin(message, document)
        for block in message.content or []:
            draft.add(block)
        draft.end(message.stop_reason)
        return draft.reply()
