"""The looks of decoder families: no two alike, the same on every page, and which families a figure shows in full."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from parallelbench.decoding import DECODERS
from parallelbench.report import charts, emphasis, vega
from parallelbench.report.file_style import legends
from parallelbench.report.lines import DASHES, EXACT
from parallelbench.report.looks import BUILT_IN, Looks
from parallelbench.report.speeds import UNITS

NAMES = st.text(min_size=1, max_size=12)


def row(family: str, speed: float, accuracy: float, **more: Any) -> dict[str, Any]:
    costs = {unit.column: speed if unit.faster else 32 / speed for unit in UNITS}
    ends = {"low": max(0.0, accuracy - 0.1), "high": min(1.0, accuracy + 0.1)}
    return {
        "panel": "p", "family": family, "decoder": family, "variant": "plain", "accuracy": accuracy, **ends, **costs, **more
    }  # fmt: skip


def test_every_decoder_has_a_look_of_its_own() -> None:
    assert BUILT_IN.keys() == set(DECODERS.names())
    assert len({(look.colour, look.shape) for look in BUILT_IN.values()}) == len(BUILT_IN)


@given(st.lists(st.sampled_from(sorted(BUILT_IN)), max_size=20), st.sets(NAMES, max_size=12))
def test_no_two_look_alike_and_the_look_of_a_built_in_decoder_never_changes(known: list[str], others: set[str]) -> None:
    looks = Looks([*known, *others])
    shown = [looks.of(name) for name in looks.names]
    assert set(looks.names) == {*known, *others} and len(set(shown)) == len(shown)
    assert all(looks.of(name) == BUILT_IN[name] for name in looks.names if name in BUILT_IN)
    alone = {name: Looks([name]).of(name) for name in looks.names}
    alike = len(alone) - len(set(alone.values()))
    assert sum(looks.of(name) != look for name, look in alone.items()) <= 3 * alike, "only what would look alike is moved"


def test_of_many_families_the_best_the_baseline_and_the_users_are_in_full() -> None:
    rows = [row(f"f{place}", 1 + place, 0.5) for place in range(9)]
    rows += [row("fast", 32, 0.1), row("sure", 2, 0.9), row("base", 1, 0.1), {**row("sure", 64, 1.0), "line": "a bound"}]
    shown = emphasis.in_full(rows, ["base", "absent"])
    assert set(shown) == {unit.column for unit in UNITS}
    assert shown["nfe"] == shown["tokens_per_step"] == {"p": ["base", "f8", "fast", "sure"]}
    assert "of the 12 are pale" in emphasis.sentence(rows) and emphasis.sentence(rows[:8]) == ""
    assert emphasis.in_full(rows[:8], [])["nfe"] == {"p": [f"f{place}" for place in range(8)]}


def test_the_kinds_of_lines_have_one_legend_and_few_families_need_none() -> None:
    rows = [row("a", 1, 0.9, panel=panel) for panel in "pq"] + [row("b", 2, 0.9)]
    spec = charts.tradeoff([*rows, {**row("a", 2, 1.0), "line": EXACT}], Looks("ab"))
    assert spec is not None
    (legend,) = legends(vega.compiled(spec))
    assert legend["values"] == list(DASHES)
    many = charts.tradeoff([row(name, 1, 0.9) for name in "abcdefghi"], Looks("abcdefghi"))
    assert many is not None and [one["symbolOpacity"] for one in legends(vega.compiled(many))] == [1]


def test_other_variants_have_letters_that_the_figure_explains() -> None:
    rows = [row("a", 1, 0.9), row("a", 2, 0.8, variant="block=8"), row("a", 4, 0.7, variant="temperature=0.5")]
    assert charts.letters_of(rows) == {"block=8": "a", "temperature=0.5": "b"} and charts.letters_of(rows[1:2]) == {}
    spec = charts.tradeoff(rows, Looks(["a"]))
    assert spec is not None and spec["title"]["text"] == ["a: block=8", "b: temperature=0.5"]
