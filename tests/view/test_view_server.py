"""The explorer's server over real connections: who may read, what can be read, and what a hostile run does."""

from __future__ import annotations

import http.client
import json
import shutil
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from explorers import HOSTILE, TOKEN, Explorer

from parallelbench import cli
from parallelbench.runs.cell_folder import RECORDS, TRACES


def request(explorer: Explorer, path: str, method: str = "GET", **headers: str) -> tuple[int, str, http.client.HTTPMessage]:
    connection = http.client.HTTPConnection("127.0.0.1", explorer.port, timeout=30)
    try:
        connection.putrequest(method, path, skip_host="Host" in headers)
        for name, value in headers.items():
            connection.putheader(name.replace("_", "-"), value)
        connection.endheaders()
        reply = connection.getresponse()
        return reply.status, reply.read().decode(), reply.headers
    finally:
        connection.close()


def get(explorer: Explorer, what: str, **parameters: Any) -> Any:
    status, text, _ = request(explorer, f"/{TOKEN}/api/{what}?{urlencode(parameters)}")
    assert status == 200, text
    return json.loads(text)


@pytest.mark.parametrize(
    ("path", "headers", "why"),
    [
        ("/", {}, "token"),
        ("/api/about", {}, "token"),
        (f"/{TOKEN[:-1]}/", {}, "token"),
        (f"/x/{TOKEN}/", {}, "token"),
        ("/%F0%28%8C/", {}, "token"),
        (f"/{TOKEN}/", {"Host": "evil.example"}, "host"),
        (f"/{TOKEN}/", {"Host": "127.0.0.1.evil.example:80"}, "host"),
        (f"/{TOKEN}/", {"Host": "[::1"}, "host"),
        (f"/{TOKEN}/api/about", {"Origin": "http://evil.example"}, "origins"),
        (f"/{TOKEN}/api/about", {"Origin": "null"}, "origins"),
        (f"/{TOKEN}/api/about", {"Origin": "https://127.0.0.1"}, "origins"),
        (f"/{TOKEN}/", {"Sec_Fetch_Site": "cross-site"}, "sites"),
        (f"/{TOKEN}/", {"Sec_Fetch_Site": "same-site"}, "sites"),
    ],
)
def test_whoever_lacks_the_token_or_comes_from_elsewhere_is_refused(
    explorer: Explorer, path: str, headers: dict[str, str], why: str
) -> None:
    status, text, sent = request(explorer, path, **headers)
    assert status == 403 and why in text and "default-src 'none'" in sent["Content-Security-Policy"]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_nothing_can_be_changed(explorer: Explorer, method: str) -> None:
    assert request(explorer, f"/{TOKEN}/api/samples", method)[0] == 405


@pytest.mark.parametrize(
    "path",
    ["../../../etc/passwd", "%2e%2e/%2e%2e/etc/passwd", "static/main.js", "app.py", "run.json", "cells/", "/", "x" * 9000],
)
def test_no_file_but_those_of_the_page_is_sent(explorer: Explorer, path: str) -> None:
    assert request(explorer, f"/{TOKEN}/{path}")[0] in (403, 404)


def test_the_page_may_load_its_own_files_only_and_is_kept_by_nobody(explorer: Explorer) -> None:
    status, text, headers = request(explorer, f"/{TOKEN}/")
    assert status == 200 and "<script type=" in text and "onclick" not in text and "style=" not in text
    policy = headers["Content-Security-Policy"]
    assert "script-src 'self'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
    assert (headers["Cache-Control"], headers["Referrer-Policy"]) == ("no-store", "no-referrer")
    for name in ("main.js", "player.js", "theme.css", "view.css", "icon.svg"):
        assert request(explorer, f"/{TOKEN}/{name}")[0] == 200


def test_filters_are_combined_and_count_what_every_other_choice_would_leave(explorer: Explorer) -> None:
    whole = get(explorer, "samples")
    assert whole["count"] == whole["total"] == 36 and len(whole["samples"]) == 36
    wrong = get(explorer, "samples", outcome="wrong", task="waiting_line/shuffle")
    assert 0 < wrong["count"] == len(wrong["samples"]) < 18 and wrong["right"] == 0
    assert all(one["accuracy"] == 0 and one["task"] == "waiting_line/shuffle" for one in wrong["samples"])
    for name, filters in (
        ("decoder", {"outcome": "wrong", "task": "waiting_line/shuffle"}),
        ("outcome", {"task": "waiting_line/shuffle"}),
    ):
        for option in wrong["options"][name]:
            assert get(explorer, "samples", **filters, **{name: option["value"]})["count"] == option["count"]
    name = whole["samples"][0]["text"].split('"')[1]
    found = get(explorer, "samples", text=f"{name.upper()} [")
    assert 0 < found["count"] < 36 and all(name in one["text"] for one in found["samples"])
    assert get(explorer, "samples", text=f"{name} nobody-of-this-name")["count"] == 0


@pytest.mark.parametrize(
    "parameters",
    [
        {"offset": "-1"},
        {"offset": "1e99"},
        {"order": "x"},
        {"text": "x" * 201},
        {"nothing": "1"},
        {"outcome": HOSTILE},
        {HOSTILE: "1"},
    ],
)
def test_a_bad_filter_is_a_sentence(explorer: Explorer, parameters: dict[str, str]) -> None:
    status, text, headers = request(explorer, f"/{TOKEN}/api/samples?{urlencode(parameters)}")
    assert status == 400 and text.startswith("the address has no good ") and "\x1b" not in text
    assert headers["Content-Type"].startswith("text/plain")


@pytest.mark.parametrize(
    ("cell", "index"), [("../../x", 0), ("0" * 16, 0), ("", 0), ("known", 10**12), ("known", -1), ("known", "x")]
)
def test_a_sample_that_is_not_there_is_a_sentence(explorer: Explorer, cell: str, index: Any) -> None:
    known = explorer.index.names[0].id
    query = urlencode({"cell": cell.replace("known", known), "index": index})
    status, text, _ = request(explorer, f"/{TOKEN}/api/sample?{query}")
    assert status == 400 and (text.startswith(f"no sample {index} of the cell ") or "has no good 'index'" in text)


def test_a_sample_is_laid_out_with_its_steps_and_then_with_its_law(explorer: Explorer) -> None:
    wrong = get(explorer, "samples", outcome="wrong", decoder="random:k=4,temperature=1.0")["samples"][0]
    fast, whole = (get(explorer, "sample", cell=wrong["cell"], index=wrong["index"], law=law) for law in (0, 1))
    assert fast["steps"] == whole["steps"] and len(fast["steps"]) == wrong["nfe"] == 4
    assert (
        fast["collision"] is None
        and len(whole["collision"]["positions"]) == 2
        and "no right answer has both" in whole["verdict"]
    )
    assert [text for text in fast["texts"] if text] and dict(fast["numbers"])["nfe"] == "4 (4 denoise)"
    assert {one["decoder"] for one in fast["same"]} == {one.decoder for one in explorer.index.names} - {wrong["decoder"]}
    assert whole["question"] != fast["question"]


def test_a_link_out_of_the_run_is_not_followed(out: Path, tmp_path: Path) -> None:
    shutil.copytree(out, tmp_path / "run")
    cells = sorted((tmp_path / "run" / "cells").iterdir())
    (tmp_path / "elsewhere").mkdir()
    cells[0].joinpath(RECORDS).rename(tmp_path / "elsewhere" / "records")
    cells[0].joinpath(RECORDS).symlink_to(tmp_path / "elsewhere" / "records")
    cells[1].joinpath(TRACES).rename(tmp_path / "elsewhere" / "traces")
    cells[1].joinpath(TRACES).symlink_to(tmp_path / "elsewhere" / "traces")
    cells[2].rename(tmp_path / "elsewhere" / cells[2].name)
    cells[2].symlink_to(tmp_path / "elsewhere" / cells[2].name)
    one = Explorer(tmp_path / "run")
    try:
        reply = get(one, "samples")
    finally:
        one.close()
    assert reply["count"] == 18 and len(reply["faults"]) == 3
    assert all("is a link to a place outside its run" in fault for fault in reply["faults"])


def test_without_the_extra_the_command_says_so(
    out: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("app", "guard", "server"):
        monkeypatch.delitem(sys.modules, f"parallelbench.view.{name}")
    for name in [one for one in sys.modules if one.startswith(("starlette", "uvicorn"))]:
        monkeypatch.setitem(sys.modules, name, None)
    assert cli.invoke(["view", str(out), "--no-browser"]) == 2
    assert capsys.readouterr().err == "view needs an optional package: pip install 'parallelbench[view]'.\n"


def test_a_folder_without_a_run_and_a_port_in_use_are_sentences(
    explorer: Explorer, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.invoke(["view", str(out.parent), "--no-browser"]) == 2
    assert "holds no run" in capsys.readouterr().err
    assert cli.invoke(["view", str(out), "--no-browser", "--port", str(explorer.port)]) == 2
    assert f"port {explorer.port} cannot be used" in capsys.readouterr().err
