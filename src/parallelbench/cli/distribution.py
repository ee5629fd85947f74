"""`parallelbench run --distribution N`: many answers to one question, and how their distribution compares with the law."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from parallelbench.cli.terminal import console, note, say, table_of
from parallelbench.errors import UserError

if TYPE_CHECKING:
    from parallelbench.experiments.distribution import Distribution
    from parallelbench.experiments.spec import Sweep

HEADER = ["task", "model", "decoder", "right", "different", "of the law", "variation", "of the law", "chi-square", "p", "nfe"]


def show_distributions(sweep: Sweep, answers: int, out: Path | None, *, dry_run: bool, as_json: bool) -> None:
    """Draw answers in every cell of a sweep and print their distributions; a dry run checks everything.

    Raises:
        UserError: a folder is named, or no distribution can be measured (`experiments.distribution`).
    """
    from parallelbench.cli.names import check_names

    if out is not None:
        raise UserError("--distribution writes no folder; leave --out out, and add --json for numbers to keep.")
    check_names(sweep.models, sweep.tasks, sweep.decoders, sweep.suite)

    from parallelbench.experiments.distribution import check_distribution, measure
    from parallelbench.experiments.model_pool import ModelPool
    from parallelbench.experiments.plan import notes, plan

    pool = ModelPool(sweep.device)
    cells = plan(sweep, pool)
    check_distribution(cells)
    for remark in notes(cells, sweep.limit):
        note(remark)
    found = [] if dry_run else [measure(one, pool, answers, sweep.batch_size) for one in cells]
    if dry_run:
        say(f"{answers} answers to one question in each of {len(cells)} cells")
    else:
        _print(found)
    if as_json:
        plain = [asdict(one) for one in found]
        print(json.dumps({"answers": answers, "cells": len(cells), "distributions": plain}, allow_nan=False))


def _print(found: list[Distribution]) -> None:
    where = console()
    where.print(table_of(HEADER, [_row(one) for one in found], right=8))
    say(
        f"{found[0].answers} answers to one question in each row. p: the probability of a chi-square at least as large if all "
        "right answers are equally likely."
    )


def _row(one: Distribution) -> list[str]:
    """One distribution as the texts of a row."""
    different = [str(one.distinct), f"{one.distinct_of_law:.1f}"]
    names = [one.task, one.model, one.decoder, f"{100 * one.valid / one.answers:.1f} %"]
    fit = one.goodness
    if fit is None:
        return [*names, *different, "-", "-", "-", "-", f"{one.nfe:.2f}"]
    unit = "" if fit.compared == "strings" else " of pairs"
    variation = [f"{fit.total_variation:.3f}{unit}", f"{fit.total_variation_of_law:.3f}"]
    return [*names, *different, *variation, f"{fit.chi_square:.1f} ({fit.degrees:.0f})", f"{fit.p:.2g}", f"{one.nfe:.2f}"]
