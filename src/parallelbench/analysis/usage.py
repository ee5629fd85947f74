"""What each setting took of the machine: peak memory and joules, from the sessions of its cells."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import pandas as pd

from parallelbench.runs.cell_files import Session
from parallelbench.runs.folder import StoredRun


class SettingUsage(NamedTuple):
    """What one model with one decoder took; None where a session has no reading.

    Attributes:
        batch_sizes: those at which its cells ran.
        peak_memory: the most bytes at once, over all its cells.
        joules: of a sample, the mean over tasks.
        counted: what the joules are of ("gpu", "package-0", "dram").
    """

    batch_sizes: tuple[str, ...]
    peak_memory: int | None
    joules: float | None
    counted: tuple[str, ...]


def usage_by_setting(run: StoredRun, cells: pd.DataFrame) -> dict[tuple[str, str], SettingUsage]:
    """Return the usage by model and decoder.

    Args:
        run: the stored run.
        cells: the table of its cells (`frame.cells`).
    """
    names = {
        cell: (model, decoder) for cell, model, decoder in zip(cells["cell"], cells["model"], cells["decoder"], strict=True)
    }
    found: dict[tuple[str, str], dict[str, list[Session]]] = {}
    for stored in run.cells:
        if stored.id in names:
            task = f"{stored.cell.suite}/{stored.cell.task_spec}"
            found.setdefault(names[stored.id], {}).setdefault(task, []).extend(stored.sessions)
    return {key: _usage(by_task) for key, by_task in found.items()}


def _usage(by_task: dict[str, list[Session]]) -> SettingUsage:
    sessions = [one for task in by_task.values() for one in task]
    peaks = [one.usage.peak_memory for one in sessions]
    known = [peak for peak in peaks if peak is not None]
    energies = [_joules_of_sample(task) for task in by_task.values()]
    counted = tuple(dict.fromkeys(name for one in sessions for name in one.usage.counted))
    measured = [energy for energy in energies if energy is not None]
    return SettingUsage(
        batch_sizes=tuple(dict.fromkeys(str(one.batch_size) for one in sessions)),
        peak_memory=max(known) if known and len(known) == len(peaks) else None,
        joules=sum(measured) / len(measured) if measured and len(measured) == len(energies) else None,
        counted=counted,
    )


def _joules_of_sample(sessions: Iterable[Session]) -> float | None:
    """The energy of a sample of one task; None where a session that decoded any has no reading."""
    joules, samples = 0.0, 0
    for one in sessions:
        if one.usage.joules is None:
            return None
        joules, samples = joules + one.usage.joules, samples + one.samples
    return joules / samples if samples else None
