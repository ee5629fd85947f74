"""The exact model through `run`: ties at random by default, so that it scores its closed form, under its own name."""

from __future__ import annotations

from math import factorial

import pytest

from parallelbench import run
from parallelbench.analysis.stats import wilson
from parallelbench.theory import Setting, accuracy_of

Z999 = 3.2905
FOUR = factorial(4) / 4**4
FREE = {4: FOUR, 5: FOUR, 6: 5 / 6 * FOUR}
DIFFER = {4: 1 / 9, 5: FOUR, 6: (1 - 4 / 25) * FOUR}
"""P(right) with four tokens a step on a canvas of 32: the format is certain and comes first, so the items are written in steps
of 4 (n = 4), 1 and 4 (n = 5), 2 and 4 (n = 6). Where the answer may not be the given order, no token is drawn at its given
place, and a context with one at another place leaves every order."""


@pytest.mark.parametrize("n", [4, 5, 6])
@pytest.mark.parametrize("task", ["list_ops/shuffle:may_stay=true,infill=false", "waiting_line/shuffle:shots=0"])
def test_four_tokens_a_step_score_the_closed_form(task: str, n: int) -> None:
    (row,) = run("exact", f"{task},samples=300,lengths=[{n}]", "confidence:k=4").rows
    low, high = wilson(round(row.accuracy * row.samples), row.samples, Z999)
    assert row.samples == 300 and low <= (FREE if "may_stay" in task else DIFFER)[n] <= high
    assert row.model == "exact"


def test_in_a_frame_the_formula_is_the_table_of_theory() -> None:
    for n in (4, 6):
        (row,) = run("exact", f"list_ops/shuffle:may_stay=true,infill=true,samples=300,lengths={n}", "confidence:k=4").rows
        low, high = wilson(round(row.accuracy * row.samples), row.samples, Z999)
        assert low <= (accuracy_of("shuffle", n, Setting(k=4)) or 0.0) <= high


def test_ties_follow_the_model_unless_the_decoder_says_otherwise() -> None:
    decoders = ["all_at_once", "all_at_once:ties=random", "all_at_once:ties=first"]
    texts = [[sample.text for sample in run("exact", "list_ops/shuffle:lengths=4", one, limit=12).samples] for one in decoders]
    assert texts[0] == texts[1] != texts[2]


def test_exact_models_have_the_names_by_which_they_were_requested() -> None:
    for name in ("exact", "exact:tokenizer=tiny"):
        assert [row.model for row in run(name, "waiting_line/copy", "all_at_once", limit=2).rows] == [name]
