"""A run in which every text is hostile: the explorer's replies hold none of it in a form that does anything."""

from __future__ import annotations

import json
import shutil
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from chromium import CHROMIUM, Tab
from explorers import HOSTILE, Explorer

from parallelbench.runs.cell_folder import CELL, RECORDS, TRACES

HUGE = HOSTILE + "\N{COMBINING ENCLOSING KEYCAP}" * 500 + "x" * 300_000


def made_hostile(cell: Path) -> None:
    """Replace every text of a cell, where files still belong together, by a hostile one; one sample has a huge one."""
    records = [json.loads(line) for line in (cell / RECORDS).read_bytes().splitlines()]
    traces, data = (cell / TRACES).read_bytes(), b""
    for number, record in enumerate(records):
        place = record["trace"]
        trace = json.loads(traces[place["offset"] : place["offset"] + place["size"]])
        text = HUGE if number == 0 else HOSTILE
        record |= {"text": text, "scores": {**record["scores"], HOSTILE: 0.5}, "replaced": [HOSTILE]}
        record["costs"] |= {"flags": [HOSTILE], "nfe": {HOSTILE: record["nfe"]}}
        trace |= {"prompt": text, "answer": text, "thought": text, "pieces": [text, *[HOSTILE] * (len(trace["pieces"]) - 1)]}
        line = json.dumps(trace).encode() + b"\n"
        record["trace"] = {"offset": len(data), "size": len(line)}
        data += line
    (cell / TRACES).write_bytes(data)
    (cell / RECORDS).write_bytes(b"".join(json.dumps(record).encode() + b"\n" for record in records))
    about = json.loads((cell / CELL).read_text())
    about["cell"]["model_facts"]["spec"] = about["cell"]["task_spec"] = HOSTILE
    about["cell"]["decoder_facts"] |= {"label": HOSTILE, "parameters": {HOSTILE: HOSTILE}, "variant": {HOSTILE: HOSTILE}}
    (cell / CELL).write_text(json.dumps(about))


@pytest.fixture(scope="module")
def hostile(out: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Explorer]:
    copy = Path(shutil.copytree(out, tmp_path_factory.mktemp("hostile") / "run"))
    for cell in (copy / "cells").iterdir():
        made_hostile(cell)
    one = Explorer(copy)
    yield one
    one.close()


def texts_of(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inside in value.items():
            yield from texts_of([key, inside])
    elif isinstance(value, list):
        for inside in value:
            yield from texts_of(inside)


def test_no_reply_holds_control_or_direction_characters_or_a_huge_text(hostile: Explorer) -> None:
    from test_view_server import get

    assert not hostile.index.faults
    listed = get(hostile, "samples", text="<script>")
    assert listed["count"] == 36
    replies = [listed, get(hostile, "about")]
    replies += [
        get(hostile, "sample", cell=one["cell"], index=one["index"], law=law) for one in listed["samples"][:3] for law in (0, 1)
    ]
    found = [text for reply in replies for text in texts_of(reply)]
    assert any("<script>" in text for text in found)
    kinds = {unicodedata.category(letter) for text in found for letter in text if letter != "\n"}
    assert not kinds & {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
    assert max(map(len, found)) < 300_000 and all(len(json.dumps(reply)) < 2_000_000 for reply in replies)


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is on the PATH")
@pytest.mark.slow
def test_in_a_browser_a_hostile_run_is_text(hostile: Explorer, browser_tab: Tab) -> None:
    first, second = (one.id for one in hostile.index.names[:2])
    index = int(hostile.index.rows.snapshot().rows["index"][0])
    browser_tab.window(420)
    browser_tab.open(f"{hostile.url}?sample={first}/{index}&with={second}")
    browser_tab.wait("document.querySelectorAll('.panel[data-law]').length === 2")
    assert browser_tab.run("document.querySelectorAll('img, body script').length") == 0
    assert browser_tab.run("document.documentElement.scrollWidth") <= 420
    assert "<script>alert(2)" in browser_tab.run("document.querySelector('.panel').textContent")
    assert browser_tab.browser.messages == []
