"""The explorer in a real browser. One server and one browser serve the whole file; no page may write to the console."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from chromium import CHROMIUM, Tab, chromium
from explorers import LABEL, Explorer

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is on the PATH")
ROWS = "document.querySelectorAll('#rows a').length"
OPEN = "document.querySelectorAll('.panel[data-law]').length"


@pytest.fixture(scope="module")
def browser_tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    with chromium(tmp_path_factory.mktemp("profile")) as browser:
        yield browser.tab()


@pytest.fixture
def tab(browser_tab: Tab, explorer: Explorer) -> Iterator[Tab]:
    browser_tab.window(1400)
    browser_tab.open(explorer.url)
    yield browser_tab
    assert browser_tab.browser.messages == []


def choose(tab: Tab, name: str, value: str) -> None:
    kind = "input" if name == "text" else "change"
    tab.run(
        f"(() => {{ const one = document.querySelector('[name={name}]'); one.value = {value!r};"
        f" one.dispatchEvent(new Event({kind!r}, {{bubbles: true}})); }})()"
    )


def test_filters_choose_samples_and_are_in_the_address(tab: Tab, explorer: Explorer) -> None:
    assert tab.run(ROWS) == 36
    choose(tab, "task", "waiting_line/shuffle")
    tab.wait(f"{ROWS} === 18")
    choose(tab, "outcome", "wrong")
    tab.wait(f"{ROWS} < 18")
    wrong = tab.run(ROWS)
    assert tab.run("location.search") == "?task=waiting_line%2Fshuffle&outcome=wrong"
    assert tab.run("document.getElementById('count').textContent") == f"{wrong} samples, 0.0 % right"
    name = tab.run("document.querySelector('#rows .said').textContent").split('"')[1]
    choose(tab, "text", name.upper())
    tab.wait(f"document.querySelectorAll('#rows .said').length < {wrong} || {wrong} === 1")
    where = tab.run("location.href")
    found = tab.run("document.getElementById('rows').textContent")
    tab.open(explorer.url)
    tab.open(where)
    assert tab.run("document.getElementById('rows').textContent") == found
    tab.run("document.querySelector('#filters [type=reset]').click()")
    tab.wait(f"{ROWS} === 36")
    assert tab.run("location.search") == ""


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
    assert tab.run("location.search").endswith("&forward=0")
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
    assert tab.run(forwards) == "9,4" and "forward=9" in tab.run("location.search")
    assert tab.run("document.querySelector('.count').textContent") == "9 of 16"


def test_a_hostile_name_is_text(tab: Tab) -> None:
    assert tab.run("document.querySelectorAll('img').length") == 0
    shown = tab.run("document.querySelector('[name=decoder]').textContent")
    assert LABEL[:20] in shown and "\N{RIGHT-TO-LEFT OVERRIDE}" not in shown


@pytest.mark.parametrize("dark", [False, True])
def test_a_narrow_window_has_no_sideways_scroll(tab: Tab, explorer: Explorer, dark: bool) -> None:
    tab.window(420, dark=dark)
    assert tab.run("document.documentElement.scrollWidth") <= 420
    tab.run("document.querySelector('#rows a').click()")
    tab.wait(f"{OPEN} === 1")
    assert tab.run("document.documentElement.scrollWidth") <= 420
    assert tab.run("document.getElementById('list').checkVisibility()") is False
    tab.run("document.querySelector('.close').click()")
    assert tab.run("document.activeElement.checkVisibility()")
