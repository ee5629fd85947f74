"""Splits a loss of accuracy into three parts: due to independent draws, due to the decoder, due to the model.

An exact model computes the exact marginals of the right answers instead of learning them. Let `best_after_draw` be the line
after the draw (`analysis.bounds`) for the numbers of forwards that the exact model took, `exact` its accuracy, and `measured`
the accuracy of the learned model under the same decoder. Then

    1 - measured = (1 - best_after_draw) + (best_after_draw - exact) + (exact - measured)
                   independent draws       the decoder                 the model

Each term is a mean over samples, and none is cut off at 0. The second is negative where a decoder is above the line (joint
draws, remasking, several rows, a tie-break that is the same at all positions, or chance), the third where a learned model is
above its exact model (`analysis.above` tests both).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from parallelbench.analysis.bounds import after_draw, at, before_draw, reachable
from parallelbench.analysis.frame import as_rows

KEYS = ["suite", "task", "decoder"]
LAW = ["law", "law_n", "must_differ"]
COLUMNS = [
    "model", "exact_model", *KEYS, "series", "setting", "measured", "exact", "best_before_draw", "best_after_draw",
    "after_draw_is", "of_draws", "of_decoder", "of_model",
]  # fmt: skip
BEST = [*KEYS, "best_before_draw", "best_after_draw", "after_draw_is"]


def split(frame: pd.DataFrame, points: pd.DataFrame) -> pd.DataFrame:
    """Return one row per learned model, task and decoder that the exact model of the same tokenizer also ran.

    Args:
        frame: one row per sample (`frame.samples`).
        points: one row per model, task and decoder (`frame.points`).

    `best_before_draw` is None where it is unknown. `after_draw_is` is "value" or "bound" (`best_within`).
    """
    rows: list[dict[str, Any]] = []
    for _, learned in points[~points["exact"].astype(bool)].groupby("model", sort=False):
        ceiling = ceiling_of(points, str(learned["tokenizer"].iloc[0]))
        if ceiling is None:
            continue
        exact = points[points["model"] == ceiling].drop_duplicates(KEYS)
        best = best_within(frame[frame["model"] == ceiling])
        both = learned.merge(exact[[*KEYS, "accuracy"]], on=KEYS, suffixes=("", "_exact")).merge(best, on=KEYS)
        rows += [_parts({**row, "exact_model": ceiling}) for row in both.to_dict("records")]
    return pd.DataFrame(rows, columns=COLUMNS)


def ceiling_of(points: pd.DataFrame, tokenizer: str) -> str | None:
    """Return the exact model of the same tokenizer, which is the ceiling of a learned model; None where it did not run.

    An empty `tokenizer` means that each list item is one token.
    """
    ran = points[points["exact"].astype(bool) & (points["tokenizer"] == tokenizer)]
    return str(ran["model"].iloc[0]) if len(ran) else None


def best_within(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the lines for each task and decoder of an exact model's samples, as means over samples.

    `best_before_draw` is the line within as many forwards as each sample took. `best_after_draw` also bounds decoders whose
    number of forwards depends on their draws (`bounds.reachable`); `after_draw_is` is "bound" for these and wherever the line
    itself is only bounded from above, else "value".
    """
    rows = []
    for key, part in frame.dropna(subset=["law"]).groupby(KEYS, sort=False):
        groups = [_best_of_law(law, group["nfe"].astype(int).tolist()) for law, group in _by_law(part)]
        weights = part.groupby(LAW, sort=False).size() / len(part)
        before, after, exact = zip(*groups, strict=True)
        row = {
            "best_before_draw": None if None in before else sum(w * b for w, b in zip(weights, before, strict=True)),
            "best_after_draw": float(sum(w * a for w, a in zip(weights, after, strict=True))),
            "after_draw_is": "value" if all(exact) else "bound",
        }
        rows.append({**dict(zip(KEYS, key, strict=True)), **row})
    table = pd.DataFrame(rows, columns=BEST)
    return table.assign(best_before_draw=table["best_before_draw"].astype(float))


def _by_law(part: pd.DataFrame) -> Iterator[tuple[tuple[Any, ...], pd.DataFrame]]:
    return ((tuple(law), group) for law, group in part.groupby(LAW, sort=False))


def _best_of_law(law: tuple[Any, ...], forwards: Sequence[int]) -> tuple[float | None, float, bool]:
    """The two lines of one law for these numbers of forwards, and whether the second is the exact value."""
    shape = str(law[0]), int(law[1]), bool(law[2])
    known = [at(before_draw(*shape), number) for number in forwards]
    values, exact = after_draw(*shape)
    fixed = len(set(forwards)) == 1 and min(forwards[0], len(values)) <= exact
    before = None if None in known else sum(value for value in known if value is not None) / len(known)
    return before, reachable(values, forwards), fixed or values[0] == 1.0


def _parts(row: dict[Any, Any]) -> dict[str, Any]:
    after, exact, measured = row["best_after_draw"], row["accuracy_exact"], row["accuracy"]
    return {
        **{name: row[name] for name in ("model", "exact_model", *KEYS, "series", "setting")},
        "measured": measured,
        "exact": exact,
        **{name: row[name] for name in ("best_before_draw", "best_after_draw", "after_draw_is")},
        "of_draws": 1.0 - after,
        "of_decoder": after - exact,
        "of_model": exact - measured,
    }


def lines_of_cells(frame: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Return the lines of each exact model's cell whose samples have a law, by the cell's id: the columns of `best_within`."""
    exact = frame[frame["exact"].astype(bool)]
    return {
        str(cell): {key: None if pd.isna(row[key]) else row[key] for key in BEST if key not in KEYS}
        for cell, part in exact.groupby("cell", sort=False)
        for row in as_rows(best_within(part))
    }
