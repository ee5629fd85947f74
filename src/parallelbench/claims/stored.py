"""What was measured for docs/claims.md, in the file docs/claims.json; and the published numbers in the same form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import pandas as pd
from pydantic import ConfigDict, TypeAdapter

from parallelbench import paper
from parallelbench.analysis import frame as tables
from parallelbench.analysis.oracle import oracles
from parallelbench.claims.evidence import Count, Evidence, Oracle
from parallelbench.claims.others import DIFFUSION
from parallelbench.runs.folder import read_run

RUNS: Mapping[str, str] = {
    "exact": "sweep claims -m exact:tokenizer=tiny",
    "tiny": "sweep claims -m tiny --limit 24",
    "texts": "sweep claims_text",
    "cache": "sweep claims_cache",
    "ar": "sweep dllm_vs_ar -m tiny-ar --limit 24",
    "bounds": "sweep paper:fig2 -m exact",
}
"""The runs that the statements need, by name: the command without `parallelbench` and `-o`."""
MODELS = {"exact": ("exact:tokenizer=tiny",), "shipped": ("tiny",), "published": DIFFUSION}


@dataclass(frozen=True, slots=True)
class Stored:
    """The figures of all runs: counts of right answers, and the oracles of threshold decoding."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")
    form: Literal["parallelbench-claims/1"]
    version: str
    samples: int
    counts: tuple[Count, ...]
    oracles: tuple[Oracle, ...]


STORED = TypeAdapter(Stored)


def measured(folder: Path, version: str) -> Stored:
    """Read the runs in `folder`, one folder of `RUNS` each.

    Raises:
        UserError: a run is missing.
        DamagedRun: a file is damaged.
    """
    counts: list[Count] = []
    found: list[Oracle] = []
    samples = 0
    for name in RUNS:
        frame = tables.samples(read_run(folder / name))
        samples += len(frame)
        counts += counts_of(frame)
        if name in ("exact", "tiny"):
            found += _oracles(frame)
    return Stored("parallelbench-claims/1", version, samples, tuple(counts), tuple(found))


def evidence(stored: Stored) -> list[Evidence]:
    """Return the evidence of each source."""
    counts = [*stored.counts, *_published()]
    return [Evidence.of(source, models, counts, stored.oracles) for source, models in MODELS.items()]


def _source(row: Mapping[str, object]) -> str:
    return "exact" if row["exact"] else "shipped"


def counts_of(frame: pd.DataFrame) -> Iterator[Count]:
    """The counts of right answers of a frame of samples (`frame.samples`) with scores of 0 and 1."""
    for row in tables.as_rows(tables.points(frame)):
        model, _, cache = str(row["model"]).partition(", ")
        setting = str(row["decoder"]) + (" prefix" if cache.startswith("prefix") else "")
        name = {"exact": MODELS["exact"][0], "tiny-text": "tiny"}.get(model, model)
        speed = None if row["tokens_per_step"] != row["tokens_per_step"] else round(float(row["tokens_per_step"]), 4)
        yield Count(_source(row), name, str(row["task"]), setting, round(row["accuracy"] * row["n"], 6), int(row["n"]), speed)


def _oracles(frame: pd.DataFrame) -> Iterator[Oracle]:
    exact = bool(frame["exact"].iloc[0])
    for row in tables.as_rows(oracles(frame)):
        keys = ("accuracy", "tokens_per_step", "fixed_tokens_per_step", "ratio", "ratio_low", "ratio_high")
        score, speed, fixed, ratio, low, high = (round(float(row[key]), 4) for key in keys)
        source = "exact" if exact else "shipped"
        yield Oracle(source, str(row["model"]), str(row["rule"]), score, speed, fixed, ratio, low, high, int(row["n"]))


def _published() -> Iterator[Count]:
    """The published accuracies as counts."""
    for row in tables.as_rows(paper.published(paper.PAPER, models=DIFFUSION)):
        yield _count(row, str(row["spec"]))
    for row in tables.as_rows(paper.figure_numbers()):
        yield _count(row, str(row["decoder"]) + (" prefix" if row["cache"] == "prefix" else ""))


def _count(row: Mapping[str, object], setting: str) -> Count:
    n = paper.samples_of(str(row["task"]))
    speed = float(str(row["tokens_per_step"]))
    return Count(
        "published", str(row["model"]), str(row["task"]), setting, float(str(row["accuracy"])) * n, n,
        None if speed != speed else speed,
    )  # fmt: skip
