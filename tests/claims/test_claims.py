"""The page of statements follows from its figures, a verdict from its interval, and what did not run is said."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from parallelbench.claims.evidence import DRAWS, SOURCES, Count, Evidence, NoEvidence, ends, points
from parallelbench.claims.lists import FIXED, RANDOM
from parallelbench.claims.page import CLAIMS, page
from parallelbench.claims.statement import FAILS, HOLDS, UNCLEAR, UNTESTED, verdict
from parallelbench.claims.stored import RUNS, STORED, Stored, evidence
from parallelbench.experiments.spec import load_sweep

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def stored() -> Stored:
    return STORED.validate_json((DOCS / "claims.json").read_bytes())


def test_the_page_is_what_its_figures_say(stored: Stored) -> None:
    assert (DOCS / "claims.md").read_text(encoding="utf-8") == page(stored)


def test_every_statement_has_a_verdict_of_every_source_and_the_command_behind_it(stored: Stored) -> None:
    text = page(stored)
    for claim in CLAIMS:
        section = text.partition(f"{{#{claim.id}}}")[2].partition("\n## ")[0]
        lines = [line for line in section.splitlines() if line.startswith("- **")]
        assert len(lines) == len(SOURCES), claim.id
        for line in lines:
            assert f"{UNTESTED}.**" in line or line.endswith(")"), line
    assert len({claim.id for claim in CLAIMS}) == len(CLAIMS) >= 20


def test_other_figures_give_other_sentences(stored: Stored) -> None:
    spoiled = replace(stored, counts=tuple(replace(one, right=one.n) for one in stored.counts))
    before, after = page(stored).splitlines(), page(spoiled).splitlines()
    changed = [line for line in after if line not in before and line.startswith("- **")]
    assert len(changed) >= 8 and any(UNCLEAR in line or FAILS in line for line in changed)


def test_without_runs_only_the_published_numbers_speak(stored: Stored) -> None:
    text = page(replace(stored, counts=(), oracles=()))
    assert f"exact model: {UNTESTED} {len(CLAIMS)}" in text and f"shipped models: {UNTESTED} {len(CLAIMS)}" in text


def test_the_published_verdicts_of_the_main_statements(stored: Stored) -> None:
    published = {one.source: one for one in evidence(stored)}["published"]
    found = {claim.id: claim.finding(published) for claim in CLAIMS}
    assert {name for name, one in found.items() if one.verdict == FAILS} == {"greedy"}
    assert found["dependence"].verdict == found["cache"].verdict == found["chain-of-thought"].verdict == HOLDS
    assert "98 % and 30 %" in found["blocks-help-lists"].text and "1.72 times" in found["oracle"].text


def shape(drop: float, n: int) -> Evidence:
    """Models that lose `drop` from k = 1 to k = 4 where several answers are right, and nothing elsewhere."""
    counts = [
        Count("exact", "m", task, f"confidence:k={k}", n * (1 - drop * (k == 4 and task in RANDOM)), n)
        for task in (*RANDOM, *FIXED) for k in (1, 4)
    ]  # fmt: skip
    return Evidence.of("exact", ["m"], counts)


@pytest.mark.parametrize(
    ("drop", "n", "expected"),
    [(0.5, 40, HOLDS), (0.0, 40, UNCLEAR), (0.02, 25, UNCLEAR), (0.05, 2000, HOLDS), (0.0, 100_000, UNCLEAR)],
)
def test_a_verdict_needs_an_interval_on_one_side(drop: float, n: int, expected: str) -> None:
    (claim,) = (one for one in CLAIMS if one.id == "dependence")
    finding = claim.finding(shape(drop, n))
    assert finding.verdict == expected and finding.n == str(n)


def test_an_interval_covers_what_it_is_about() -> None:
    generator = np.random.default_rng(3)
    inside = 0
    for place in range(200):
        chances = (0.9, 0.6)
        right = [int(generator.binomial(30, one)) for one in chances]
        counts = [Count("exact", f"m{place}", "t", name, x, 30) for name, x in zip("ab", right, strict=True)]
        both = Evidence.of("exact", [f"m{place}"], counts)
        low, high = ends(both.accuracy("t", "a") - both.accuracy("t", "b"))
        inside += low <= 0.3 <= high
    assert inside >= 180


def test_certainty_needs_samples() -> None:
    few, many = (Evidence.of("exact", ["m"], [Count("exact", "m", "t", "a", n, n)]).accuracy("t", "a") for n in (5, 500))
    assert few.shape == (DRAWS + 1,) and few[0] == many[0] == 1.0
    assert ends(few)[0] < 0.7 < 0.99 < ends(many)[0] and ends(few)[1] == 1.0
    assert points(many - few).startswith("+0 points [-0, +") or points(many - few).startswith("+0 points [")
    with pytest.raises(NoEvidence, match="`b` did not run on t with m"):
        Evidence.of("exact", ["m"], []).accuracy("t", "b")


def test_a_verdict_is_about_the_side_that_the_statement_says() -> None:
    draws = np.linspace(0.1, 0.2, DRAWS + 1)
    assert (verdict(draws), verdict(-draws), verdict(draws - 0.15), verdict(draws, 0.3)) == (HOLDS, FAILS, UNCLEAR, FAILS)


def test_the_runs_are_experiments_of_the_package(stored: Stored) -> None:
    for command in RUNS.values():
        assert load_sweep(command.split()[1])
    assert {one.source for one in stored.counts} == {"exact", "shipped"}
    sizes = json.loads((DOCS / "claims.json").read_text(encoding="utf-8"))
    assert sizes["samples"] == stored.samples > 5000
