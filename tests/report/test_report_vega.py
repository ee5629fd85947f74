"""Charts are drawn in a process of their own; the script that draws them on a page is bundled once and remembered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import altair as alt
import pytest
import vl_convert

from parallelbench.errors import UserError
from parallelbench.report import theme, vega
from parallelbench.user_cache import CACHE_VARIABLE


@pytest.fixture(autouse=True)
def bundled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Each call of the bundler, which returns a short script."""
    calls: list[str] = []

    def bundle(snippet: str, version: str) -> str:
        calls.append(version)
        return f"{snippet} bundled"

    monkeypatch.setattr(vl_convert, "javascript_bundle", bundle)
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    return calls


def library() -> str:
    """What another process would use."""
    vega.library.cache_clear()
    try:
        return vega.library()
    finally:
        vega.library.cache_clear()


def test_a_script_is_bundled_once_for_all_processes(bundled: list[str]) -> None:
    assert library() == library()
    assert library().endswith("window.vega = {View, parse}; bundled")
    assert bundled == [vega.VEGA_LITE]


@pytest.mark.parametrize("damage", [b"", b"x", b"alert(1)", b"0" * 64 + b"\nalert(1)"])
def test_a_damaged_script_is_bundled_again(bundled: list[str], tmp_path: Path, damage: bytes) -> None:
    whole = library()
    (file,) = (tmp_path / "cache").iterdir()
    for left in (damage, file.read_bytes()[:-1]):
        file.write_bytes(left)
        assert library() == whole
    assert len(bundled) == 3


def test_a_cache_that_cannot_be_written_only_costs_time(bundled: list[str], tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    assert library() == library() and len(bundled) == 2


def chart(mark: str) -> dict[str, Any]:
    rows = [{"x": place / 3, "y": f"\u00e9 <{place}>\n"} for place in range(5)]
    return theme.spec_of(alt.Chart(theme.ROWS, mark=mark).encode(x="x:Q", y="y:N"), rows)


def test_a_chart_is_drawn_in_another_process_as_it_would_be_in_this_one() -> None:
    spec = chart("point")
    here = vl_convert.vegalite_to_vega(
        {key: value for key, value in spec.items() if key != "datasets"}, vl_version=vega.VEGA_LITE
    )
    assert vega.compiled(spec) == here
    assert vega.svg(spec) == vl_convert.vega_to_svg(vega.with_rows(here, spec["datasets"]["rows"]))


def test_a_chart_that_cannot_be_converted_says_why() -> None:
    with pytest.raises(ValueError, match="conversion failed"):
        vega.compiled({"mark": "point", "vconcat": 1, "datasets": {}})
    assert vega.svg(chart("bar")).startswith("<svg")


def test_a_drawing_process_that_is_killed_is_one_sentence_and_the_next_chart_is_drawn() -> None:
    spec = chart("line")
    vega.svg(spec)
    process = vega._worker()._process
    assert process is not None
    process.kill()
    process.wait()
    with pytest.raises(UserError, match=r"a chart cannot be drawn .* choose fewer cells"):
        vega.svg(spec)
    assert vega.svg(spec).startswith("<svg")
