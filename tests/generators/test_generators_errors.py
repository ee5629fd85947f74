"""Every mistake around a served model is one sentence that says what to do."""

from __future__ import annotations

import email.utils
import re
import time
from pathlib import Path

import pytest
from chat_server import Server

from parallelbench.api import run
from parallelbench.cli import invoke
from parallelbench.errors import MissingExtra, UserError
from parallelbench.models import load_any, load_model
from parallelbench.models.generators.faults import Fault, Refused, judge, retry_after
from parallelbench.models.generators.flight import in_flight
from parallelbench.models.generators.options import Secret, split_name

TASK = "waiting_line/copy:lengths=[3],shots=0"


def refused(model: str, tmp_path: Path, task: str = TASK) -> str:
    with pytest.raises(UserError) as caught:
        run(model, task, limit=3, out=tmp_path / "out")
    message = str(caught.value)
    assert "\n" not in message and message[-1] in ".?"
    return message


@pytest.mark.parametrize(
    ("model", "variable"),
    [("openai:gpt-9", "OPENAI_API_KEY"), ("mercury", "INCEPTION_API_KEY"), ("anthropic:claude", "ANTHROPIC_API_KEY")],
)
def test_no_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str, variable: str) -> None:
    monkeypatch.delenv(variable)
    assert f"export {variable}=" in refused(model, tmp_path)
    assert not (tmp_path / "out").exists()


def test_a_key_elsewhere_is_missed_there(tmp_path: Path) -> None:
    assert "export MY_KEY=" in refused("openai:small@http://127.0.0.1:9/v1,key_env=MY_KEY", tmp_path)


def test_nobody_answers_at_the_address(tmp_path: Path) -> None:
    with Server(lambda messages: "") as server:
        url = server.url
    start = time.monotonic()
    message = refused(f"openai:small@{url}/v1,backoff=120", tmp_path)
    assert f"{url}/v1 cannot be reached (no connection: " in message and "start the server there" in message
    assert time.monotonic() - start < 50, "a server that is not there is not waited for"


@pytest.mark.parametrize("protocol", ["openai", "anthropic"])
def test_unknown_models_and_refused_keys_and_requests(tmp_path: Path, keys: str, protocol: str) -> None:
    path = "/v1" if protocol == "openai" else ""
    with Server(lambda messages: "", {0: "401", 1: "400", 2: "422"}, models=("small", "large"), echo=True) as server:
        name = f"{protocol}:small@{server.url}{path},concurrency=1"
        first, second, third = (refused(name, tmp_path) for _ in range(3))
        unknown = refused(f"{protocol}:huge@{server.url}{path}", tmp_path / "other")
    assert re.search(rf"refuses the key in {protocol.upper()}_API_KEY \(HTTP 401.*check the key", first)
    assert "does not fit into the context of small" in second and "fewer shots" in second
    assert "refuses the request (HTTP 422" in third
    assert "huge at" in unknown and "it has: large, small" in unknown
    assert not any(keys in message for message in (first, second, third, unknown))


def test_patience_ends_and_says_how_to_go_on(tmp_path: Path) -> None:
    with Server(lambda messages: "", dict.fromkeys(range(99), "503")) as server:
        message = refused(f"openai:small@{server.url}/v1,retries=2,backoff=0.001,concurrency=1", tmp_path)
        assert "failed 3 times in a row (HTTP 503" in message and "run the same command again later" in message
        assert len(server.asked) == 3
    with Server(lambda messages: "", {0: "wait 7200"}) as server:
        assert "wants 7200 s until the next request" in refused(f"openai:small@{server.url}/v1", tmp_path / "other")


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("openai", "a served model has a name"),
        ("openai:small@http://me:secret@host/v1", "put the key of host into the environment"),
        ("openai:small@https://host/v1?api_key=secret", "put the key of host into the environment"),
        ("openai:small@http:///v1", "looks like http://localhost:8000/v1"),
        ("openai:small,api_key=secret", "no key 'api_key'"),
        ("openai:small,temperature=9", "'temperature' is 9"),
        ("openai:small,concurrency=0", "'concurrency' is 0"),
        ("mercury:diffusing=perhaps", "'diffusing' is 'perhaps'"),
        ("ar", "has a name or a folder"),
        ("ar:path=/nowhere", "no checkpoint folder '/nowhere'"),
    ],
)
def test_bad_names_and_options(model: str, said: str) -> None:
    with pytest.raises(UserError) as caught:
        load_any(model)
    assert said in str(caught.value) and "secret" not in str(caught.value)


def test_a_generator_is_no_denoiser_and_no_frame_can_be_given_to_it(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="decodes in its own way"):
        load_model("mercury")
    assert "write infill=false" in refused("mercury", tmp_path, "list_ops/copy:lengths=[3]")


def test_vllm_is_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("parallelbench.models.generators.load_local.find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"parallelbench\[vllm\]"):
        load_any("vllm:some/model")


def test_a_denoiser_needs_a_decoder_and_a_generator_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["run", "-m", "exact", "-t", TASK, "-o", str(tmp_path / "out")]) == 2
    assert "exact needs a decoder; name one" in capsys.readouterr().err
    with Server(lambda messages: "no") as server:
        model = f"openai:small@{server.url}/v1"
        assert invoke(["run", "-m", model, "-t", TASK, "--limit", "2", "-o", str(tmp_path / "out")]) == 0
    assert "builtin:temperature=0.0" in capsys.readouterr().out


def test_waiting_times_are_read_in_every_form() -> None:
    assert retry_after({"retry-after": "3"}) == 3.0
    assert retry_after({"retry-after": "3", "retry-after-ms": "250"}) == 0.25
    assert retry_after({"retry-after": email.utils.formatdate(time.time() + 100, usegmt=True)}) == pytest.approx(100, abs=3)
    assert retry_after({"retry-after": email.utils.formatdate(0, usegmt=True)}) == 0.0
    assert retry_after({}) is None and retry_after({"retry-after": "soon"}) is None


@pytest.mark.parametrize(
    "message",
    [
        "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens",
        "the request exceeds the available context size, try increasing it",
        "The input (9000 tokens) is longer than the model's context length (8192 tokens).",
        "prompt is too long: 210000 tokens > 200000 maximum",
    ],
)
def test_every_server_says_context_overflow_in_its_own_words(message: str) -> None:
    found = judge(400, {}, message)
    assert isinstance(found, Refused) and found.kind == "context"
    assert isinstance(judge(429, {}, message), Fault), "a limit of tokens per minute is no overflow"


def test_names_with_colons_slashes_and_ats_are_names() -> None:
    assert split_name("@cf/meta/llama:8b@https://host/v1/,temperature=0.5", "openai") == (
        "@cf/meta/llama:8b", "https://host/v1", {"temperature": 0.5},
    )  # fmt: skip
    assert split_name("temperature=1", "mercury") == ("", None, {"temperature": 1})


@pytest.mark.parametrize(
    "address",
    [
        "http:/localhost:8000/v1", "httpx://localhost:8000/v1", "http://[::1/v1", "http://localhost:80a0/v1",
        "localhost:8000/v1", "localhost/v1", "myserver:8000", "10.0.0.7:8000/v1",
    ],
)  # fmt: skip
def test_a_mistyped_address_is_no_name_at_openai(address: str) -> None:
    with pytest.raises(UserError, match="looks like http://localhost:8000/v1; write NAME@URL"):
        split_name(f"Qwen@{address}", "openai")


def test_a_secret_is_hidden_at_any_depth_and_never_shown() -> None:
    secret = Secret("0123456789", "KEY")
    assert secret.hide_in({"a": ["x 0123456789", 3, {"0123456789": None}]}) == {"a": ["x [key]", 3, {"[key]": None}]}
    assert "0123456789" not in repr(secret) and Secret("none", "KEY").hide("none of it") == "none of it"


def test_a_defect_in_a_request_is_loud_and_a_mistake_ends_the_rest() -> None:
    closed: list[bool] = []
    seen = []

    def work(item: int, stop: object) -> int:
        seen.append(item)
        if item == 2:
            raise UserError("no.")
        return item

    results = in_flight(work, range(100), 1, lambda: closed.append(True))
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(UserError, match="no"):
        next(results)
    assert seen == [0, 1, 2] and closed == [True]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_defect_of_ours_does_not_hang() -> None:
    def work(item: int, stop: object) -> int:
        raise ZeroDivisionError

    with pytest.raises(RuntimeError, match="without an outcome"):
        next(in_flight(work, [1], 1, lambda: None))
