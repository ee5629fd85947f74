"""The explorer in a real browser. One server and one browser serve the whole file; no page may write to the console."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from chromium import CHROMIUM, Tab
from explorers import LABEL, Explorer

from parallelbench.runs.cell_folder import DONE, RECORDS

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is on the PATH")
ROWS = "document.querySelectorAll('#rows a').length"
OPEN = "document.querySelectorAll('.panel[data-law]').length"


@pytest.fixture
def tab(browser_tab: Tab) -> Iterator[Tab]:
    browser_tab.window(1400)
    yield browser_tab
    assert browser_tab.browser.messages == []


def choose(tab: Tab, name: str, value: str) -> None:
    kind = "input" if name == "text" else "change"
    tab.run(
        f"(() => {{ const one = document.querySelector('[name={name}]'); one.value = {value!r};"
        f" one.dispatchEvent(new Event({kind!r}, {{bubbles: true}})); }})()"
    )


def test_filters_choose_samples_and_are_in_the_address(tab: Tab, explorer: Explorer) -> None:
    tab.open(explorer.url)
    assert tab.run(ROWS) == 36
    choose(tab, "task", "waiting_line/shuffle")
    tab.wait(f"{ROWS} === 18")
    choose(tab, "outcome", "wrong")
    tab.wait(f"{ROWS} < 18")
    wrong = tab.run(ROWS)
    tab.wait("location.search === '?task=waiting_line%2Fshuffle&outcome=wrong'")
    assert tab.run("document.getElementById('count').textContent") == f"{wrong} samples, 0.0 % right"
    name = tab.run("document.querySelector('#rows .said').textContent").split('"')[1]
    choose(tab, "text", name.upper())
    tab.wait(f"document.querySelectorAll('#rows .said').length < {wrong} || {wrong} === 1")
    tab.wait("location.search.includes('&text=')")
    where = tab.run("location.href")
    found = tab.run("document.getElementById('rows').textContent")
    tab.open(explorer.url)
    tab.open(where)
    assert tab.run("document.getElementById('rows').textContent") == found
    tab.run("document.querySelector('#filters [type=reset]').click()")
    tab.wait(f"{ROWS} === 36")
    tab.wait("location.search === ''")


def test_a_wrong_answer_is_shown_step_by_step_with_the_writes_that_collided(tab: Tab, explorer: Explorer) -> None:
    tab.open(f"{explorer.url}?outcome=wrong&task=waiting_line/shuffle&decoder=random:k=4,temperature%3D1.0")
    tab.run("document.querySelector('#rows a').click()")
    tab.wait(f"{OPEN} === 1")
    assert "no right answer has both" in tab.run("document.querySelector('.verdict').textContent")
    assert tab.run("document.querySelectorAll('.canvas .broken').length") == 2
    assert tab.run("document.activeElement.id") == "sample"
    forward = "document.querySelector('.canvas').dataset.forward"
    masks = "document.querySelectorAll('.canvas .mask').length"
    seen = []
    for _ in range(4):
        seen.append((tab.run(forward), tab.run(masks)))
        tab.press("ArrowLeft")
    assert [at for at, _ in seen] == ["4", "3", "2", "1"] and tab.run(forward) == "0"
    assert [left for _, left in seen] == sorted(left for _, left in seen) and tab.run(
        "document.querySelector('.canvas .now')"
    ) is None
    tab.wait("location.search.endsWith('&forward=0')")
    tab.press("ArrowRight")
    assert tab.run("document.querySelectorAll('.canvas .now').length") >= 1
    assert tab.run("document.querySelector('.wrote').textContent").startswith("Forward 1 of 4 wrote “")
    choose(tab, "colour", "action")
    assert tab.run("document.querySelectorAll('.canvas .commit').length") == tab.run(
        "document.querySelectorAll('.canvas .now').length"
    )
    tab.press(" ")
    tab.wait(f"{forward} === '4'")
    tab.press("Escape")
    assert tab.run("document.getElementById('sample').hidden") and tab.run("document.activeElement.className") == "row wrong"


def test_two_decoders_on_one_question_move_in_step_and_a_link_brings_them_back(tab: Tab, explorer: Explorer) -> None:
    cells = {one.decoder: one.id for one in explorer.index.names if one.task == "waiting_line/shuffle"}
    index = int(explorer.index.rows.snapshot().rows["index"][0])
    one, other = cells["random:k=1,temperature=1.0"], cells["random:k=4,temperature=1.0"]
    link = f"{explorer.url}?sample={one}/{index}&with={other}&forward=3&colour=step"
    tab.open(link)
    tab.wait(f"{OPEN} === 2")
    forwards = "[...document.querySelectorAll('.canvas')].map(one => one.dataset.forward).join()"
    assert tab.run(forwards) == "3,3" and tab.run("document.querySelector('[name=colour]').value") == "step"
    slider = "document.querySelector('[type=range]')"
    tab.run(f"(() => {{ {slider}.value = 9; {slider}.dispatchEvent(new Event('input')); }})()")
    assert tab.run(forwards) == "9,4"
    tab.wait("location.search.includes('forward=9')")
    assert tab.run("document.querySelector('.count').textContent") == "9 of 16"


@pytest.mark.slow
def test_the_keyboard_alone_filters_opens_and_steps(tab: Tab, explorer: Explorer) -> None:
    tab.open(explorer.url)
    active = "(() => { const one = document.activeElement; return one.name || one.className || one.id || one.tagName; })()"
    seen = []
    while not seen or not seen[-1].startswith("row "):
        tab.press("Tab")
        seen.append(tab.run(active))
        assert len(seen) < 20, seen
    assert seen[:7] == ["model", "task", "decoder", "outcome", "reason", "text", "order"]
    tab.press("ArrowDown")
    assert tab.run("[...document.querySelectorAll('#rows a')].indexOf(document.activeElement)") == 1
    tab.press("Enter")
    tab.wait(f"{OPEN} === 1")
    seen = []
    while "forward" not in seen:
        tab.press("Tab")
        seen.append(tab.run("document.activeElement.getAttribute('aria-label')"))
        assert len(seen) < 20, seen
    assert {"close the sample", "the sample after", "play"} <= set(seen)
    tab.press("ArrowLeft")
    tab.wait("location.search.includes('&forward=')")
    tab.run("document.activeElement.blur()")
    tab.press("Escape")
    assert tab.run("[...document.querySelectorAll('#rows a')].indexOf(document.activeElement)") == 1


@pytest.mark.slow
def test_a_run_that_goes_on_is_followed(tab: Tab, out: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(out, tmp_path / "run"))
    records = next((copy / "cells").iterdir()) / RECORDS
    lines = records.read_bytes().splitlines(keepends=True)
    (records.parent / DONE).unlink()
    records.write_bytes(b"".join(lines[:2]))
    one = Explorer(copy)
    try:
        tab.open(one.url)
        assert tab.run(ROWS) == 32
        tab.run("document.querySelector('#rows a').focus()")
        records.write_bytes(b"".join(lines))
        one.reader.refresh()
        tab.wait(f"{ROWS} === 36")
        assert tab.run("document.activeElement.className").startswith("row ")
    finally:
        tab.call("Page.navigate", url="about:blank")
        one.close()


@pytest.mark.parametrize("dark", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_narrow_window_has_no_sideways_scroll(tab: Tab, explorer: Explorer, dark: bool) -> None:
    tab.window(420, dark=dark)
    tab.open(explorer.url)
    shown = tab.run("document.querySelector('[name=decoder]').textContent")
    assert LABEL[:20] in shown and "\N{RIGHT-TO-LEFT OVERRIDE}" not in shown
    assert tab.run("document.querySelectorAll('img').length") == 0
    assert tab.run("document.documentElement.scrollWidth") <= 420
    tab.run("document.querySelector('#rows a').click()")
    tab.wait(f"{OPEN} === 1")
    assert tab.run("document.documentElement.scrollWidth") <= 420
    assert tab.run("document.getElementById('list').checkVisibility()") is False
    tab.run("document.querySelector('.close').click()")
    assert tab.run("document.activeElement.checkVisibility()")
    paper, ink = (tab.run(f"getComputedStyle(document.body).{one}") for one in ("backgroundColor", "color"))
    lightness = [sum(map(int, re.findall(r"[0-9]+", one)[:3])) for one in (paper, ink)]
    assert (lightness[0] < 200 and lightness[1] > 500) if dark else (lightness[0] > 700 and lightness[1] < 300)
