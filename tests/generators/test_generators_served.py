"""What served models are asked and what is kept of their answers, over real sockets."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from chat_server import Server

from parallelbench import cli
from parallelbench.api import run
from parallelbench.runs.cell import Cell
from parallelbench.tasks import load_task
from thinned import thinned

TASK = "waiting_line/copy:lengths=[3],samples=200,shots=0"
FAULTS = ("wait 0.02", "500", "503", "529", "hang up", "cut", "stop early", "half a frame", "no frame", "error frame", "slow")


def right() -> Callable[[list[dict[str, str]]], str]:
    """Answers every question of the task as it should be."""
    task = load_task(TASK)
    samples = [task.sample(0, index, None) for index in range(200)]
    answers = {sample.turns[-1].text: sample.answer for sample in samples}
    assert len(answers) == len(samples)
    return lambda messages: answers[messages[-1]["content"]]


def rows(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for path in out.glob("cells/*/records.jsonl") for line in path.read_text().splitlines()]


def files_with(out: Path, secret: str) -> list[Path]:
    return [path for path in out.rglob("*") if path.is_file() and secret.encode() in path.read_bytes()]


@pytest.mark.parametrize("protocol", thinned(["openai", "mercury", "anthropic"], 2))
def test_a_fifth_of_the_requests_fail_and_nothing_is_lost_or_counted_twice(
    tmp_path: Path, keys: str, protocol: str, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    faults = {number: FAULTS[number // 5 % len(FAULTS)] for number in range(0, 250, 5)}
    with Server(right(), faults) as server:
        path = "" if protocol == "anthropic" else "/v1"
        model = f"{protocol}:small@{server.url}{path},timeout=0.5,backoff=0.01,concurrency=12,price_in=2,price_out=10"
        results = run(model, TASK, out=tmp_path / "out")
        asked = len(server.asked)
        run(model, TASK, out=tmp_path / "out")
    found = rows(tmp_path / "out")
    assert len(server.asked) == asked, "a finished run asks nothing"
    assert len({row["sample_id"] for row in found}) == len(found) == 200
    assert all(row["scores"]["list_exact"] == 1.0 for row in found)
    assert sum(row["reported"]["attempts"] for row in found) == asked >= 240
    assert max(row["reported"]["attempts"] for row in found) > 1
    assert set(server.answered.values()) == {1} and len(server.answered) == 200
    assert 1 < server.busiest <= 12 + len(FAULTS)  # an abandoned answer may still run on the server's side
    tokens = found[0]["reported"]["tokens"]
    assert found[0]["reported"]["cost"] == pytest.approx((2 * 11 + 10 * tokens) / 1e6)
    assert results.rows[0].accuracy == 1.0 and len(list((tmp_path / "out").glob("cells/*/DONE"))) == 1
    said = capfd.readouterr()
    assert not files_with(tmp_path / "out", keys) and keys not in said.out + said.err + caplog.text


def test_an_openai_server_is_asked_what_the_options_say_and_its_tokens_are_forwards(tmp_path: Path) -> None:
    with Server(right()) as server:
        model = f"openai:small@{server.url}/v1,temperature=0.5,top_p=0.9,reasoning=low,max_tokens=77"
        run(model, TASK, limit=2, out=tmp_path / "out")
        body, other = server.asked
    assert body["path"] == "/v1/chat/completions" and body["stream"] is True
    assert (body["model"], body["temperature"], body["top_p"], body["max_tokens"]) == ("small", 0.5, 0.9, 77)
    assert body["reasoning_effort"] == "low" and body["seed"] != other["seed"]
    row, cell = rows(tmp_path / "out")[0], the_cell(tmp_path / "out")
    words = len(row["text"].split(" "))
    assert (row["nfe"], row["content_tokens"], row["tokens_per_step"]) == (words + 2, words, 1.0)  # two hidden tokens
    unknown = dict.fromkeys(("rows", "q_tokens", "kv_tokens", "flops"))
    assert row["costs"] == {"nfe": {"reported": words + 2}, **unknown, "flags": []}
    assert row["reported"]["usage"]["completion_tokens_details"] == {"reasoning_tokens": 2}
    assert (
        cell["decoder"] == "builtin:temperature=0.5,top_p=0.9,reasoning=low,forwards=tokens"
        and cell["decoder_facts"]["family"] == "builtin"
    )
    assert (cell["model"], cell["revision"], cell["canvas_length"]) == ("small", f"{server.url}/v1", 77)


def the_cell(out: Path) -> dict[str, Any]:
    (path,) = out.glob("cells/*/cell.json")
    cell: dict[str, Any] = json.loads(path.read_text())["cell"]
    assert set(Cell.__dataclass_fields__) == set(cell)
    return cell


def test_what_is_greedy_needs_no_seed_and_what_a_server_hides_is_unknown(tmp_path: Path) -> None:
    with Server(right()) as server:
        results = run(f"openai:small@{server.url}/v1,forwards=unknown", TASK, limit=1, out=tmp_path / "out")
        (body,) = server.asked
    assert body["temperature"] == 0.0 and "seed" not in body and "top_p" not in body
    (row,) = rows(tmp_path / "out")
    assert (row["nfe"], row["tokens_per_step"], row["content_tokens_per_forward"], row["costs"]["nfe"]) == (
        None,
        None,
        None,
        {},
    )
    assert results.rows[0].nfe is None and results.rows[0].tokens_per_step is None


def test_every_refinement_of_a_diffusing_stream_is_a_forward_and_the_last_is_the_answer(tmp_path: Path) -> None:
    with Server(right()) as server:
        run(f"mercury:small@{server.url}/v1,reasoning=instant", TASK, limit=3, out=tmp_path / "out")
        (body, *_) = server.asked
    assert body["diffusing"] is True and body["reasoning_effort"] == "instant" and "seed" not in body
    for row in rows(tmp_path / "out"):
        assert row["nfe"] == 3 and "~" not in row["text"] and row["scores"]["list_exact"] == 1.0
        assert row["tokens_per_step"] == pytest.approx((len(row["text"].split(" ")) + 2) / 3)
    assert the_cell(tmp_path / "out")["decoder"] == "builtin:temperature=0.0,reasoning=instant,diffusing=true"


def test_anthropic_is_asked_in_its_own_protocol_and_its_forwards_are_unknown(tmp_path: Path) -> None:
    with Server(right()) as server:
        model = f"anthropic:small@{server.url},temperature=0.2,reasoning=low,thinking=adaptive"
        run(model, f"{TASK.removesuffix(',shots=0')},shots=1,system=Be brief.", limit=1, out=tmp_path / "out")
        (body,) = server.asked
    assert body["system"] == "Be brief."
    assert body["path"] == "/v1/messages" and (body["max_tokens"], body["temperature"]) == (1024, 0.2)
    assert body["output_config"] == {"effort": "low"} and body["thinking"] == {"type": "adaptive"}
    assert [message["role"] for message in body["messages"]] == ["user", "assistant", "user"]
    (row,) = rows(tmp_path / "out")
    assert row["nfe"] is None and row["content_tokens"] == len(row["text"].split(" "))
    assert row["reported"]["finish"] == "end_turn" and row["reported"]["prompt_tokens"] == 11


@pytest.mark.parametrize("model", ["openai:small@{url}/v1", "anthropic:small@{url},thinking=adaptive,forwards=tokens"])
def test_hidden_reasoning_that_nobody_counted_leaves_the_answers_tokens_unknown(tmp_path: Path, model: str) -> None:
    with Server(right(), reasoning=True) as server:
        run(model.format(url=server.url), TASK, limit=1, out=tmp_path / "out")
    (row,) = rows(tmp_path / "out")
    assert row["reported"]["tokens"] is not None and row["scores"]["list_exact"] == 1.0
    assert (row["content_tokens"], row["content_tokens_per_forward"]) == (None, None)


def test_a_server_is_given_the_time_that_it_asks_for(tmp_path: Path) -> None:
    with Server(right(), {0: "wait 0.4"}) as server:
        run(f"openai:small@{server.url}/v1,backoff=0.001", TASK, limit=1, out=tmp_path / "out")
    first, second = server.times
    assert second - first >= 0.4
    assert rows(tmp_path / "out")[0]["seconds"] < 0.4, "waiting is no decoding"


def test_an_answer_that_drips_is_given_up_and_asked_for_again(tmp_path: Path) -> None:
    with Server(right(), {0: "drip"}) as server:
        run(f"openai:small@{server.url}/v1,timeout=0.4,backoff=0.001", TASK, limit=1, out=tmp_path / "out")
    assert rows(tmp_path / "out")[0]["reported"]["attempts"] == len(server.asked) == 2


def test_a_run_ends_at_its_largest_cost_and_goes_on_with_a_larger_one(
    tmp_path: Path, keys: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with Server(right()) as server:
        words = ["run", "-m", f"openai:small@{server.url}/v1,concurrency=1,price_in=0,price_out=1000000", "-t", TASK]
        words += ["--limit", "6", "-o", str(tmp_path / "out")]
        assert cli.invoke([*words, "--max-cost", "3"]) == 2
        assert "of the 3 of --max-cost; every finished sample is kept" in capsys.readouterr().err
        kept = rows(tmp_path / "out")
        assert sum(row["reported"]["cost"] for row in kept[:-1]) < 3 <= sum(row["reported"]["cost"] for row in kept)
        assert cli.invoke([*words, "--max-cost", "0.001"]) == 2, "records say now what a sample costs"
        assert "the expected cost is" in capsys.readouterr().err and len(rows(tmp_path / "out")) == len(kept)
        assert cli.invoke([*words, "--max-cost", "1e9"]) == 0
    assert len(rows(tmp_path / "out")) == 6


def test_a_server_that_repeats_the_key_does_not_get_it_onto_the_disk(tmp_path: Path, keys: str) -> None:
    with Server(right(), {0: "500"}, echo=True) as server:
        run(f"openai:small@{server.url}/v1,backoff=0.001", TASK, limit=2, out=tmp_path / "out")
    assert all("[key]" in row["text"] for row in rows(tmp_path / "out"))
    assert not files_with(tmp_path / "out", keys)


class Interrupt:
    """Presses Ctrl-C after so many samples."""

    def __init__(self, after: int) -> None:
        self.left = after

    def planned(self, missing: object, samples: int) -> None: ...
    def cell_started(self, cell: Cell, missing: int) -> None: ...
    def cell_done(self, cell: Cell) -> None: ...

    def sample_done(self, cell: Cell, record: object) -> None:
        self.left -= 1
        if not self.left:
            raise KeyboardInterrupt


def test_an_interrupted_run_keeps_what_it_has_and_asks_only_for_the_rest(tmp_path: Path) -> None:
    with Server(right()) as server:
        model = f"openai:small@{server.url}/v1,concurrency=2"
        with pytest.raises(KeyboardInterrupt):
            run(model, TASK, limit=12, out=tmp_path / "out", progress=Interrupt(5))
        kept = rows(tmp_path / "out")
        assert len(kept) == 5
        run(model, TASK, limit=12, out=tmp_path / "out")
        asked = [body["messages"][-1]["content"] for body in server.asked]
    found = rows(tmp_path / "out")
    assert found[:5] == kept and len({row["index"] for row in found}) == len(found) == 12
    assert len(asked) <= 12 + 2 + 1, "at most what was on its way is asked for twice"
