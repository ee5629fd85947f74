"""OpenAI's chat protocol: vLLM, SGLang, llama.cpp, OpenAI itself, and Inception's Mercury with its diffusing stream.

A streamed answer is whole once a frame has named a `finish_reason` or the stream has said `[DONE]`; a stream that ends before
broke off. In a diffusing stream every frame holds the whole text, a refinement of the frame before (`diffusion_meta`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, NamedTuple

from pydantic import Field

from parallelbench.models.generators.faults import Fault, judge
from parallelbench.models.generators.http_service import Event, HttpService, error_text, message_in
from parallelbench.models.generators.service import ServiceReply
from parallelbench.models.generators.wire import Text, Tokens, Wire, Word, bounded, json_of, parse, whole_text
from parallelbench.schema import Turn

OPENAI_URL = "https://api.openai.com/v1"


class Settings(NamedTuple):
    """What every request holds; None is left to the server.

    `repeatable`: the server takes a seed. `thoughts`: whether the model may think before it answers (the chat template's
    `enable_thinking`). `stream` and `stream_options`: whether those parts of the protocol are used.
    """

    name: str
    temperature: float | None = None
    top_p: float | None = None
    reasoning: str | None = None
    thoughts: bool | None = None
    diffusing: bool = False
    repeatable: bool = True
    stream: bool = True
    stream_options: bool = True


class Message(Wire):
    """A piece of an answer, or a whole one. Servers have two names for hidden reasoning; OpenAI sends none."""

    content: Text | None = None
    reasoning_content: Any = None
    reasoning: Any = None


class Choice(Wire):
    """One of the answers in a frame; only the first is read."""

    index: int = Field(0, ge=0, le=1000)
    delta: Message | None = None
    message: Message | None = None
    finish_reason: Word | None = None


class Details(Wire):
    """What the tokens of an answer consist of."""

    reasoning_tokens: Tokens | None = None


class Usage(Wire):
    """Numbers of tokens."""

    prompt_tokens: Tokens | None = None
    completion_tokens: Tokens | None = None
    completion_tokens_details: Details | None = None


class DiffusionMeta(Wire):
    """What a frame of a diffusing stream says of itself."""

    diffusion_content: bool | None = None


class Frame(Wire):
    """One frame of a stream, or the whole reply where the server does not stream."""

    choices: Annotated[list[Choice], Field(max_length=64)] | None = None
    usage: Usage | None = None
    diffusion_meta: DiffusionMeta | None = None


class Draft:
    """An answer while its frames come in."""

    def __init__(self, diffusing: bool) -> None:
        self._diffusing = diffusing
        self._pieces: list[str] = []
        self._usage = Usage()
        self._kept: dict[str, Any] = {}
        self._frames, self._begun, self._reasoned = 0, False, False
        self.finish = ""

    def add(self, document: dict[str, Any]) -> None:
        """Read one frame.

        Raises:
            Fault: it is malformed, or text comes after the end of the answer.
        """
        frame = parse(Frame, document)
        if frame.usage is not None:
            self._usage, self._kept = frame.usage, bounded(document["usage"])
        for choice in frame.choices or []:
            if choice.index == 0:
                self._add_choice(choice, frame.diffusion_meta or DiffusionMeta())

    def _add_choice(self, choice: Choice, meta: DiffusionMeta) -> None:
        self._begun = True
        part = choice.delta or choice.message or Message()
        if part.content:
            if self.finish:
                raise Fault("the reply is malformed: text comes after the end of the answer")
            if self._diffusing and meta.diffusion_content is not False:
                self._pieces.clear()
            self._pieces.append(part.content)
            self._frames += 1
        self._reasoned = self._reasoned or bool(part.reasoning_content or part.reasoning)
        self.finish = choice.finish_reason or self.finish

    def reply(self) -> ServiceReply:
        """The whole answer.

        Raises:
            Fault: no frame had one.
        """
        if not self._begun:
            raise Fault("the reply is malformed: it holds no answer")
        details = self._usage.completion_tokens_details or Details()
        return ServiceReply(
            text=whole_text(self._pieces),
            finish=self.finish,
            prompt_tokens=self._usage.prompt_tokens,
            tokens=self._usage.completion_tokens,
            reasoning_tokens=details.reasoning_tokens,
            frames=self._frames if self._diffusing else None,
            reasoned=self._reasoned,
            usage=self._kept,
        )


class OpenAIService(HttpService):
    """A client of one server and one model."""

    def __init__(self, url: str | None, key: str, settings: Settings, timeout: float) -> None:
        optional = {"stream_options": settings.stream_options, "stream": settings.stream and not settings.diffusing}
        headers = {"authorization": f"Bearer {key}"}
        super().__init__(
            url or OPENAI_URL, headers, "/chat/completions", timeout, frozenset(part for part in optional if optional[part])
        )
        self._settings = settings
        self._length = "max_tokens" if url else "max_completion_tokens"  # local servers know the first, OpenAI the second

    def _body(self, turns: Sequence[Turn], max_tokens: int, seed: int, optional: frozenset[str]) -> dict[str, Any]:
        settings = self._settings
        stream = settings.stream and (settings.diffusing or "stream" in optional)
        with_usage = stream and "stream_options" in optional
        return {
            "model": settings.name,
            "messages": [{"role": turn.role, "content": turn.text} for turn in turns],
            "stream": stream,
            "stream_options": {"include_usage": True} if with_usage else None,
            self._length: max_tokens,
            "temperature": settings.temperature,
            "top_p": settings.top_p,
            "reasoning_effort": settings.reasoning,
            "chat_template_kwargs": None if settings.thoughts is None else {"enable_thinking": settings.thoughts},
            "seed": seed if settings.repeatable and settings.temperature else None,
            "diffusing": True if settings.diffusing else None,
        }

    def _read_stream(self, events: Iterator[Event]) -> ServiceReply:
        draft = Draft(self._settings.diffusing)
        for event in events:
            if event.data.startswith("[DONE]"):
                return draft.reply()
            if event.kind == "error":
                raise judge(200, {}, error_text(event.data))
            document = json_of(event.data)
            if document.get("error"):
                raise judge(200, {}, message_in(document))
            draft.add(document)
        if not draft.finish:
            raise Fault("the stream ended before the answer did")
        return draft.reply()

    def _read_document(self, document: dict[str, Any]) -> ServiceReply:
        draft = Draft(self._settings.diffusing)
        draft.add(document)
        return draft.reply()
