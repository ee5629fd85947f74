"""The page stands alone, is safe against what models write, and says what the files say."""

from __future__ import annotations

import base64
import csv
import gzip
import html.parser
import json
import math
import re
from pathlib import Path
from typing import Any

import fake_model  # noqa: F401  (registers the fake model)
import pytest

from parallelbench.api import run
from parallelbench.errors import UserError
from parallelbench.report import write_report
from parallelbench.report.decoding_order import SHADES, shown_tokens, step_map
from parallelbench.report.exact import parts
from parallelbench.report.file_style import FileStyle
from parallelbench.report.samples import player_script
from parallelbench.results import Results
from parallelbench.runs.records import Costs, DecodingOrder, Extent, Record, Trace, Write

HOSTILE = "</pre><script>alert(1)</script><img src=http://evil.example/x.png>\"'&"
TASKS = ["waiting_line/copy", "waiting_line/shuffle"]
NO_FILES = FileStyle(())
"""Drawing the files of figures is most of the time that a page takes."""
DECODERS = ["confidence:k=[1,2,4,8]", "threshold:gamma=[0.5,0.9]", "confidence:k=4,block=8"]


class Page(html.parser.HTMLParser):
    """The elements of a page and the text of its scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data: str) -> None:
        if self.elements and self.elements[-1][0] == "script":
            self.scripts[-1] += data

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.elements)


def unpacked(page: Page, name: str) -> Any:
    """What a script element holds as compressed JSON."""
    packed = {attributes.get("id"): script for (_, attributes), script in zip(scripts(page), page.scripts, strict=True)}
    return json.loads(gzip.decompress(base64.b64decode(packed[name])))


def scripts(page: Page) -> list[tuple[str, dict[str, str | None]]]:
    return [element for element in page.elements if element[0] == "script"]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return run("fake", TASKS, DECODERS, limit=6, out=tmp_path_factory.mktemp("report") / "out")


@pytest.fixture(scope="module")
def text(results: Results) -> str:
    path = write_report(results.out)
    assert path == results.out / "report.html"
    return path.read_text(encoding="utf-8")


def test_the_page_loads_nothing_from_anywhere(text: str) -> None:
    page = Page(text)
    for tag, attributes in page.elements:
        assert tag not in ("link", "img", "iframe", "object", "embed", "base")
        for name in ("src", "href", "data", "poster", "srcset"):
            assert not re.match(r"(https?:)?//", attributes.get(name) or ""), (tag, attributes)
    style = text[text.index("<style>") : text.index("</style>")]
    assert "url(" not in style
    assert "@import" not in style
    assert "default-src 'none'" in text
    assert "window.vega=" in gzip.decompress(base64.b64decode(Page(text).scripts[0])).decode()


def test_the_player_is_one_script_without_modules(text: str) -> None:
    script = player_script()
    assert not re.search(r"^\s*(import|export)\b", script, re.M) and script in text
    samples = unpacked(Page(text), "players")
    assert set(re.findall(r'id="(sample-[^"]+)"', text)) == set(samples)
    assert all(one["steps"] and one["verdict"] and "<" not in one["decoder"] for one in samples.values())


def test_each_figure_is_drawn_from_the_page_and_is_a_csv_and_an_svg_beside_it(results: Results, text: str) -> None:
    page = Page(text)
    shown = [str(attributes["data-figure"]) for _, attributes in page.elements if "data-figure" in attributes]
    assert shown == ["tradeoff", "by-task", "loss", "lengths"]
    packed = unpacked(page, "figures")["figures"]
    assert list(packed) == shown and all("vega/v" in packed[name]["spec"]["$schema"] for name in shown)
    for name in shown[:3]:
        path = results.out / "figures" / f"{name}.svg"
        drawn = path.read_text(encoding="utf-8")
        with path.with_suffix(".csv").open(encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        assert len(rows) == len(packed[name]["rows"]) > 0
        rows = [row for row in rows if not row.get("line")]
        assert drawn.startswith("<svg") and drawn.count('aria-roledescription="point"') == len(rows)
        if name in ("tradeoff", "by-task"):
            assert drawn.count('aria-roledescription="rule mark"') > len(rows), "an interval with every number"


def test_the_csv_of_a_figure_holds_the_scores_of_the_records(results: Results, text: str) -> None:
    with (results.out / "figures" / "by-task.csv").open(encoding="utf-8") as file:
        rows = {(row["task"], row["decoder"]): row for row in csv.DictReader(file) if not row["line"]}
    of_task = [row for row in results.rows if row.task in {task for task, _ in rows}]
    assert len(rows) == len(of_task) > 0
    for row in of_task:
        found = rows[row.task, row.decoder]
        assert float(found["accuracy"]) == row.accuracy
        assert (float(found["low"]), float(found["high"])) == pytest.approx(row.ci95)


def test_the_page_says_what_was_run(results: Results, text: str) -> None:
    for words in (
        "fake on 2 tasks",
        "2 decoders in 7 settings",
        "84 samples",
        "of one token at a time",
        "Provenance",
        "confidence:k=4,block=8",
    ):
        assert words in text
    assert "unfinished" not in text
    best, worst = text.count("<h4>best"), text.count("<h4>worst")
    assert best == 14 and worst > 0 and text.count('<article class="example') == best + worst <= 20


def test_the_first_screen_says_what_was_found_with_intervals_and_where_its_numbers_are(results: Results, text: str) -> None:
    said = re.findall(r'<p class="finding">(.*?) <a href="#(.*?)">', text)
    assert [section for _, section in said] == ["tradeoff", "loss"] and text.index("finding") < text.index("<nav ")
    assert all(f'<section id="{section}">' in text for _, section in said)
    fastest, cost = (sentence for sentence, _ in said)
    assert re.search(r"\d % \[[\d.]+, [\d.]+\] of (its )?answers", fastest)
    assert re.search(
        r"At 4 tokens per step \([\d.]+ content tokens per forward\) confidence loses -?[\d.]+"
        r" points on average \[-?[\d.]+, -?[\d.]+\]: \d of 2 tasks",
        cost,
    )


def test_a_page_of_many_cells_shows_examples_of_some_and_says_which(tmp_path: Path) -> None:
    decoders = [f"threshold:gamma={0.5 + number / 100}" for number in range(11)]
    text = write_report(run("fake", TASKS, decoders, limit=3, out=tmp_path / "out").out, style=NO_FILES).read_text(
        encoding="utf-8"
    )
    shown = text.count('<details class="cell">')
    assert f"Of {shown} of 22 cells" in text and shown < 22 and text.count('<article class="example') == 20
    assert "accuracy nearest 50 %" in text


def test_figures_do_not_change_from_one_writing_to_the_next(results: Results, text: str) -> None:
    before = {path.name: path.read_bytes() for path in (results.out / "figures").iterdir()}
    write_report(results.out)
    assert {path.name: path.read_bytes() for path in (results.out / "figures").iterdir()} == before


def test_hostile_text_stays_text(tmp_path: Path) -> None:
    out = tmp_path / "out"
    run("fake", "waiting_line/copy", "confidence:k=8", limit=2, out=out)
    clean = Page(write_report(out, style=NO_FILES).read_text(encoding="utf-8"))
    path = next(out.glob("cells/*/records.jsonl"))
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    for row in rows:
        row["text"] = HOSTILE
        row["costs"]["flags"] = [HOSTILE]
    traces = path.with_name("traces.jsonl")
    shown = [json.loads(line) for line in traces.read_text().splitlines()]
    offset = 0
    with traces.open("wb") as file:
        for row, trace in zip(rows, shown, strict=True):
            pieces = [HOSTILE] * len(trace["token_ids"])
            line = json.dumps({**trace, "prompt": HOSTILE, "answer": HOSTILE, "pieces": pieces}).encode() + b"\n"
            row["trace"] = {"offset": offset, "size": len(line)}
            offset += file.write(line)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    call = out / "calls" / "0001.json"
    given = json.loads(call.read_text())
    given["resolved"] |= {"name": HOSTILE, "description": HOSTILE}
    call.write_text(json.dumps(given))
    page = Page(write_report(out).read_text(encoding="utf-8"))
    assert page.count("script") == clean.count("script")
    assert page.count("img") == 0
    assert "alert(1)" not in "".join(page.scripts)


def test_an_unfinished_run_says_so_and_an_empty_one_has_no_report(tmp_path: Path) -> None:
    out = tmp_path / "out"
    run("fake", "waiting_line/copy", "confidence:k=[8,16]", limit=2, out=out)
    done = sorted(out.glob("cells/*/DONE"))[0]
    done.unlink()
    assert "1 of 2 cells still miss samples" in write_report(out, style=NO_FILES).read_text(encoding="utf-8")
    for path in out.glob("cells/*/records.jsonl"):
        path.write_text("")
        (path.parent / "DONE").unlink(missing_ok=True)
    with pytest.raises(UserError, match="no finished samples yet"):
        write_report(out)


def test_a_torn_line_is_left_out_and_a_damaged_one_is_named(tmp_path: Path) -> None:
    out = tmp_path / "out"
    rows = len(run("fake", "waiting_line/copy", "confidence:k=8", limit=3, out=out).frame)
    path = next(out.glob("cells/*/records.jsonl"))
    whole = path.read_bytes()
    path.write_bytes(whole[:-30])
    with pytest.raises(UserError, match=r"records.jsonl line 3 is missing: DONE counts 3 samples, the file holds 2"):
        assert Results(out).frame.empty
    (path.parent / "DONE").unlink()
    assert len(Results(out).frame) == rows - 1
    path.write_bytes(whole.replace(b'{"schema"', b'{schema"', 1))
    with pytest.raises(UserError, match=r"records.jsonl line 1 is damaged; 'parallelbench repair .*out' sets aside"):
        write_report(out)


def test_every_kind_of_small_run_has_a_report(tmp_path: Path) -> None:
    text = write_report(
        run("fake", "waiting_line/copy", "threshold:gamma=0.5", limit=1, out=tmp_path / "one").out, style=NO_FILES
    ).read_text()
    assert "from 1 to" not in text
    assert "100.0 %" not in text[: text.index("<main>")]


def decoded(history: tuple[tuple[Write, ...], ...]) -> tuple[Record, Trace]:
    costs, order = Costs({"denoise": 3}, 3, 9, 9, 1.0), DecodingOrder(None, None, None)
    record = Record(
        schema=3, cell="", sample_id="t@1/0/0", index=0, prompt_hash="", answer_hash="", text="a", canvas_tokens=3,
        content_tokens=2, scores={}, nfe=3, tokens_per_step=1.0, content_tokens_per_forward=1.0, seconds=0.0, costs=costs,
        order=order, law=None, trace=Extent(0, 1),
    )  # fmt: skip
    trace = Trace(
        schema=3, cell="", sample_id="t@1/0/0", prompt="", answer="", token_ids=(5, 6, 1), pieces=("a", "\n", "<end>"),
        history=history,
    )  # fmt: skip
    return record, trace


def test_tokens_have_the_shade_of_the_step_that_wrote_them_last() -> None:
    first, second = shown_tokens(*decoded((((1, 6, 0.5, "commit"),), ((0, 5, 0.9, "commit"),), ((1, 6, 0.8, "edit"),))))
    assert (first.text, first.shade, first.note) == ("a", (SHADES - 1) // 2, "step 2 of 3, confidence 0.90")
    assert (second.text, second.shade) == ("⏎\n", SHADES - 1)


def test_the_map_fills_writes_and_outlines_what_was_taken_back() -> None:
    svg = step_map(
        *decoded((((0, 5, 0.5, "commit"), (2, 1, 0.5, "commit")), ((0, 5, 0.1, "remask"),), ((0, 5, 0.9, "commit"),)))
    )
    assert 'aria-label="3 steps by 3 positions"' in svg
    assert re.findall(r'class="(\w+)" d="((?:M[^"]*?z)+)"', svg)[0][1].count("z") == 2
    assert svg.count('class="taken"') == 1


@pytest.mark.parametrize(
    ("measured", "exact", "best", "wanted"),
    [
        (0.5, 0.7, 0.8, [0.2, 0.1, 0.2]),
        (0.7, 1.0, 0.11, [0.89, -0.89, 0.3]),  # a joint draw is above the line, and is shown above it
        (0.6, 0.5, 0.8, [0.2, 0.3, -0.1]),  # above the exact model
    ],
)
def test_the_parts_of_a_loss_add_up_to_it_and_none_is_cut_off(
    measured: float, exact: float, best: float, wanted: list[float]
) -> None:
    row = {"model": "m", "task": "t", "decoder": "d", "setting": "k=2", "measured": measured, "exact": exact}
    row |= {"best_before_draw": math.nan, "best_after_draw": best, "after_draw_is": "value"}
    row |= {"of_draws": 1 - best, "of_decoder": best - exact, "of_model": exact - measured}
    found = parts(row)
    losses = [part["loss"] for part in found]
    assert losses == pytest.approx(wanted) and sum(losses) == pytest.approx(1 - measured)
    assert found[0]["best_before_draw"] is None and found[0]["after_draw_is"] == "value"


def test_answers_that_were_cut_short_are_counted(tmp_path: Path) -> None:
    results = run("fake", TASKS[0], DECODERS[0], limit=4, out=tmp_path / "out")
    assert "cut short" not in write_report(tmp_path / "out", style=NO_FILES).read_text(encoding="utf-8")
    path = next((tmp_path / "out").glob("cells/*/records.jsonl"))
    lines = path.read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    rows[0]["costs"]["flags"] = ["capped"]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    page = write_report(tmp_path / "out", style=NO_FILES).read_text(encoding="utf-8")
    assert "cut short" in page and "25.0 %" in page and len(results.rows) == 4
