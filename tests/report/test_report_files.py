"""Figures as files: any width in print, nothing cut off, and bad options are one sentence."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Any

import pytest

from parallelbench import cli
from parallelbench.errors import UserError
from parallelbench.report import charts, fonts
from parallelbench.report.figures import Figure
from parallelbench.report.file_style import FileStyle, file_style
from parallelbench.report.lines import NAMES
from parallelbench.report.looks import Looks

FAMILIES = [f"a decoder with a rather long name, number {number}" for number in range(3)]


def rows() -> list[dict[str, Any]]:
    common = {"variant": "plain", "low": 0.4, "high": 0.9, "rows": 4.0, "seconds_per_sample": 0.1, "flops": 1e9}
    measured = [
        {**common, "panel": panel, "decoder": name, "family": name, "accuracy": 1 / k, "tokens_per_step": float(k),
         "nfe": 32 / k, "content_tokens_per_forward": k / 2}
        for panel in ("one", "two") for name in FAMILIES for k in (1, 2, 4)
    ]  # fmt: skip
    known = [(name, speed) for name in NAMES.values() for speed in (0.5, 2.0)]
    bounds = [{"panel": "one", "line": name, "accuracy": 1.0, "content_tokens_per_forward": speed} for name, speed in known]
    return measured + bounds


@pytest.fixture(scope="module")
def figure() -> Figure:
    spec = charts.tradeoff(rows(), Looks(FAMILIES))
    assert spec is not None
    return Figure("picture", "A caption.", spec, rows())


@pytest.mark.parametrize(("width", "pixels"), [("3.25in", 312), pytest.param("170mm", 642, marks=pytest.mark.slow)])
def test_a_figure_is_as_wide_as_asked_and_holds_its_whole_legend(
    figure: Figure, tmp_path: Path, width: str, pixels: float
) -> None:
    figure.save(tmp_path, file_style("svg,PDF, png", width, "DejaVu Serif"))
    svg = (tmp_path / "picture.svg").read_text(encoding="utf-8")
    (found,) = re.findall(r'<svg[^>]* width="([0-9.]+)"', svg)
    assert pixels - 40 <= float(found) <= pixels + 1
    assert all(name in svg for name in (*FAMILIES, *NAMES.values())) and "DejaVu Serif" in svg
    (box,) = re.findall(rb"/MediaBox *\[0 0 ([0-9.]+) ", (tmp_path / "picture.pdf").read_bytes())
    assert float(box) == pytest.approx(float(found) * 0.75, abs=1)
    assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")


def test_the_csv_holds_the_bounds(figure: Figure, tmp_path: Path) -> None:
    figure.save(tmp_path, FileStyle())
    with (tmp_path / "picture.csv").open(encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == len(rows()) and {line["line"] for line in lines} == {"", *NAMES.values()}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["picture.csv", "picture.svg"]


@pytest.mark.parametrize(
    ("formats", "width", "wanted"),
    [
        ("gif", None, "not as 'gif'"),
        ("", None, "svg, pdf, png"),
        ("svg,../x", None, "not as '../x'"),
        ("svg", "wide", "'wide' is no length"),
        ("svg", "3.25", "no length"),
        ("svg", "-3in", "no length"),
        ("svg", "0in", "no length"),
        ("svg", "1e9in", "no length"),
        ("svg", "900in", "no length"),
        ("svg", "9" * 9000 + "in", "no length"),
    ],
)
def test_an_option_that_means_nothing_is_one_sentence(formats: str, width: str | None, wanted: str) -> None:
    with pytest.raises(UserError, match=re.escape(wanted)):
        file_style(formats, width, None)


def test_the_command_refuses_before_it_reads(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert cli.invoke(["report", str(tmp_path), "--width", "3.25"]) == 2
    assert "no length" in capsys.readouterr().err


@pytest.mark.parametrize(
    "font",
    ["Comic Neu Sans", "", " ", "dejavu serif", "A, B", "'", '"\'><script>alert(1)</script>', "DejaVu\x1b[31m", "x" * 100_000,
     "\udcff", "Deja\nVu"],
)  # fmt: skip
def test_a_font_that_is_not_installed_is_one_sentence(font: str) -> None:
    with pytest.raises(UserError) as caught:
        file_style("svg", None, font)
    said = str(caught.value)
    assert said.startswith("no font '") and "is installed; " in said and len(said) < 3000
    assert said.isprintable() and "\x1b" not in said


def test_the_fonts_that_the_sentence_names_can_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="installed are: ") as caught:
        file_style("svg", None, "Nowhere Sans")
    names = str(caught.value).partition("installed are: ")[2].rstrip(".").split(", ")
    for name in [*names, f"Nowhere Sans, '{names[0]}'", "serif", "Nowhere Sans, monospace"]:
        assert file_style("svg", None, name).font == name
    many = [*names, *(f"{names[0]} {number}" for number in range(100))]
    monkeypatch.setattr(fonts, "is_drawn", lambda name: name in many)
    monkeypatch.setattr(fonts, "_listed", lambda: many)
    with pytest.raises(UserError, match=f"did you mean '{names[0]}"):
        file_style("svg", None, names[0].lower())
    monkeypatch.setattr(fonts, "_listed", list)
    with pytest.raises(UserError, match="leave --font out"):
        file_style("svg", None, "Nowhere Sans")


def test_a_list_of_fonts_that_does_not_answer_costs_nothing_but_the_list(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tool = tmp_path / "fc-list"
    tool.write_text("#!/bin/sh\nprintf 'DejaVu Serif,Other\\n\\377\\033[1m\\n\\n'; exit $STATUS\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("STATUS", "0")
    assert fonts._listed()[0] == "DejaVu Serif" and all(name.isprintable() for name in fonts._listed())
    monkeypatch.setenv("STATUS", "1")
    assert fonts._listed() == []
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    assert fonts._listed() == []
