"""The 12,271 results that the project page of the paper published, as one table.

`published.csv.gz` holds what the data files of the page say, read from two commits of github.com/parallelbench/
parallelbench.github.io: 95fe219 (11 March 2026, 8,851 rows: the runs of the paper of October 2025, and later models and methods
under the same prompts) and 7b93009 (22 March 2026, 3,420 rows). Of the 8,851, 264 of 272 curves of the paper's Figures 21 to 24
were compared with the vector figures of its PDF and equal them within 0.7 points.

The second commit is a re-run: other prompts (index tasks count from 1, other Sudokus), and one number of forwards for a whole
batch of 8, so that adaptive decoders appear slower than they are. The two series are never mixed: a call returns one of them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import cache
from importlib.resources import files
from io import BytesIO
from itertools import groupby
from operator import itemgetter
from typing import Literal

import pandas as pd

from parallelbench.paper.names import MEAN, MODELS, TASKS
from parallelbench.paper.strategies import STRATEGIES, Setting, Strategy
from parallelbench.specs import parse, render

PAPER: Literal["paper"] = "paper"
RERUN: Literal["re-run"] = "re-run"
Series = Literal["paper", "re-run"]
MEAN_RULE = "a mean over tasks, which belongs to no task"
GROUP = ["series", "published_model", "strategy", "published_task"]


def published(
    series: Series = PAPER,
    *,
    models: Collection[str] = (),
    tasks: Collection[str] = (),
    decoders: Collection[str] = (),
    with_left_out: bool = False,
) -> pd.DataFrame:
    """Return published results, one row for each model, task and setting, by rising speed within a curve.

    Args:
        series: "paper" (the paper's prompts) or "re-run" (March 2026).
        models, tasks, decoders: our names; none selects all.
        with_left_out: also the rows without a task or a setting of ours, with the rule in `left_out`; the task `mean` is among
            them.

    Returns:
        The columns `source` (repository and commit), `date`, `series`; `model`, `task` and `decoder` (our names), `model_label`
        (the model's name in figures); `spec` (decoder and setting as `-d` reads them; empty where the setting is unknown);
        `tokens_per_step` (length of the canvas by forwards, padding included); `accuracy` (the headline score, 0 to 1);
        `left_out` (empty where the row has a task and a setting); and the names on the page: `published_model`, `strategy`,
        `published_task`.
    """
    table = _mapped()
    kept = table["series"] == series
    if not with_left_out:
        kept &= table["left_out"] == ""
    for column, names in (("model", models), ("task", tasks), ("decoder", decoders)):
        if names:
            kept &= table[column].isin(list(names))
    return table[kept].reset_index(drop=True)


def setting_of(spec: str) -> dict[str, float | int | str]:
    """Return the parameters of a `spec` of `published`: {"k": 2} of "confidence:k=2"."""
    return parse(spec)[1]


@cache
def _mapped() -> pd.DataFrame:
    """All rows, with our names; a caller gets a copy of a part."""
    raw = pd.read_csv(BytesIO(_bytes()), compression="gzip", dtype={"date": "str"})
    raw = raw.sort_values([*GROUP, "tokens_per_step"], kind="stable", ignore_index=True)
    columns = [raw[name].tolist() for name in (*GROUP, "tokens_per_step", "accuracy")]
    rows: list[tuple[str, str]] = []
    for (_, model, strategy, task), curve in groupby(zip(*columns, strict=True), itemgetter(0, 1, 2, 3)):
        runs = [(row[4], row[5]) for row in curve]
        settings = STRATEGIES[strategy].rule(runs, MODELS[model])
        rows += _described(STRATEGIES[strategy], settings, TASKS[task])
    specs, left_out = zip(*rows, strict=True)
    return pd.DataFrame(
        {
            **{name: raw[name] for name in ("source", "date", "series")},
            "model": raw["published_model"].map(lambda name: MODELS[name].name),
            "model_label": raw["published_model"].map(lambda name: MODELS[name].label),
            "task": raw["published_task"].map(TASKS),
            "decoder": raw["strategy"].map(lambda name: STRATEGIES[name].decoder),
            "spec": specs,
            "tokens_per_step": raw["tokens_per_step"],
            "accuracy": raw["accuracy"] / 100,
            "left_out": left_out,
            **{name: raw[name] for name in GROUP[1:]},
        }
    )


def _described(strategy: Strategy, settings: list[Setting], task: str) -> Iterator[tuple[str, str]]:
    """Spec and rule of each run of one curve."""
    for setting in settings:
        spec = "" if setting.parameters is None else render(strategy.decoder, setting.parameters)
        yield spec, setting.left_out or (MEAN_RULE if task == MEAN else "")


def _bytes() -> bytes:
    return (files("parallelbench.paper") / "published.csv.gz").read_bytes()
