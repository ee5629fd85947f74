"""Text from outside is shown and not interpreted: by a terminal, in XML, in a table file."""  # fault 59

from __future__ import annotations

import csv
import io
from pathlib import Path
from unicodedata import category
from xml.etree import ElementTree

import altair as alt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parallelbench.clean import for_csv, for_terminal, for_xml
from parallelbench.report.figures import Figure
from parallelbench.report.theme import ROWS, spec_of

HOSTILE = ["a\x00b", "a\x1b[31mb", "a\x08b", "a\ufffeb", "a\uffffb", "a\ud800b", "<script>&\"'", "=1+1", "\u202eevil", "é☃😀"]


@given(st.text(st.characters(), max_size=50))
@settings(max_examples=200, deadline=None)
def test_nothing_that_a_terminal_obeys_is_left(text: str) -> None:
    shown = for_terminal(text)
    assert all(character in "\n\u200d" or character.isprintable() or category(character) == "Zs" for character in shown)
    assert for_terminal(shown) == shown


@given(st.text(st.characters(), max_size=50))
@settings(max_examples=200, deadline=None)
def test_xml_can_hold_what_is_left(text: str) -> None:
    element = ElementTree.Element("a")
    element.text = for_xml(text)
    found = ElementTree.fromstring(ElementTree.tostring(element, "utf-8")).text or ""
    assert found == for_xml(text).replace("\r\n", "\n").replace("\r", "\n")


def test_ordinary_text_stays_as_it_is() -> None:
    for text in ("waiting_line/copy", "Grüße, ☃ 😀 日本語 עברית", "k = 2, ≥ 0.5"):
        assert for_terminal(text) == for_xml(text) == for_csv(text) == text
    assert for_csv(-1.5) == -1.5 and for_csv(None) is None


@pytest.mark.parametrize("text", HOSTILE)
def test_a_figure_of_any_label_is_drawn_and_tabled(tmp_path: Path, text: str) -> None:
    rows = [{"decoder": text, "accuracy": 0.5}, {"decoder": "-x", "accuracy": 1.0}]
    chart = alt.layer(alt.Chart(ROWS).mark_bar().encode(x="decoder:N", y="accuracy:Q"))
    figure = Figure("one", "", spec_of(chart, rows), rows)
    if text != "a\ud800b":  # no file can hold it; labels are cleaned of it before they are stored
        figure.save(tmp_path)
        ElementTree.fromstring((tmp_path / "one.svg").read_bytes())
    cells = [row["decoder"] for row in csv.DictReader(io.StringIO(figure.csv))]
    assert not any(cell.startswith(("=", "+", "-", "@")) for cell in cells)
