"""Compares every decoder with a baseline, on the same samples, at equal accuracy and at equal speed.

A decoder with several settings is represented by one that each half of the samples chooses, and that is measured on the other
half (`halves`); so is a baseline that is named without its setting. At equal accuracy it is the setting with the fewest
forwards among those that are, on the half that chooses, at least as accurate as the baseline; what is compared is the number of
forwards. At equal speed it is the most accurate setting among those that take, on the half that chooses, at most 5 % more
forwards than the baseline; what is compared is the accuracy. All p-values of a report are corrected together (Holm).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from parallelbench.analysis import paired, stats
from parallelbench.analysis.frame import as_rows, sample_keys
from parallelbench.analysis.halves import HALVES, QUESTION, Rows, halves, means_by_half
from parallelbench.analysis.loss import PREFERRED, ROUNDING, SHARP
from parallelbench.errors import UserError

USUAL = ("threshold", PREFERRED)
"""The curves that are the baseline where none is named, the first that ran."""
SLOWER = 1.05
ALPHA = 0.05
Verdict = Literal["better", "worse", "cannot tell", "never as accurate", "never as fast"]
COLUMNS = [
    "model", "series", "kind", "baseline", "decoder", "difference", "low", "high", "p", "n", "verdict", "accuracy_difference",
    "nfe_ratio",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sides:
    """What each half chose: the baseline's setting and the other decoder's, by the number of the half that chose."""

    baseline: dict[int, str]
    other: dict[int, str]


def against(frame: pd.DataFrame, overall: pd.DataFrame, baseline: str | None = None) -> pd.DataFrame:
    """Return two rows for each model and curve other than the baseline: at equal `kind` "accuracy" and at equal "speed".

    Args:
        frame: one row per sample (`frame.samples`).
        overall: one row per (model, decoder) (`frame.overall`); only these are compared.
        baseline: a decoder with its setting, a curve, or a family; None is threshold, or confidence where that did not run.

    `difference` is the decoder minus the baseline: in forwards per sample at equal accuracy, and in accuracy at equal speed,
    as means over tasks, with its 95 % interval; `accuracy_difference` and `nfe_ratio` are measured in both. `p` is corrected.

    Raises:
        UserError: no decoder of this run has the baseline's name.
    """
    known = [*overall["decoder"], *overall["series"], *overall["family"]]
    if baseline is not None and len(overall) and baseline not in known:
        names = ", ".join(dict.fromkeys([*overall["series"], *overall["decoder"]]))
        raise UserError(f"no decoder of this run is called '{baseline}'; choose one of {names}.")
    rows: list[dict[str, Any]] = []
    for model, part in overall.groupby("model", sort=False):
        name = baseline or next((one for one in USUAL if one in set(part["series"])), None)
        if name is not None:
            inside = frame[frame["model"] == model]
            rows += [{"model": model, **row} for row in _of_model(inside, part, name)]
    table = pd.DataFrame(rows, columns=COLUMNS)
    tested = table["p"].notna()
    table.loc[tested, "p"] = stats.holm(table.loc[tested, "p"].to_numpy(dtype=np.float64))
    return table.assign(verdict=[_verdict(row) for row in as_rows(table)])


def _of_model(frame: pd.DataFrame, overall: pd.DataFrame, baseline: str) -> list[dict[str, Any]]:
    settings = set(overall.loc[(overall[["decoder", "series", "family"]] == baseline).any(axis=1), "decoder"])
    others = list(dict.fromkeys(overall.loc[~overall["decoder"].isin(settings), "series"]))
    if not others:
        return []
    columns = ["model", "series", "decoder", *QUESTION, "accuracy", "nfe"]
    samples = frame.loc[frame["decoder"].isin(overall["decoder"]), columns].dropna(subset=["nfe"])
    samples = samples.assign(sample=sample_keys(samples), half=halves(samples)) if len(samples) else samples
    tables = (
        {half: as_rows(table) for half, table in means_by_half(samples, samples["half"], ("accuracy", "nfe")).items()}
        if len(samples)
        else {}
    )
    base = _chosen(tables, lambda rows: _fastest_near_best([row for row in rows if row["decoder"] in settings]))
    if base is None:
        return []
    means = {half: next(row for row in tables[half] if row["decoder"] == base[half]) for half in HALVES}
    found = []
    for series in others:
        for kind in ("accuracy", "speed"):
            other = {
                half: _at_equal(kind, [row for row in tables[half] if row["series"] == series], means[half]) for half in HALVES
            }
            names = {half: name for half, name in other.items() if name is not None}
            row = {"series": series, "kind": kind, "baseline": _named(base)}
            found.append({**row, **(_compared(samples, Sides(base, names), kind) if len(names) == len(HALVES) else {})})
    return found


def _chosen(tables: dict[int, Rows], choose: Callable[[Rows], str | None]) -> dict[int, str] | None:
    names = {half: choose(tables.get(half, [])) for half in HALVES}
    known = {half: name for half, name in names.items() if name is not None}
    return known if len(known) == len(HALVES) else None


def _fastest_near_best(rows: Rows) -> str | None:
    """The setting with the fewest forwards within 10 points of the most accurate one."""
    best = max((row["accuracy"] for row in rows), default=0.0)
    near = [row for row in rows if row["accuracy"] >= best - SHARP - ROUNDING]
    return str(min(near, key=lambda row: row["nfe"])["decoder"]) if near else None


def _at_equal(kind: str, rows: Rows, base: dict[str, Any]) -> str | None:
    """The setting that is compared: the fastest that is as accurate, or the most accurate that is as fast."""
    if kind == "accuracy":
        fit = [row for row in rows if row["accuracy"] >= base["accuracy"] - ROUNDING]
        return str(min(fit, key=lambda row: row["nfe"])["decoder"]) if fit else None
    fast = [row for row in rows if row["nfe"] <= SLOWER * base["nfe"]]
    return str(max(fast, key=lambda row: (row["accuracy"], -row["nfe"]))["decoder"]) if fast else None


def _compared(samples: pd.DataFrame, sides: Sides, kind: str) -> dict[str, Any]:
    """The differences over the samples of each half under what the other half chose."""
    keys = ["suite", "task", "sample"]

    def scores(names: dict[int, str]) -> pd.DataFrame:
        rows = [(samples["half"] == 1 - half) & (samples["decoder"] == name) for half, name in names.items()]
        return samples[rows[0] | rows[1]].groupby(keys, sort=False)[["accuracy", "nfe"]].mean()

    both = scores(sides.baseline).merge(scores(sides.other), left_index=True, right_index=True, suffixes=("_base", ""))
    if both.empty:
        return {"n": 0}
    tasks = [part for _, part in both.groupby(level=[0, 1], sort=False)]
    accuracy = [(part["accuracy_base"].to_numpy(), part["accuracy"].to_numpy()) for part in tasks]
    forwards = [(part["nfe"] - part["nfe_base"]).to_numpy() for part in tasks]
    points = float(np.mean([(second - first).mean() for first, second in accuracy]))
    ratio = float(np.mean([part["nfe_base"].mean() for part in tasks]) / np.mean([part["nfe"].mean() for part in tasks]))
    if kind == "speed":
        low, high = paired.interval(accuracy)
        numbers = {"difference": points, "low": low, "high": high, "p": paired.p_value(accuracy)}
    else:
        counts = [one.size for one in forwards]
        variances = [float(one.var(ddof=1)) if one.size > 1 else float("nan") for one in forwards]
        means = [float(one.mean()) for one in forwards]
        low, high = stats.normal_interval(means, counts, variances)
        p = paired.sign_flip(np.concatenate([one / one.size for one in forwards]))
        numbers = {"difference": float(np.mean(means)), "low": low, "high": high, "p": p}
    return {**numbers, "n": len(both), "decoder": _named(sides.other), "accuracy_difference": points, "nfe_ratio": ratio}


def _named(names: dict[int, str]) -> str:
    """The setting, or both where the halves chose different ones."""
    return " | ".join(dict.fromkeys(names[half] for half in HALVES))


def _verdict(row: dict[str, Any]) -> Verdict:
    if row["n"] == 0:  # the two decoded no sample in common
        return "cannot tell"
    if row["p"] != row["p"]:
        return "never as accurate" if row["kind"] == "accuracy" else "never as fast"
    if row["p"] >= ALPHA:
        return "cannot tell"
    gain = row["difference"] if row["kind"] == "speed" else -row["difference"]
    return "better" if gain > 0 else "worse"
