"""Cross-fitting: a best setting is chosen on one half of the samples and reported on the other, both ways.

The setting with the highest score among many is partly the luckiest one, so its score on the samples that it was chosen by is
too high. Here each sample is scored under the setting that the *other* half chose. So every sample counts once, and none takes
part in the choice that it is scored under.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from parallelbench.analysis import stats
from parallelbench.analysis.frame import as_rows, sample_keys
from parallelbench.analysis.groups import first_rows, numbered

HALVES = (0, 1)
QUESTION = ("suite", "task", "index", "sample_id")
"""The columns by which the samples of one question are found (`frame.sample_keys`)."""
Rows = list[dict[str, Any]]
Choose = Callable[[Rows], str | None]
"""Chooses a decoder among rows of one half, one for each decoder, with its means over tasks; None where none will do."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """What cross-fitting chose.

    Attributes:
        by_first, by_second: the decoders that the first and the second half of the samples chose.
        samples: the rows of all samples under the decoder that the other half chose.
    """

    by_first: str
    by_second: str
    samples: pd.DataFrame

    @property
    def name(self) -> str:
        """The decoder, or both where the halves chose different ones, that of the first half first."""
        return self.by_first if self.by_first == self.by_second else f"{self.by_first} | {self.by_second}"


def halves(frame: pd.DataFrame) -> pd.Series[int]:
    """Return the half, 0 or 1, of each row of a frame of samples: the samples of a task alternate in an order by their hash.

    All rows with the same question are in one half, whatever the model, the decoder and the seed.
    """
    keys = sample_keys(frame)
    codes = numbered(frame["suite"], frame["task"], keys)
    first = first_rows(codes)
    distinct = frame[["suite", "task"]].iloc[first].assign(key=keys.iloc[first]).reset_index(drop=True)
    digests = [hashlib.sha256("/".join(map(str, row)).encode()).hexdigest() for row in distinct.itertuples(index=False)]
    ordered = distinct.assign(digest=digests).sort_values("digest")
    half = (ordered.groupby(["suite", "task"]).cumcount() % 2).sort_index().to_numpy()
    return pd.Series(half[codes], index=frame.index)


def means_by_half(frame: pd.DataFrame, half: pd.Series[int], columns: Sequence[str]) -> dict[int, pd.DataFrame]:
    """Return for each half a table of one row per (model, series, decoder): means over samples, then over tasks."""
    keys = ["half", "model", "series", "decoder"]
    by_task = frame.assign(half=half).groupby([*keys, "suite", "task"], sort=False)[list(columns)].mean()
    table = by_task.groupby(keys, sort=False).mean().reset_index()
    return {number: table[table["half"] == number] for number in HALVES}


def cross_fit(frame: pd.DataFrame, half: pd.Series[int], tables: dict[int, pd.DataFrame], choose: Choose) -> Chosen | None:
    """Choose a decoder by each half and return the samples of the other half under it; None where a half chooses none.

    Args:
        frame: one row per sample, of all decoders among which is chosen.
        half: the half of each row (`halves`).
        tables: for each half one row per decoder (`means_by_half`), limited to the same decoders.
        choose: the rule.
    """
    names = [choose(as_rows(tables[number])) for number in HALVES]
    first, second = names
    if first is None or second is None:
        return None
    scored = ((half == 1) & (frame["decoder"] == first)) | ((half == 0) & (frame["decoder"] == second))
    return Chosen(first, second, frame[scored])


def held_out(chosen: Chosen, columns: Sequence[str]) -> dict[str, Any]:
    """Return means over tasks of `accuracy` and of `columns`, with intervals, and the names of what was chosen.

    The interval of the accuracy is `low` to `high`, that of a column x is `x_low` to `x_high`.
    """
    groups = chosen.samples.assign(sample=sample_keys(chosen.samples))
    pooled = groups.groupby(["suite", "task", "sample"], sort=False)[["accuracy", *columns]].mean()
    tasks = pooled.groupby(["suite", "task"], sort=False)
    low, high = stats.mean_interval(*(list(getattr(tasks["accuracy"], name)()) for name in ("mean", "size", "var")))
    ends = {
        f"{name}_{end}": value
        for name in columns
        for end, value in stats.normal_interval(*(list(getattr(tasks[name], of)()) for of in ("mean", "size", "var")))
        ._asdict()
        .items()
    }
    names = {
        **ends,
        "decoder": chosen.name,
        "by_first": chosen.by_first,
        "by_second": chosen.by_second,
        "low": low,
        "high": high,
    }
    return {**names, **{str(key): float(value) for key, value in tasks.mean().mean().items()}}
