"""LanguageTool behind a hostile server: each fault costs its limit of time, little memory, and one sentence at the end."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from languagetool_stand_in import StandIn, answer

import hostile_http
from parallelbench.bounded_http import HttpFault
from parallelbench.errors import UserError
from parallelbench.metrics.base import resolve
from parallelbench.metrics.grammar import languagetool
from parallelbench.metrics.grammar.languagetool_reply import parse_reply


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    monkeypatch.setattr(languagetool, "PAUSE", 0.01)
    stand_in = StandIn()
    yield stand_in
    stand_in.stop()


@pytest.mark.parametrize("mode", hostile_http.MODES)
def test_a_hostile_reply_is_requested_again(server: StandIn, tmp_path: Path, mode: str) -> None:  # fault 49, fault 51
    client = languagetool.Client(
        languagetool.LanguageToolOptions(url=server.url, timeout=0.4, tries=6, cache=tmp_path / "cache.sqlite")
    )
    assert client.check("fine") == ()
    server.faults = [mode]
    assert [hit.rule for hit in client.check("it is is")] == ["ENGLISH_WORD_REPEAT_RULE"]


def test_a_server_that_is_hostile_for_good_is_one_sentence(server: StandIn, tmp_path: Path) -> None:
    metric = resolve(f"grammar_languagetool:url={server.url},timeout=0.3,tries=3,cache={tmp_path / 'c'}")
    server.faults = ["keep-alive", "gzip bomb", "deep JSON"] * 9
    start = time.monotonic()
    with pytest.raises(UserError, match=r"LanguageTool at .* cannot be used .* keeps every score so far") as caught:
        metric.backend()
    assert "\n" not in str(caught.value) and time.monotonic() - start < 20


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        (("matches",), None, "matches"),
        (("matches",), {"0": 1}, "matches"),
        (("matches", 0), "x", "matches.0"),
        (("matches", 0, "offset"), -1, "matches.0.offset"),
        (("matches", 0, "offset"), "3", "matches.0.offset"),
        (("matches", 0, "offset"), 10**400, "matches.0.offset"),
        (("matches", 0, "length"), 2.5, "matches.0.length"),
        (("matches", 0, "length"), 10**6, "beyond the end"),
        (("matches", 0, "rule"), None, "matches.0.rule"),
        (("matches", 0, "rule", "id"), ["A"], "matches.0.rule.id"),
        (("software", "version"), "", "software.version"),
        (("software", "version"), {"a": 1}, "software.version"),
        (("software",), [], "software"),
    ],
)
def test_a_reply_of_the_wrong_types_names_the_field(place: tuple[Any, ...], value: Any, said: str) -> None:  # fault 51
    document = json.loads(json.dumps(answer("it is is", "en-US", "6.8")))
    holder = document
    for key in place[:-1]:
        holder = holder[key]
    holder[place[-1]] = value
    with pytest.raises(HttpFault, match=said):
        parse_reply(document, "it is is")


@pytest.mark.parametrize(
    "url", ["localhost:8081", "ftp://localhost", "http://", "http://a b", "http://h:99999", "http://h\n/x"]
)
def test_an_address_that_is_none_is_one_sentence(url: str) -> None:
    with pytest.raises(UserError, match="is no address of a LanguageTool server"):
        languagetool.check_url(url)
