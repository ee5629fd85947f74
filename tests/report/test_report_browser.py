"""The page in a real browser: what a reader sees, changes, copies and prints. One browser serves the whole file."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fake_model  # noqa: F401  (registers the fake model)
import pytest
from chromium import CHROMIUM, Tab, chromium

from parallelbench.api import run
from parallelbench.experiments.scoring import label_run
from parallelbench.report import write_report
from parallelbench.report.file_style import FileStyle
from parallelbench.runs.folder import read_run

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is on the PATH")

HOSTILE = "<img src=x onerror=alert(1)>\N{RIGHT-TO-LEFT OVERRIDE}=1"
DECODERS = ["confidence:k=[1,2,4,8]", "threshold:gamma=[0.5,0.9]", f'random:k=4,label="{HOSTILE}"']


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    out = tmp_path_factory.mktemp("browser") / "out"
    run("fake:errors=0.6", ["waiting_line/copy", "waiting_line/shuffle"], DECODERS, limit=6, out=out)
    label_run(read_run(out))
    return write_report(out).as_uri()


@pytest.fixture(scope="module")
def browser_tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    with chromium(tmp_path_factory.mktemp("profile")) as browser:
        yield browser.tab()


@pytest.fixture
def tab(browser_tab: Tab, page: str) -> Iterator[Tab]:
    """The page, open in a window of 1,280 pixels; whatever it writes to the console is a fault."""
    browser_tab.window(1280)
    browser_tab.open(page)
    yield browser_tab
    assert browser_tab.browser.messages == []


def test_the_first_screen_has_the_findings_and_the_picture(tab: Tab) -> None:
    assert (
        tab.run("[...document.querySelectorAll('.finding')].map(one => one.getBoundingClientRect().bottom < 900)") == [True] * 2
    )
    top, height, marks = tab.run(
        "(() => { const box = document.querySelector('.chart'); const {top, height} = box.getBoundingClientRect();"
        " return [top, height, box.querySelectorAll('.mark-symbol path').length]; })()"
    )
    assert top < 400 and height > 200 and marks >= 7


def test_every_figure_is_drawn_and_says_in_words_what_it_shows(tab: Tab) -> None:
    found = tab.run(
        "[...document.querySelectorAll('.chart')].map(one => [one.querySelectorAll('svg path').length, one.role,"
        " one.getAttribute('aria-label').length])"
    )
    assert len(found) >= 4 and all(paths > 10 and role == "img" and words > 40 for paths, role, words in found)


def test_the_unit_of_speed_changes_every_figure_and_the_address(tab: Tab, page: str) -> None:
    drawn = "[...document.querySelectorAll('.chart')].map(one => one.dataset.drawn)"
    assert set(tab.run(drawn)) >= {"content_tokens_per_forward"}
    before = tab.run("document.querySelector('#chart-tradeoff .mark-symbol path').getAttribute('transform')")
    tab.run(
        "(() => { const one = document.getElementById('speed'); one.value = 'nfe'; one.dispatchEvent(new Event('change')); })()"
    )
    assert "content_tokens_per_forward" not in tab.run(drawn) and tab.run(drawn).count("nfe") >= 3
    assert "forwards per sample (fewer to the right)" in tab.run("document.querySelector('#chart-tradeoff svg').textContent")
    assert tab.run("document.querySelector('#chart-tradeoff .mark-symbol path').getAttribute('transform')") != before
    assert tab.run("location.search") == "?speed=nfe"
    tab.open(f"{page}?speed=nfe")
    assert tab.run("document.getElementById('speed').value") == "nfe" and tab.run(drawn).count("nfe") >= 3
    tab.open(f"{page}?speed=nonsense&hide=nobody|")
    assert tab.run(drawn).count("content_tokens_per_forward") >= 3


def test_a_decoder_can_be_switched_off_in_all_figures(tab: Tab) -> None:
    faint = "document.querySelectorAll('#chart-tradeoff .mark-symbol path[opacity=\"0.05\"]').length"
    assert tab.run(faint) == 0
    tab.run("document.querySelector('#controls input[value=confidence]').click()")
    assert tab.run(faint) == 4 and tab.run("location.search") == "?hide=confidence"


MANY = [
    "confidence:k=[2,4]", "threshold", "factor", "credit", "saber", "klass", "eb_sampler", "local_leap", "slowfast",
    "hierarchical", "dus", 'random:k=4,label="ours"',
]  # fmt: skip


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page of a run of twelve families."""
    out = tmp_path_factory.mktemp("many") / "out"
    run("fake:errors=0.6", ["waiting_line/shuffle"], MANY, limit=2, out=out)
    return write_report(out, style=FileStyle(formats=())).as_uri()


LOOKS = """[...document.querySelectorAll('#controls .look use')].map(one => {
  const [line, point] = document.querySelector(one.getAttribute('href')).children;
  return [line.getAttribute('stroke'), line.getAttribute('stroke-dasharray'), point.getAttribute('d')].join();
})"""
NAMES = """[...document.querySelectorAll('#chart-%s .mark-text.role-mark text')].map(one => {
  const {left, right, top, bottom} = one.getBoundingClientRect();
  return [one.textContent, left, right, top, bottom];
})"""


def overlapping(names: list[tuple[str, float, float, float, float]]) -> list[tuple[str, str]]:
    """Names of which the text overlaps; one pixel of leading is not text."""
    return [
        (a[0], b[0])
        for place, a in enumerate(names)
        for b in names[:place]
        if min(a[2], b[2]) - max(a[1], b[1]) > 0 and min(a[4], b[4]) - max(a[3], b[3]) > 1
    ]


@pytest.mark.parametrize("width", [1280, 420])
def test_many_families_differ_and_their_names_do_not_overlap(browser_tab: Tab, many: str, width: int) -> None:
    browser_tab.window(width)
    browser_tab.open(many)
    looks = browser_tab.run(LOOKS)
    assert len(looks) == len(set(looks)) == 12
    before = browser_tab.run(NAMES % "tradeoff")
    assert {"threshold", "ours"} <= {name for name, *_ in before} and len(before) < 12 and not overlapping(before)
    reach = "document.querySelector('#controls input[value=klass]').dispatchEvent(new Event('%s', {bubbles: true}))"
    browser_tab.run(reach % "focusin")
    assert "klass" in {name for name, *_ in browser_tab.run(NAMES % "tradeoff")}, "what the keyboard reaches is in full"
    browser_tab.run(reach % "focusout")
    browser_tab.run("document.getElementById('everyone').click()")
    names = browser_tab.run(NAMES % "tradeoff")
    assert len(names) == 12 and not overlapping(names) and "klass" in browser_tab.run("location.search")
    ticked = "[...document.querySelectorAll('#controls input')].filter(one => one.checked).length"
    assert browser_tab.run(ticked) == 12
    browser_tab.run("document.getElementById('everyone').click()")
    assert browser_tab.run(NAMES % "tradeoff") == before and browser_tab.run(ticked) < 12
    assert browser_tab.run("document.documentElement.scrollWidth") <= width and browser_tab.browser.messages == []


def column(tab: Tab, number: int) -> Any:
    return tab.run(
        f"[...document.querySelector('#numbers table').tBodies[0].rows].filter(row => !row.hidden)"
        f".map(row => parseFloat(row.cells[{number}].textContent) || row.cells[{number}].textContent)"
    )


def test_a_table_is_sorted_filtered_and_copied(tab: Tab) -> None:
    head = "document.querySelector('#numbers table').tHead.rows[0].cells"
    tab.run(f"{head}[1].querySelector('button').click()")
    assert column(tab, 1) == sorted(column(tab, 1)) and tab.run(f"{head}[1].ariaSort") == "ascending"
    tab.run(f"{head}[1].querySelector('button').click()")
    assert column(tab, 1) == sorted(column(tab, 1), reverse=True)
    tab.run(
        "(() => { const one = document.querySelector('#numbers input[type=search]'); one.value = 'CONF k=4';"
        " one.dispatchEvent(new Event('input')); })()"
    )
    assert (
        column(tab, 0) == ["confidence:k=4"]
        and tab.run("document.querySelector('#numbers .count').textContent") == "1 of 7 rows"
    )
    copied = {}
    for place, name in enumerate(("csv", "tex")):
        tab.run(f"document.querySelectorAll('#numbers .tools button')[{place}].click()")
        copied[name] = tab.run("document.querySelector('#numbers table').dataset.copied")
    assert copied["csv"].splitlines()[0].startswith('decoder,"accuracy, %"') and copied["csv"].count("\n") == 2
    assert "\\begin{tabular}" in copied["tex"] and r"accuracy, \%" in copied["tex"] and "&" in copied["tex"]


def test_what_is_copied_is_no_formula_and_no_command(tab: Tab) -> None:
    assert tab.run("csv([['=1+1', '@a', '-5', '+2 [1, 3]', 'a\"b']])") == '\'=1+1,\'@a,-5,"+2 [1, 3]","a""b"\n'
    assert tab.run("tex('a_b & 5% {x} \\\\input ~ ^ # $')") == (
        r"a\_b \& 5\% \{x\} \textbackslash{}input \textasciitilde{} \textasciicircum{} \# \$"
    )


def test_a_label_from_outside_is_text_everywhere(tab: Tab) -> None:
    assert tab.run("document.querySelectorAll('img').length") == 0
    assert tab.run(
        "[...document.querySelectorAll('#controls input')].map(one => one.value).includes(" + json.dumps(HOSTILE) + ")"
    )
    assert "<img src=x" in tab.run("document.querySelector('#chart-tradeoff svg').textContent")


def test_a_click_on_a_reason_opens_a_sample_that_failed_so(tab: Tab) -> None:
    bar = "document.querySelector('#chart-why .mark-rect path')"
    assert tab.run("[...document.querySelectorAll('.example')].some(one => one.checkVisibility()) === false")
    where = tab.run(
        f"(() => {{ {bar}.scrollIntoView({{block: 'center', behavior: 'instant'}}); const box = {bar}.getBoundingClientRect();"
        " return [box.x + box.width / 2, box.y + box.height / 2]; })()"
    )
    for kind in ("mousePressed", "mouseReleased"):
        tab.call("Input.dispatchMouseEvent", type=kind, x=where[0], y=where[1], button="left", clickCount=1)
    tab.wait("document.activeElement.classList.contains('example')")
    assert tab.run("location.hash").startswith("#sample-") and tab.run("document.activeElement.checkVisibility()")
    assert "why it failed" in tab.run("document.activeElement.textContent")


def test_a_link_to_a_sample_opens_it(tab: Tab, page: str) -> None:
    name = tab.run("document.querySelectorAll('.example')[1].id")
    tab.open(f"{page}#{name}")
    assert tab.run(f"document.getElementById('{name}').checkVisibility()")
    assert tab.run(f"Math.abs(document.getElementById('{name}').getBoundingClientRect().top)") < 900


def test_a_sample_is_played_without_a_server(tab: Tab, page: str) -> None:
    name = tab.run("document.querySelector('.example.worst').id")
    tab.open(f"{page}#{name}")
    tab.wait(f"document.querySelectorAll('#{name} .solo').length === 1")
    forward, masks = (f"document.querySelector('#{name} .canvas').{what}" for what in ("dataset.forward", "textContent"))
    last = int(tab.run(forward))
    tab.run(f"document.querySelector('#{name} .solo').focus({{preventScroll: true}})")
    tab.press("ArrowLeft")
    assert int(tab.run(forward)) == last - 1 and "░" in tab.run(masks)
    assert tab.run(f"document.querySelectorAll('#{name} .canvas .now').length") >= 1
    choose = f"document.querySelector('#{name} [name=colour]')"
    tab.run(f"(() => {{ {choose}.value = 'action'; {choose}.dispatchEvent(new Event('change')); }})()")
    assert tab.run(f"document.querySelectorAll('#{name} .canvas .commit').length") >= 1
    tab.press(" ")
    tab.wait(f"{forward} === '{last}'")
    assert tab.run(f"document.querySelector('#{name} .count').textContent") == f"{last} of {last}"
    assert tab.run(f"document.querySelector('#{name} .ledger').rows.length") > 5
    assert tab.run(f"document.querySelector('#{name} .verdict').textContent").startswith("The answer is wrong")


def test_everything_can_be_done_from_the_keyboard(tab: Tab) -> None:
    tab.run("document.activeElement.blur()")
    seen = []
    for _ in range(60):
        tab.press("Tab")
        seen.append(tab.run("(() => { const one = document.activeElement; return one.id || one.className || one.tagName; })()"))
    assert "speed" in seen and "INPUT" in seen and "scroll" in seen and "sort" in seen
    tab.run("document.querySelector('#numbers .sort').focus()")
    tab.press("Enter")
    assert tab.run("document.querySelector('#numbers th').ariaSort") == "ascending"


@pytest.mark.parametrize("dark", [False, True])
def test_a_narrow_window_has_no_sideways_scroll_dark_or_light(tab: Tab, page: str, dark: bool) -> None:
    tab.window(420, dark=dark)
    tab.open(page)
    assert tab.run("document.documentElement.scrollWidth") <= 420
    assert tab.run("[...document.querySelectorAll('#tradeoff svg, #by-task svg')].every(one => one.clientWidth <= 420)")
    paper, ink = (
        sum(map(int, re.findall(r"\d+", tab.run(f"getComputedStyle({of}).{what}"))[:3]))
        for of, what in (
            ("document.body", "backgroundColor"),
            ("document.querySelector('.chart svg .role-axis-title text')", "fill"),
        )
    )
    assert (paper < 200 and ink > 500) if dark else (paper > 700 and ink < 300)


def test_columns_fit_and_the_page_prints_on_few_pages(tab: Tab) -> None:
    tables = "[...document.querySelectorAll('#comparison .scroll, #numbers .scroll')]"
    assert tab.run(f"{tables}.every(one => one.scrollWidth <= one.clientWidth)")
    pdf = base64.b64decode(tab.call("Page.printToPDF", preferCSSPageSize=True)["data"])
    assert 1 <= len(re.findall(rb"/Type\s*/Page\b", pdf)) <= 8


def test_a_browser_that_cannot_unpack_says_where_the_pictures_are(browser_tab: Tab, page: str, tmp_path: Path) -> None:
    text = Path(page.removeprefix("file://")).read_text(encoding="utf-8")
    old = tmp_path / "old.html"
    old.write_text(text.replace("<body>", "<body><script>delete window.DecompressionStream;</script>"), encoding="utf-8")
    browser_tab.call("Page.navigate", url=old.as_uri())
    browser_tab.wait("!(document.getElementById('old')?.hidden ?? true)")
    assert browser_tab.browser.messages == []
