"""Whose is the loss: unavoidable, the decoder's, or the model's.

With best = the best accuracy within the same number of forwards (`ceiling`), exact = the exact model under the same decoder,
measured = the model under it:

    1 - measured = (1 - best) + (best - exact) + (exact - measured)
                    unavoidable   decoder's        model's

Each is a mean over samples. The parts can be negative within their error: two of the three are measured.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from parallelbench.analysis.ceiling import best_accuracy

EXACT = "exact"
KEYS = ["suite", "task", "decoder"]
COLUMNS = ["model", *KEYS, "series", "setting", "measured", "exact", "best", "unavoidable", "of_decoder", "of_model"]


def is_exact(model: str) -> bool:
    """True for the label of an exact model."""
    return model.partition("@")[0] == EXACT


def split(frame: pd.DataFrame, points: pd.DataFrame) -> pd.DataFrame:
    """Return one row per learned model, task and decoder that an exact model also ran.

    Args:
        frame: one row per sample (`frame.samples`).
        points: one row per model, task and decoder (`frame.points`).

    `best` is None where the law is too large to solve; then so is `unavoidable`, and `of_decoder` is 1 - exact.
    """
    ceilings = points[points["model"].map(is_exact)].drop_duplicates(KEYS)
    best = _best(frame[frame["model"].map(is_exact)])
    learned = points[~points["model"].map(is_exact)]
    both = learned.merge(ceilings[[*KEYS, "score"]], on=KEYS, suffixes=("", "_exact")).merge(best, on=KEYS, how="left")
    return pd.DataFrame([_parts(row) for row in both.to_dict("records")], columns=COLUMNS)


def best_curve(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return, task by task, the best accuracy for each number of forwards, as points of accuracy against tokens per step.

    `frame` holds an exact model's samples. Forwards for which a sample's best accuracy is unknown are left out.
    """
    rows = []
    samples = frame.dropna(subset=["law"]).drop_duplicates(["suite", "task", "sample_id"])
    for (_, task), part in samples.groupby(["suite", "task"], sort=False):
        free = part["tokens_per_step"] * part["nfe"]
        laws = list(zip(part["law"], part["law_n"], part["must_differ"], strict=True))
        for forwards in range(1, round(free.max()) + 1):
            best = [best_accuracy(name, int(n), bool(must_differ), forwards) for name, n, must_differ in laws]
            known = [value for value in best if value is not None]
            if len(known) == len(best):
                speed = {"nfe": forwards, "tokens_per_step": free.mean() / forwards}
                rows.append({"task": task, **speed, "score": sum(known) / len(known)})
    return rows


def _best(frame: pd.DataFrame) -> pd.DataFrame:
    """The mean of the best accuracies at the exact model's own numbers of forwards; NaN where one is unknown."""
    rows = [
        {
            **{key: row[key] for key in KEYS},
            "best": best_accuracy(row["law"], row["law_n"], row["must_differ"], int(row["nfe"])),
        }
        for row in frame.dropna(subset=["law"]).to_dict("records")
    ]
    table = pd.DataFrame(rows, columns=[*KEYS, "best"])
    table["best"] = table["best"].astype(float)
    return table.groupby(KEYS, sort=False)["best"].agg(lambda values: values.mean(skipna=False)).reset_index()


def _parts(row: dict[Any, Any]) -> dict[str, Any]:
    known = None if pd.isna(row["best"]) else float(row["best"])
    top = 1.0 if known is None else known
    return {
        **{name: row[name] for name in ("model", *KEYS, "series", "setting")},
        "measured": row["score"],
        "exact": row["score_exact"],
        "best": known,
        "unavoidable": None if known is None else 1.0 - known,
        "of_decoder": top - row["score_exact"],
        "of_model": row["score_exact"] - row["score"],
    }
