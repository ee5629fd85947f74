"""The tables of a report with the accuracy and the costs of every setting, each number with its interval."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from parallelbench.analysis.frame import as_rows
from parallelbench.analysis.resources import resources
from parallelbench.analysis.usage import SettingUsage, usage_by_setting
from parallelbench.report.data import ReportData
from parallelbench.report.tables import Cell, Table, percent

NO_INTERVAL, NO_READING = "no interval", "no reading"
NO_MEMORY = "the cells ran on several machines, elsewhere, before it was measured, or where the peak cannot be read"
NO_JOULES = "the machine has no counter of energy that this user may read, or a cell ran without it"
SPEED = (("tokens_per_step", "tokens / step"), ("content_tokens_per_forward", "content tokens / forward"), ("nfe", "forwards"))
PAID = (("rows", "rows"), ("seconds", "seconds"), ("flops", "FLOPs"), ("tokens_per_second", "content tokens / second"))
MACHINE = ("peak memory", "joules", "batch size")
SIZES = ((1e12, "T"), (1e9, "G"), (1e6, "M"))
NARROW = "\N{NO-BREAK SPACE}"


def cost_tables(data: ReportData) -> list[Table]:
    """Accuracy and speed of every setting, and what it costs on the machine of the run; means over tasks."""
    rows = as_rows(resources(data.samples, data.overall))
    if not rows:
        return []
    flagged = any(row["flagged"] > 0 for row in rows)  # some sample reached the limit of forwards, or a server ended it early
    used = usage_by_setting(data.run, data.cells)
    families = data.families
    speed, paid = [], []
    for row in rows:
        named = f"{row['model']} · {row['decoder']}" if len(data.models) > 1 else row["decoder"]
        name = Cell(named, family=families[row["decoder"]])
        accuracy = f"{percent(row['accuracy'])} {_within(100 * row['low'], 100 * row['high'], '{:.1f}')}"
        cut = [Cell(f"{percent(row['flagged'])} %", right=True)] if flagged else []
        speed.append([name, Cell(accuracy, row["accuracy"], right=True), *(_cost(row, key) for key, _ in SPEED), *cut])
        paid.append([name, *(_cost(row, key) for key, _ in PAID), *_machine(used[row["model"], row["decoder"]])])
    means = "mean over tasks, with 95 % intervals over samples"
    header = ["decoder", "accuracy, %", *(title for _, title in SPEED), *(["cut short"] if flagged else [])]
    return [
        Table(f"Accuracy and speed, {means}", header, speed),
        Table(_caption(means, used.values()), ["decoder", *(title for _, title in PAID), *MACHINE], paid),
    ]


def _caption(means: str, used: Iterable[SettingUsage]) -> str:
    """What the second table shows, and of what its joules are."""
    counted = dict.fromkeys(name for one in used for name in one.counted)
    joules = f"; joules are of {', '.join(counted)}, with all that ran there" if counted else ""
    return (
        f"Resources of a sample, {means}. Seconds, FLOPs, memory and joules are those of this machine and this batch size. "
        f"Peak memory is the most that a cell took at once, on a CPU by the whole process with weights and libraries{joules}"
    )


def _machine(used: SettingUsage) -> list[Cell]:
    """Peak memory, joules and batch size."""
    peak = Cell(NO_READING, note=NO_MEMORY, right=True)
    if used.peak_memory is not None:
        peak = Cell(f"{used.peak_memory / 2**30:.2f}{NARROW}GiB", note="a maximum, so without an interval", right=True)
    joules = Cell(NO_READING, note=NO_JOULES, right=True)
    if used.joules is not None:
        joules = Cell(f"{used.joules:.3g}{NARROW}J", note="counted for whole cells, so without an interval", right=True)
    return [peak, joules, Cell(", ".join(used.batch_sizes), right=True)]


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
