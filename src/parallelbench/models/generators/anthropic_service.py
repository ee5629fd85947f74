"""Anthropic's messages protocol, streamed: an answer is whole once `message_stop` has come."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import anthropic
import httpx2

from parallelbench.models.generators.faults import Fault, judge
from parallelbench.models.generators.service import Answer, Service, count, in_time
from parallelbench.schema import Turn


class Settings(NamedTuple):
    """What goes into every request; None is left to the server."""

    name: str
    temperature: float | None = None
    top_p: float | None = None
    reasoning: str | None = None
    thinking: str | None = None


class AnthropicService(Service):
    """A client of one model; the SDK's own retries are off, so that ours are all there are."""

    def __init__(self, url: str | None, key: str, settings: Settings, timeout: float) -> None:
        self._settings = settings
        self._timeout = timeout
        self._client = anthropic.Anthropic(base_url=url, api_key=key, timeout=timeout, max_retries=0)

    def ask(self, turns: Sequence[Turn], max_tokens: int, seed: int) -> Answer:
        with faults(), self._client.messages.create(**self._body(turns, max_tokens)) as stream:
            return _read(in_time(iter(stream), self._timeout))

    def known(self) -> list[str]:
        with contextlib.suppress(anthropic.AnthropicError, ValueError):
            return [model.id for model in self._client.models.list().data]
        return []

    def close(self) -> None:
        self._client.close()

    def _body(self, turns: Sequence[Turn], max_tokens: int) -> dict[str, Any]:
        asked = self._settings
        body = {
            "model": asked.name,
            "messages": [{"role": turn.role, "content": turn.text} for turn in turns],
            "stream": True,
            "max_tokens": max_tokens,
            "output_config": {"effort": asked.reasoning} if asked.reasoning else None,
            "thinking": {"type": asked.thinking} if asked.thinking else None,
            "extra_body": _given(temperature=asked.temperature, top_p=asked.top_p),  # the SDK names them no more
        }
        return _given(**body)


def _given(**values: Any) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def _read(events: Iterator[Any]) -> Answer:
    usage: dict[str, Any] = {}
    text, finish, whole, reasoned = "", "", False, False
    for event in events:
        kind = getattr(event, "type", None)
        if not isinstance(kind, str):
            raise Fault("an event of the stream is malformed")
        if kind == "message_start":
            usage |= event.message.usage.to_dict()
        elif kind == "content_block_delta" and getattr(event.delta, "type", "") == "text_delta":
            text += event.delta.text
        elif kind == "content_block_delta" and "thinking" in str(getattr(event.delta, "type", "")):
            reasoned = True
        elif kind == "message_delta":
            finish = event.delta.stop_reason or finish
            usage |= {key: value for key, value in event.usage.to_dict().items() if value is not None}
        whole = whole or kind == "message_stop"
    if not whole or not finish:
        raise Fault("the stream ended before the answer did")
    tokens = count(usage.get("output_tokens"))
    return Answer(text, finish, count(usage.get("input_tokens")), tokens, reasoned=reasoned, usage=usage)


@contextlib.contextmanager
def faults() -> Iterator[None]:
    """Turn the SDK's errors into ours.

    Raises:
        Fault: the connection, the server or an event failed.
        Refused: the server will never answer this request.
    """
    try:
        yield
    except anthropic.APIStatusError as error:
        raise judge(error.status_code, error.response.headers, error.message) from None
    except anthropic.APITimeoutError:
        raise Fault("no answer in time") from None
    except anthropic.APIConnectionError as error:
        raise Fault("the connection failed", unreachable=type(error.__cause__).__name__ == "ConnectError") from None
    except anthropic.APIError as error:
        raise judge(200, {}, error.message) from None
    except httpx2.HTTPError:  # while the stream is read, the SDK lets these through
        raise Fault("the connection failed") from None
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise Fault("an event of the stream is malformed") from None
