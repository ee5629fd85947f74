"""The tables of a report with the accuracy and the costs of every setting, each number with its interval."""

from __future__ import annotations

from typing import Any

from parallelbench.analysis.frame import as_rows
from parallelbench.analysis.resources import resources
from parallelbench.report.data import ReportData
from parallelbench.report.tables import Cell, Table, percent

NO_INTERVAL = "no interval"
SPEED = (("tokens_per_step", "tokens / step"), ("content_tokens_per_forward", "content tokens / forward"), ("nfe", "forwards"))
PAID = (("rows", "rows"), ("seconds", "seconds"), ("flops", "FLOPs"), ("tokens_per_second", "content tokens / second"))
SIZES = ((1e12, "T"), (1e9, "G"), (1e6, "M"))
NARROW = "\N{NO-BREAK SPACE}"


def cost_tables(data: ReportData) -> list[Table]:
    """Accuracy and speed of every setting, and what it costs on the machine of the run; means over tasks."""
    rows = as_rows(resources(data.samples, data.overall))
    if not rows:
        return []
    flagged = any(row["flagged"] > 0 for row in rows)  # some sample reached the limit of forwards, or a server ended it early
    batches = _batches(data)
    speed, paid = [], []
    for row in rows:
        name = Cell(f"{row['model']} · {row['decoder']}" if len(data.models) > 1 else row["decoder"])
        accuracy = f"{percent(row['accuracy'])} {_within(100 * row['low'], 100 * row['high'], '{:.1f}')}"
        cut = [Cell(f"{percent(row['flagged'])} %", right=True)] if flagged else []
        speed.append([name, Cell(accuracy, row["accuracy"], right=True), *(_cost(row, key) for key, _ in SPEED), *cut])
        paid.append([name, *(_cost(row, key) for key, _ in PAID), Cell(batches.get((row["model"], row["decoder"]), ""))])
    means = "mean over tasks, with 95 % intervals over samples"
    header = ["decoder", "accuracy, %", *(title for _, title in SPEED), *(["cut short"] if flagged else [])]
    caption = (
        f"Resources of a sample, {means}. Seconds and FLOPs are those of this machine and this batch size; peak memory and "
        "energy are not recorded"
    )
    return [
        Table(f"Accuracy and speed, {means}", header, speed),
        Table(caption, ["decoder", *(title for _, title in PAID), "batch size"], paid),
    ]


def _batches(data: ReportData) -> dict[tuple[str, str], str]:
    """The batch sizes at which the cells of a model and decoder ran."""
    names = {row["cell"]: (row["model"], row["decoder"]) for row in as_rows(data.cells)}
    found: dict[tuple[str, str], dict[str, None]] = {}
    for stored in data.run.cells:
        if stored.id in names:
            found.setdefault(names[stored.id], {}).update(dict.fromkeys(str(one.batch_size) for one in stored.sessions))
    return {key: ", ".join(sizes) for key, sizes in found.items()}


def _cost(row: dict[str, Any], key: str) -> Cell:
    """A cost with its interval, or "unknown"."""
    value = row[key]
    if value != value:
        return Cell("unknown", note="it was not recorded, or not of every task", right=True)
    form = "{:.3g}" if key in ("seconds", "flops") else "{:.0f}" if key == "tokens_per_second" else "{:.2f}"
    size, letter = next(((size, letter) for size, letter in SIZES if key == "flops" and value >= size), (1.0, ""))
    ends = _within(row[f"{key}_low"] / size, row[f"{key}_high"] / size, form)
    return Cell(f"{form.format(value / size)}{NARROW}{letter} {ends}" if letter else f"{form.format(value)} {ends}", right=True)


def _within(low: float, high: float, form: str) -> str:
    if low != low or high != high:
        return f"({NO_INTERVAL}: one sample a task)".replace(" ", NARROW)
    return f"[{form.format(low)},{NARROW}{form.format(high)}]"
