"""Replies of the chat protocols and of LanguageTool as hypothesis strategies: right ones with up to three things wrong."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.sampled_from([2**31, 2**53, 2**64, 10**30, 10**400, -(10**400), 1e308, float("nan"), float("inf"), -0.0, 0.5]),
    st.text(st.characters(), max_size=8),
    st.sampled_from(["", "stop", "length", "text_delta", "message_start", "error", "\ud800", "\x1b[31m", "a" * 300, "[DONE]"]),
)
JUNK = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.one_of(st.text(max_size=6), st.sampled_from(["text", "id"])), inner, max_size=3),
    ),
    max_leaves=6,
)


def openai_frames(words: list[str]) -> list[Any]:
    """What a server of OpenAI's protocol sends."""
    deltas = [{"role": "assistant", "content": ""}, {"reasoning_content": "hm"}, *({"content": word} for word in words)]
    frames: list[Any] = [{"id": "c", "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    usage = {"prompt_tokens": 3, "completion_tokens": 5, "completion_tokens_details": {"reasoning_tokens": 1}}
    ended = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "diffusion_meta": {"diffusion_content": True}}
    return [*frames, ended, {"choices": [], "usage": usage}]


def openai_document(words: list[str]) -> Any:
    """The same without a stream."""
    choice = {"index": 0, "message": {"role": "assistant", "content": "".join(words)}, "finish_reason": "stop"}
    return {"choices": [choice], "usage": {"prompt_tokens": 3, "completion_tokens": 5}}


def anthropic_frames(words: list[str]) -> list[Any]:
    """What Anthropic's protocol sends."""
    deltas = [{"type": "thinking_delta", "thinking": "hm"}, *({"type": "text_delta", "text": word} for word in words)]
    return [
        {"type": "message_start", "message": {"id": "m", "content": [], "usage": {"input_tokens": 3, "output_tokens": 1}}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "ping"},
        *({"type": "content_block_delta", "index": 0, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 5}},
        {"type": "message_stop"},
    ]


def anthropic_document(words: list[str]) -> Any:
    """The same without a stream."""
    usage = {"input_tokens": 3, "output_tokens": 5}
    return {"content": [{"type": "text", "text": word} for word in words], "stop_reason": "end_turn", "usage": usage}


def languagetool_document(words: list[str]) -> Any:
    """What LanguageTool replies to a text with a word twice in it."""
    match = {"message": "again", "offset": 0, "length": 2, "rule": {"id": "REPEAT"}}
    return {"software": {"name": "LanguageTool", "version": "6.8", "buildDate": "2025"}, "matches": [match for _ in words]}


def places(value: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path to every value inside a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [here, *(place for key, one in inner for place in places(one, (*here, key)))]


@st.composite
def damaged(draw: st.DrawFn, make: Callable[[list[str]], Any]) -> Any:
    """A reply in which up to three values are missing, of another kind, or somewhere else."""
    value = copy.deepcopy([make(draw(st.lists(st.text(st.characters(), max_size=5), max_size=3)))])
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.sampled_from(places(value)[1:] or [(0,)]))
        holder: Any = value
        for key in place[:-1]:
            holder = holder[key]
        change = draw(st.sampled_from(["replace", "remove", "double", "swap"]))
        if change == "remove" and len(place) > 1:
            del holder[place[-1]]
        elif isinstance(holder, list) and change == "double" and len(place) > 1:
            holder.insert(place[-1], copy.deepcopy(holder[place[-1]]))
        elif isinstance(holder, list) and change == "swap" and len(place) > 1:
            holder.append(holder.pop(place[-1]))
        else:
            holder[place[-1]] = draw(JUNK)
    return value[0]


@st.composite
def streams(draw: st.DrawFn, make: Callable[[list[str]], Any], end: bytes) -> bytes:
    """The bytes of a damaged stream."""
    frames = draw(damaged(make))
    parts = []
    for frame in frames if isinstance(frames, list) else [frames]:
        name = draw(st.sampled_from(["", "", "", "event: error\n", "event: x\n", ": alive\n\n", "id: 1\nretry: 5\n"]))
        parts.append(f"{name}data: {json.dumps(frame)}\n\n".encode())
    raw = b"".join(parts) + (end if draw(st.booleans()) else b"")
    if draw(st.integers(0, 4)) == 0:
        place = draw(st.integers(0, len(raw)))
        raw = (
            raw[:place]
            + draw(st.sampled_from([b"", b"\n\n", b"\r", b"data: {", b"\xff\x00", b"data: [DONE]\n\n"]))
            + raw[place + draw(st.integers(0, 9)) :]
        )
    return raw


def documents(make: Callable[[list[str]], Any]) -> st.SearchStrategy[bytes]:
    """The bytes of a damaged document."""
    return damaged(make).map(lambda value: json.dumps(value).encode())
