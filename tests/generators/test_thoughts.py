"""A thought is no answer, for every kind of model."""  # fault 14

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from chat_server import Server
from hypothesis import given
from hypothesis import strategies as st
from test_generators_served import TASK, right, rows

from parallelbench.api import run
from parallelbench.contracts.thoughts import split_thought

WORDS = st.text(st.characters(codec="utf-8", exclude_characters="<>[]◁▷|"), max_size=30)


@pytest.mark.parametrize(
    ("text", "answer", "thought"),
    [
        ('<think>maybe ["b"]</think>["a"]', '["a"]', 'maybe ["b"]'),
        ('<think>\n\n</think>\n\n["a"]', '["a"]', ""),
        ('<think>it is ["a"]', "", 'it is ["a"]'),
        ('["a"] <think>or not', "", "or not"),
        ('it is ["b"]</think>["a"]', '["a"]', 'it is ["b"]'),
        ('<think>one</think><think>two</think> ["a"]', '["a"]', "onetwo"),
        ('<think>one</think>["a"]<think>two', "", "onetwo"),
        ('<think>I write <think> first</think>["a"]', '["a"]', "I write <think> first"),
        ('<thinking>so</thinking>["a"]', '["a"]', "so"),
        ('[THINK]so[/THINK]["a"]', '["a"]', "so"),
        ('◁think▷so◁/think▷["a"]', '["a"]', "so"),
        ('<seed:think>so</seed:think>["a"]', '["a"]', "so"),
        (' ["a"]\n', ' ["a"]\n', None),
        ("a < b, think> c", "a < b, think> c", None),
        ("", "", None),
    ],
)
def test_answer_and_thought(text: str, answer: str, thought: str | None) -> None:
    assert split_thought(text) == (answer, thought)


def test_a_template_may_open_the_thought() -> None:
    prompt = "<|im_start|>assistant\n<think>\n"
    assert split_thought('it is ["a"]', prompt) == ("", 'it is ["a"]')
    assert split_thought('hm</think>["a"]', prompt) == ('["a"]', "hm")
    assert split_thought('["a"]', "<think>\n\n</think>\n\n") == ('["a"]', None)
    assert split_thought('["a"]', "say <think> and go") == ('["a"]', None)


@given(st.lists(st.one_of(WORDS, st.sampled_from(["<think>", "</think>", "[THINK]", "[/THINK]"])), max_size=12))
def test_no_text_of_a_thought_is_in_the_answer(parts: list[str]) -> None:
    text = "".join(parts)
    answer, thought = split_thought(text)
    if thought is None:
        assert answer == text
    else:
        assert "think>" not in answer.lower() and len(answer) + len(thought) <= len(text)
        assert split_thought(answer) == (answer, None)


@given(WORDS, WORDS)
def test_a_closed_thought_changes_no_answer(thought: str, answer: str) -> None:
    assert split_thought(f"<think>{thought}</think>{answer}") == (answer.strip(), thought.strip())


def test_it_is_linear_in_the_text() -> None:
    text = "<think></think>" * 50_000 + "<" * 200_000
    start = time.process_time()
    split_thought(text)
    assert time.process_time() - start < 5


@pytest.mark.parametrize("protocol", ["openai", "mercury", "anthropic"])
def test_a_served_thought_is_not_graded(tmp_path: Path, protocol: str) -> None:
    answer = right()
    kinds = {0: "<think>or {}</think>\n{}", 1: "<think>it is {}", 2: "{}"}

    def reply(messages: list[dict[str, str]]) -> str:
        whole = answer(messages)
        kind = kinds[len(server.asked) % 3]
        return kind.format(*["[no]", whole] if kind.count("{}") == 2 else [whole])

    with Server(reply) as server:
        path = "" if protocol == "anthropic" else "/v1"
        run(f"{protocol}:small@{server.url}{path},concurrency=1", TASK, limit=6, out=tmp_path / "out")
    found = rows(tmp_path / "out")
    (traces,) = (tmp_path / "out").glob("cells/*/traces.jsonl")
    thoughts = [json.loads(line)["thought"] for line in traces.read_text().splitlines()]
    for row, thought in zip(found, thoughts, strict=True):
        cut = thought is not None and thought.startswith("it is")
        assert row["scores"]["list_exact"] == (0.0 if cut else 1.0) and "think" not in row["text"]
        assert row["text"] == "" if cut else row["text"]
    assert thoughts.count(None) == 2 and thoughts.count("or [no]") == 2


def test_an_answer_can_be_requested_without_thoughts(tmp_path: Path) -> None:
    with Server(right()) as server:
        run(f"openai:small@{server.url}/v1,thoughts=false", TASK, limit=1, out=tmp_path / "out")
        run(f"openai:small@{server.url}/v1", TASK, limit=1, out=tmp_path / "plain")
        without, plain = server.asked
    assert without["chat_template_kwargs"] == {"enable_thinking": False} and "chat_template_kwargs" not in plain
    cell = json.loads(next((tmp_path / "out").glob("cells/*/cell.json")).read_text())
    assert cell["cell"]["decoder"] == "builtin:temperature=0.0,thoughts=false,forwards=tokens"
