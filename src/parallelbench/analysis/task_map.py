"""The task map of ParallelBench (arXiv 2510.04767, Appendix G.1): how parallel a task can be decoded, and in which order.

Parallelizability is the centre of mass of a task's accuracies over k, the tokens committed per forward:

    sum_k k a_k / sum_k a_k

with a_k the mean accuracy at k, decoded in any order (the whole canvas is one block). A task that loses accuracy with k has a
small value. Order preference is the slope of the line that is fitted to the accuracies at k = 2 against the block length in
tokens, with its sign changed: above 0 short blocks, and so decoding from left to right, are better. (The paper's text and the
axes of its figure have opposite signs; this is the figure's.) Both are means over the decoders that rank positions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from parallelbench.analysis.settings import DRAWS, Floats, TaskMatrix, interval_of, matrices
from parallelbench.runs.folder import StoredRun

METHODS = ("random", "confidence", "margin", "entropy")
"""The decoders whose numbers are averaged, by the names under which they are registered."""
BLOCK_K = 2
"""The tokens per forward at which block lengths are compared."""
MIN_POINTS = 3
COLUMNS = [
    "model", "suite", "task", "methods", "n", "parallelizability", "parallelizability_low", "parallelizability_high",
    "order_preference", "order_preference_low", "order_preference_high",
]  # fmt: skip


class Setting(NamedTuple):
    """What a decoder of `METHODS` was set to; `block` is the block length in tokens, None for the whole canvas."""

    family: str
    k: int
    block: int | None


def settings_of(run: StoredRun) -> dict[str, Setting]:
    """Return the settings of the cells, by their ids, that use one of `METHODS` with k, a block length and nothing else."""
    found = {}
    for stored in run.cells:
        facts = stored.cell.decoder_facts
        if facts.family in METHODS and set(facts.parameters) <= {"k", "block"} and "k" in facts.parameters:
            block = facts.parameters.get("block")
            found[stored.id] = Setting(facts.family, int(facts.parameters["k"]), None if block is None else int(block))
    return found


def centre_of_mass(k: Floats, accuracy: Floats) -> Floats:
    """Return sum_k k a_k / sum_k a_k; NaN where all accuracies are 0.

    Args:
        k: tokens per forward, [m].
        accuracy: the mean accuracies, [..., m].
    """
    total = accuracy.sum(axis=-1)
    centre: Floats = np.divide(accuracy @ k, total, out=np.full_like(total, np.nan), where=total > 0)
    return centre


def preference(block: Floats, accuracy: Floats) -> Floats:
    """Return minus the least-squares slope of accuracy against block length: accuracy per token, above 0 for short blocks.

    Args:
        block: block lengths in tokens, [m].
        accuracy: the mean accuracies, [..., m].
    """
    centred = block - block.mean()
    slope: Floats = accuracy @ centred / float(centred @ centred)
    return -slope


def task_map(frame: pd.DataFrame, settings: Mapping[str, Setting], draws: int = DRAWS) -> pd.DataFrame:
    """Return both numbers of each (model, task), with percentile intervals of a bootstrap over samples.

    Args:
        frame: one row per sample (`frame.samples`).
        settings: the settings of the cells (`settings_of`).
        draws: resamples of the bootstrap.

    A number needs three values of k, or three block lengths, of every method that it is averaged over; it is NaN where no
    method has them. Parallelizability uses the values of k that ran on all tasks of the model, so that tasks are comparable.
    """
    used = frame[frame["cell"].isin(settings)]
    rows: list[dict[str, Any]] = []
    for model, part in used.groupby("model", sort=False):
        cells = part.drop_duplicates("cell")
        common = _common_k(cells, settings)
        for (suite, task), inside in part.groupby(["suite", "task"], sort=False):
            chosen = {decoder: settings[cell] for cell, decoder in zip(inside["cell"], inside["decoder"], strict=True)}
            length = int(inside["canvas_length"].iloc[0])
            found = matrices(inside, list(chosen))
            if found:
                numbers = _numbers(found[0], list(chosen.values()), common, length, draws)
                rows.append({"model": model, "suite": suite, "task": task, **numbers})
    table = pd.DataFrame(rows, columns=COLUMNS)
    return table[table[["parallelizability", "order_preference"]].notna().any(axis=1)].reset_index(drop=True)


def _common_k(cells: pd.DataFrame, settings: Mapping[str, Setting]) -> dict[str, set[int]]:
    """For each method the values of k, in any order, that ran on every task of a model."""
    found: dict[str, list[set[int]]] = {}
    for _, inside in cells.groupby(["suite", "task"], sort=False):
        for method in METHODS:
            whole = {settings[cell].k for cell in inside["cell"] if settings[cell][::2] == (method, None)}
            found.setdefault(method, []).append(whole)
    return {method: set.intersection(*sets) for method, sets in found.items()}


def _numbers(
    matrix: TaskMatrix, settings: list[Setting], common: Mapping[str, set[int]], length: int, draws: int
) -> dict[str, Any]:
    weights = np.vstack([matrix.weight, matrix.weights(np.random.default_rng(0), draws)])
    means = weights @ matrix.values["accuracy"]  # [1 + draws, settings]
    parallel, order = [], []
    for method in METHODS:
        of_method = [(place, one) for place, one in enumerate(settings) if one.family == method]
        whole = {one.k: place for place, one in of_method if one.block is None and one.k in common[method]}
        if len(whole) >= MIN_POINTS:
            parallel.append(centre_of_mass(np.array(list(whole), dtype=np.float64), means[:, list(whole.values())]))
        blocks = {min(one.block or length, length): place for place, one in of_method if one.k == BLOCK_K}
        if len(blocks) >= MIN_POINTS:
            order.append(preference(np.array(list(blocks), dtype=np.float64), means[:, list(blocks.values())]))
    numbers: dict[str, Any] = {"methods": max(len(parallel), len(order)), "n": int(matrix.sample.max()) + 1}
    for name, found in (("parallelizability", parallel), ("order_preference", order)):
        mean = np.mean(found, axis=0) if found else np.full(draws + 1, np.nan)
        low, high = interval_of(mean[1:])
        numbers |= {name: float(mean[0]), f"{name}_low": low, f"{name}_high": high}
    return numbers
