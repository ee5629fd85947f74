"""Servers that hang, drip, flood and send nonsense: each costs its limit and one sentence; every missing sample is named."""

from __future__ import annotations

import re
import resource
import sys
import time
from pathlib import Path

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
            client = service(protocol, server.url, 0.4)
            start = time.monotonic()
            with pytest.raises((Fault, Refused)) as caught:
                client.complete(TURNS, 16, 0)
            assert time.monotonic() - start < 5, "the limit is that of the whole request"
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


@pytest.mark.parametrize("protocol", ["openai", "mercury", "anthropic"])
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
