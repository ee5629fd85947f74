"""OpenAI's chat protocol: vLLM, SGLang, llama.cpp, OpenAI itself, and Inception's Mercury with its diffusing stream.

Always streamed, so that an answer that breaks off is seen: it is whole once a frame has named a `finish_reason` and the stream
has ended well. A diffusing stream sends the whole text in every frame, each a refinement of the one before (`diffusion_meta`).
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import openai

from parallelbench.models.generators.faults import Fault, judge
from parallelbench.models.generators.service import Answer, Service, count, in_time
from parallelbench.schema import Turn

OPENAI_URL = "https://api.openai.com/v1"


class Settings(NamedTuple):
    """What goes into every request; None is left to the server. `repeatable`: the server takes a seed."""

    name: str
    temperature: float | None = None
    top_p: float | None = None
    reasoning: str | None = None
    diffusing: bool = False
    repeatable: bool = True


REASONING = ("reasoning_content", "reasoning")
"""What servers call hidden reasoning in a frame; OpenAI itself sends none and counts its tokens."""


class OpenAIService(Service):
    """A client of one server and one model; the SDK's own retries are off, so that ours are all there are."""

    def __init__(self, url: str | None, key: str, settings: Settings, timeout: float) -> None:
        self._settings = settings
        self._timeout = timeout
        self._length = "max_tokens" if url else "max_completion_tokens"  # the one that local servers and OpenAI itself accept
        self._client = openai.OpenAI(base_url=url or OPENAI_URL, api_key=key, timeout=timeout, max_retries=0)

    def ask(self, turns: Sequence[Turn], max_tokens: int, seed: int) -> Answer:
        with faults(), self._client.chat.completions.create(**self._body(turns, max_tokens, seed)) as stream:
            return self._read(in_time(iter(stream), self._timeout))

    def known(self) -> list[str]:
        with contextlib.suppress(openai.OpenAIError, ValueError):
            return [model.id for model in self._client.models.list().data]
        return []

    def close(self) -> None:
        self._client.close()

    def _body(self, turns: Sequence[Turn], max_tokens: int, seed: int) -> dict[str, Any]:
        asked = self._settings
        body = {
            "model": asked.name,
            "messages": [{"role": turn.role, "content": turn.text} for turn in turns],
            "stream": True,
            "stream_options": {"include_usage": True},
            self._length: max_tokens,
            "temperature": asked.temperature,
            "top_p": asked.top_p,
            "reasoning_effort": asked.reasoning,
            "seed": seed if asked.repeatable and asked.temperature else None,
            "extra_body": {"diffusing": True} if asked.diffusing else None,
        }
        return {key: value for key, value in body.items() if value is not None}

    def _read(self, chunks: Iterator[Any]) -> Answer:
        usage: dict[str, Any] = {}
        text, finish, frames, reasoned = "", "", 0, False
        for chunk in chunks:
            if getattr(chunk, "usage", None) is not None:
                usage = chunk.usage.to_dict()
            for choice in _choices(chunk):
                piece = getattr(choice.delta, "content", None) or ""
                if piece:
                    frames += 1
                    text = piece if self._settings.diffusing and _whole(chunk) else text + piece
                reasoned = reasoned or any(getattr(choice.delta, name, None) for name in REASONING)
                finish = getattr(choice, "finish_reason", None) or finish
        if not finish:
            raise Fault("the stream ended before the answer did")
        details = usage.get("completion_tokens_details")
        return Answer(
            text=text,
            finish=finish,
            prompt_tokens=count(usage.get("prompt_tokens")),
            tokens=count(usage.get("completion_tokens")),
            reasoning_tokens=count(details.get("reasoning_tokens")) if isinstance(details, dict) else None,
            frames=frames if self._settings.diffusing else None,
            reasoned=reasoned,
            usage=usage,
        )


def _choices(chunk: Any) -> list[Any]:
    choices = getattr(chunk, "choices", None)
    if not isinstance(choices, list) or not all(hasattr(choice, "delta") for choice in choices):
        raise Fault("a frame of the stream is malformed")
    return choices


def _whole(chunk: Any) -> bool:
    """A frame of a diffusing stream is the whole text, unless it says otherwise."""
    meta = (chunk.model_extra or {}).get("diffusion_meta")
    return not isinstance(meta, dict) or meta.get("diffusion_content") is not False


@contextlib.contextmanager
def faults() -> Iterator[None]:
    """Turn the SDK's errors into ours.

    Raises:
        Fault: the connection, the server or a frame failed.
        Refused: the server will never answer this request.
    """
    try:
        yield
    except openai.APIStatusError as error:
        raise judge(error.status_code, error.response.headers, error.message) from None
    except openai.APITimeoutError:
        raise Fault("no answer in time") from None
    except openai.APIConnectionError as error:
        raise Fault("the connection failed", unreachable=type(error.__cause__).__name__ == "ConnectError") from None
    except openai.APIError as error:
        raise judge(200, {}, error.message) from None
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise Fault("a frame of the stream is malformed") from None
