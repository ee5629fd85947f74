"""Servers that hang, drip, flood and send nonsense: each costs its limit and one sentence; every missing sample is named."""

from __future__ import annotations

import re
import resource
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from chat_server import Server
from test_generators_served import TASK, right, rows

import hostile_http
from parallelbench.api import run
from parallelbench.errors import UserError
from parallelbench.models.generators.anthropic_service import AnthropicService
from parallelbench.models.generators.anthropic_service import Settings as AnthropicSettings
from parallelbench.models.generators.faults import Fault, Refused
from parallelbench.models.generators.openai_service import OpenAIService
from parallelbench.models.generators.openai_service import Settings as OpenAISettings
from parallelbench.models.generators.service import Service
from parallelbench.schema import Turn

TURNS = (Turn("user", "Say hello."),)
KEY = "sk-test-0123456789abcdef"


def service(protocol: str, url: str, timeout: float) -> Service:
    if protocol == "anthropic":
        return AnthropicService(url, KEY, AnthropicSettings("small"), timeout)
    return OpenAIService(f"{url}/v1", KEY, OpenAISettings("small", diffusing=protocol == "mercury"), timeout)


def peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


@pytest.mark.parametrize("mode", hostile_http.MODES)
def test_a_hostile_reply_costs_its_timeout_and_little_memory(mode: str) -> None:  # fault 49, fault 51
    before = peak_bytes()
    with Server(lambda messages: "hello", {0: mode, 1: mode}) as server:
        for protocol in ("openai", "anthropic"):
            client = service(protocol, server.url, 0.2)
            start = time.monotonic()
            with pytest.raises((Fault, Refused)) as caught:
                client.complete(TURNS, 16, 0)
            assert time.monotonic() - start < 15, "the limit is that of the whole request"
            client.close()
            assert str(caught.value)
        assert service("openai", server.url, 10.0).complete(TURNS, 16, 0).text == "hello"
    assert peak_bytes() - before < 300 << 20


@pytest.mark.parametrize("mode", ["keep-alive", "deep JSON", "gzip bomb", "page", "endless error"])
def test_a_server_that_never_answers_is_one_sentence_that_names_every_sample(tmp_path: Path, mode: str) -> None:
    with Server(right(), dict.fromkeys(range(99), mode)) as server, pytest.raises(UserError) as caught:
        run(f"openai:small@{server.url}/v1,timeout=0.3,retries=1,backoff=0.01", TASK, limit=20, out=tmp_path / "out")
    said = str(caught.value)
    assert "failed 2 times in a row" in said and "\n" not in said and "\x1b" not in said and len(said) < 700
    named = re.search(r"without an answer: waiting_line/copy@\d+/0: ([\d, -]+);", said)
    assert named is not None and len(indices(named[1])) == 20


def indices(ranges: str) -> set[int]:
    """The indices in `3, 17, 20-25`."""
    ends = [part.split("-") for part in ranges.split(", ")]
    return {index for first, *last in ends for index in range(int(first), int(last[-1] if last else first) + 1)}


@pytest.mark.parametrize(
    "protocol", ["openai", *(pytest.param(one, marks=pytest.mark.slow) for one in ("mercury", "anthropic"))]
)
def test_two_hundred_requests_of_which_three_in_ten_are_hostile(tmp_path: Path, protocol: str) -> None:
    """Issue 15, what it must show, 3: the run ends complete, or names exactly the samples that are missing."""
    modes = list(hostile_http.MODES)
    faults = {number: modes[number % len(modes)] for number in range(400) if number % 10 in (1, 4, 8)}
    timeout, named = 0.5, set()
    with Server(right(), faults) as server:
        path = "" if protocol == "anthropic" else "/v1"
        model = f"{protocol}:small@{server.url}{path},timeout={timeout},backoff=0.01,concurrency=8"
        start = time.monotonic()
        try:
            run(model, TASK, out=tmp_path / "out")
        except UserError as error:  # a machine that is busy enough lets whole answers come too late as well
            named = indices(re.findall(r"without an answer: [^:]*: ([\d, -]+);", str(error))[0])
        seconds = time.monotonic() - start
        asked = len(server.asked)
    assert seconds < 2 * timeout * asked
    found = rows(tmp_path / "out")
    assert all(row["scores"]["list_exact"] == 1.0 for row in found)
    assert sorted([row["index"] for row in found] + list(named)) == list(range(200))


def test_samples_without_an_answer_are_named_and_requested_again(tmp_path: Path) -> None:
    """Two prompts are never answered; the others are, and the same command asks for those two alone."""
    bad = set()

    def reply(messages: list[dict[str, str]]) -> str:
        if messages[-1]["content"] in bad:
            raise TimeoutError
        return right_answer(messages)

    right_answer = right()
    from parallelbench.tasks import load_task

    task = load_task(TASK)
    order = list(task.order(0))[:30]
    lost = sorted((order[4], order[17]))
    bad |= {task.sample(0, index, None).turns[-1].text for index in lost}
    with Server(reply) as server:
        model = f"openai:small@{server.url}/v1,timeout=2,retries=1,backoff=0.01,concurrency=4"
        with pytest.raises(UserError) as caught:
            run(model, TASK, limit=30, out=tmp_path / "out")
        named = re.search(r"without an answer: [^:]*: ([\d, -]+);", str(caught.value))
        assert named is not None and sorted(indices(named[1])) == lost
        assert len(rows(tmp_path / "out")) == 28
        bad.clear()
        before = len(server.asked)
        run(model, TASK, limit=30, out=tmp_path / "out")
        assert len(server.asked) - before == 2
    assert {row["index"] for row in rows(tmp_path / "out")} == set(order)


ANSWER = '{"choices": [{"message": {"content": "hello"}, "finish_reason": "stop"}]}'
FRAME = 'data: {"choices": [{"delta": {"content": "hello"}, "finish_reason": "stop"}]}'
WHOLE = {
    "a document with a byte order mark": f"\ufeff{ANSWER}",
    "a stream with a byte order mark": f"\ufeff{FRAME}\n\n",
    "lines that end in CR": f"{FRAME}\r\rdata: [DONE]\r\r",
    "lines that end in CR LF": f": hi\r\n\r\n{FRAME}\r\n\r\n",
    "a frame without choices at the end": f'{FRAME}\n\ndata: {{"usage": {{"completion_tokens": 2}}}}\n\n',  # fault 15
    "a frame of null": f"data: {{}}\n\n{FRAME}\n\n",
    "no finish_reason": 'data: {"choices": [{"delta": {"content": "hello"}}]}\n\ndata: [DONE]\n\n',
    "parts of text": '{"choices": [{"message": {"content": [{"type": "text", "text": "hello"}]}}]}',
    "a second choice": FRAME.replace("}]}", '}, {"index": 1, "delta": {"content": "no"}}]}') + "\n\n",
}
HALF = {
    "only the end": ("data: [DONE]\n\n", "holds no answer"),
    "no choice": ('{"choices": []}', "holds no answer"),
    "one newline between frames": (f"{FRAME}\n{FRAME}\n", "before the answer did"),
    "an error that is no JSON": ("event: error\ndata: overloaded\n\n", "overloaded"),
    "an error in a document": ('{"error": {"message": "CUDA out of memory"}}', "CUDA out of memory"),
    "text after the end": (f"{FRAME}\n\n{FRAME}\n\n", "text comes after the end"),
    "two documents": (ANSWER * 2, "no valid JSON"),
    "a number for a text": (ANSWER.replace('"hello"', "3"), r"choices\.0\.message\.content: should be a text"),
    "a list for a word": (ANSWER.replace('"stop"', "[]"), r"choices\.0\.finish_reason"),
    "an object for a list": ('{"choices": {"0": 1}}', "malformed at choices"),
}


def openai_read(body: str, size: int = 3) -> Any:
    raw = body.encode()
    reader = OpenAIService("http://localhost", KEY, OpenAISettings("small"), 1.0)
    return reader._read(iter([raw[start : start + size] for start in range(0, len(raw), size)]))


@pytest.mark.parametrize("name", WHOLE)
def test_odd_replies_that_are_whole(name: str) -> None:
    assert openai_read(WHOLE[name]).text == "hello"


@pytest.mark.parametrize("name", HALF)
def test_replies_that_are_none(name: str) -> None:
    body, said = HALF[name]
    with pytest.raises(Fault, match=said):
        openai_read(body)


@pytest.mark.parametrize(
    ("events", "said"),
    [
        ('data: {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "a"}}\n\n', "out of order"),
        ('data: {"type": "message_delta", "delta": {"stop_reason": "end_turn"}}\n\n', "out of order"),
        ('data: {"type": "message_start", "message": {}}\n\n' * 2, "out of order"),
        ('data: {"type": "message_start"}\n\ndata: {"type": "content_block_delta", "delta": null}\n\n', "is empty"),
        ('data: {"type": "message_start"}\n\ndata: {"type": "message_stop"}\n\n', "before the answer did"),
        ('data: {"type": null}\n\n', "malformed at type"),
        ('data: {"type": "message_start", "message": {"usage": "much"}}\n\n', r"malformed at message\.usage"),
        ('data: {"type": "brand_new"}\n\n', "before the answer did"),
    ],
)
def test_events_of_anthropic_that_are_no_answer(events: str, said: str) -> None:  # fault 51
    reader = AnthropicService("http://localhost", KEY, AnthropicSettings("small"), 1.0)
    with pytest.raises(Fault, match=said):
        reader._read(iter([events.encode()]))


@pytest.mark.parametrize(
    ("protocol", "refuses"),
    [("openai", "stream_options"), ("openai", "stream"), ("mercury", "stream_options"), ("anthropic", "stream")],
)
def test_optional_parts_that_a_server_refuses_are_left_out(tmp_path: Path, protocol: str, refuses: str) -> None:  # fault 15
    with Server(right(), refuses=refuses) as server:
        path = "" if protocol == "anthropic" else "/v1"
        run(f"{protocol}:small@{server.url}{path},concurrency=1", TASK, limit=3, out=tmp_path / "out")
        asked = server.asked
    assert len(asked) == 4 and asked[0].get(refuses) and not any(body.get(refuses) for body in asked[1:])
    assert all(row["scores"]["list_exact"] == 1.0 for row in rows(tmp_path / "out"))


@pytest.mark.parametrize("options", ["stream=false", "stream_options=false"])
def test_optional_parts_can_be_left_out_from_the_start(tmp_path: Path, options: str) -> None:  # fault 15
    with Server(right()) as server:
        run(f"openai:small@{server.url}/v1,{options}", TASK, limit=1, out=tmp_path / "out")
        (body,) = server.asked
    assert "stream_options" not in body and body["stream"] is (options != "stream=false")
    (row,) = rows(tmp_path / "out")
    assert row["scores"]["list_exact"] == 1.0 and (row["nfe"] is None) == (options == "stream_options=false")
