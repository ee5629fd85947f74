"""The statements that closed forms make, on lists of letters in an infill frame (Figure 2)."""

from __future__ import annotations

import re
from statistics import NormalDist

import numpy as np

from parallelbench.analysis import stats
from parallelbench.claims.evidence import Evidence, NoEvidence, points
from parallelbench.claims.statement import FAILS, HOLDS, UNCLEAR, Claim, Finding, verdict
from parallelbench.specs import parse
from parallelbench.theory import Setting, accuracy_of

CERTAIN = 1e-3
PREFERENCES = "the formulas assume that all right answers are equally likely, and the shipped models prefer some of them."


def formulas(evidence: Evidence) -> Finding:
    """Compare accuracies of the infilled lists with the closed forms, all cells together (Bonferroni)."""
    cells = _cells(evidence, (0.0, 1.0) if evidence.source == "exact" else (1.0,))
    z = NormalDist().inv_cdf(1 - 0.025 / len(cells))
    inside, worst, n = 0, (0.0, ""), 0
    for (_, task, setting), (expected, right, n) in cells.items():
        low, high = stats.wilson(right, n, z)
        inside += low <= expected <= high
        worst = max(worst, (abs(right / n - expected), f"`{setting}` on {_name(task)}"))
    text = (
        f"Of {len(cells)} accuracies on Shuffle and Replace Random of 6 to 16, {inside} agree with the formula within the "
        f"intervals for {n} samples; the largest difference is {100 * worst[0]:.0f} points ({worst[1]})."
    )
    return Finding(HOLDS if inside == len(cells) else FAILS, text)


def greedy(evidence: Evidence) -> Finding:
    """Compare greedy decoding of two tokens per forward with the formula for both."""
    cells = {key: one for key, one in _cells(evidence, (0.0,)).items() if "shuffle" in key[1] and "k=2" in key[2]}
    if not cells:
        raise NoEvidence("greedy decoding at two tokens per forward did not run")
    gaps = [evidence.accuracy(task, setting, (model,)) - cells[model, task, setting][0] for model, task, setting in cells]
    gap = np.mean(gaps, axis=0)
    expected, measured = (
        100 * float(np.mean(values)) for values in zip(*((e, r / n) for e, r, n in cells.values()), strict=True)
    )
    text = (
        f"Greedy decoding at two tokens per forward is right on Shuffle of 6 to 16 in {measured:.0f} % on average; the formula "
        f"for sampling says {expected:.0f} %: {points(gap)}."
    )
    return Finding(HOLDS if verdict(gap) == UNCLEAR else FAILS, text)


def _name(task: str) -> str:
    found = re.search(r"/(\w+):.*lengths=\[?(\d+)", task)
    return f"{found[1].replace('_', ' ')} of {found[2]}" if found else task


def _cells(evidence: Evidence, temperatures: tuple[float, ...]) -> dict[tuple[str, str, str], tuple[float, float, int]]:
    """The infilled lists by model, task and setting: the formula's accuracy, how many were right, and of how many.

    Accuracies that the formula puts at 0 or 1 are left out: there any error of the model contradicts it.
    """
    found = {}
    for (model, task, setting), count in evidence.counts.items():
        size = re.fullmatch(r"list_ops/(\w+):.*lengths=\[?(\d+)\]?.*", task)
        name, parameters = parse(setting)
        temperature = float(parameters.pop("temperature", 0.0))
        parameters.pop("ties", None)
        if size is None or name not in ("random", "all_at_once") or temperature not in temperatures:
            continue
        expected = accuracy_of(size[1], int(size[2]), Setting(name, k=parameters.get("k"), temperature=temperature))
        if expected is not None and CERTAIN < expected < 1 - CERTAIN:
            found[model, task, setting] = (expected, count.right, count.n)
    if not found:
        raise NoEvidence("the infilled lists of Figure 2 did not run")
    return found


CLAIMS = (
    Claim(
        "formulas", "Closed forms give the accuracy of an unbiased model that samples.", "Section 4, Figure 2", formulas,
        {"shipped": PREFERENCES},
        '`figure_numbers("fig2")`', {"exact": "bounds"},
    ),
    Claim(
        "greedy", "On Shuffle greedy decoding is as accurate as sampling.", "Section 4, Figure 2", greedy,
        {"shipped": PREFERENCES},
        '`figure_numbers("fig2")`', {"exact": "bounds"},
    ),
)  # fmt: skip
