"""Reads how much energy the machine says that it used: counters of processors (RAPL, by powercap) and of a GPU (NVML).

Both count everything that runs on the processor or the GPU, other programs included. Most machines let only their
administrator read the counters of the processor. NVML needs the package nvidia-ml-py (`pip install 'parallelbench[energy]'`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple, Protocol

POWERCAP = Path("/sys/class/powercap")
MOST_DOMAINS = 64
LONGEST = 64
"""How many domains of RAPL are looked at, and bytes of a file that are read."""
DOMAIN = re.compile(r"intel-rapl:\d{1,3}(:\d{1,3})?")
"""RAPL's domains, on AMD too; `intel-rapl-mmio` counts the same energy again."""
NAME = re.compile(r"package-\d{1,3}|dram")
"""A package counts its cores too; `psys` counts the packages once more."""


class Counter(Protocol):
    """Counts energy from an unknown start."""

    @property
    def name(self) -> str:
        """What it counts: "package-0", "dram", "gpu"."""

    def joules(self) -> float | None:
        """The energy that is counted so far; None where it cannot be read."""

    def since(self, before: float, now: float) -> float | None:
        """The energy between two readings; None where it is unknown."""


class Rapl(NamedTuple):
    """One domain of RAPL: `folder` holds `energy_uj`, which begins at 0 again above `range_joules` (None: unknown)."""

    name: str
    folder: Path
    range_joules: float | None

    def joules(self) -> float | None:
        return _micro(self.folder / "energy_uj")

    def since(self, before: float, now: float) -> float | None:
        if now >= before:
            return now - before
        return None if self.range_joules is None else now + self.range_joules - before


class Nvml(NamedTuple):
    """A GPU, by its handle in `pynvml`; it counts millijoules since the driver was loaded."""

    name: str
    library: Any
    handle: Any

    def joules(self) -> float | None:
        try:
            return float(self.library.nvmlDeviceGetTotalEnergyConsumption(self.handle)) / 1000.0
        except self.library.NVMLError:
            return None

    def since(self, before: float, now: float) -> float | None:
        return now - before if now >= before else None


def rapl_counters(folder: Path = POWERCAP) -> list[Counter]:
    """The counters of this machine's processors and of their memory; none where there are none, or one cannot be read."""
    try:
        names = sorted(path.name for path in folder.iterdir() if DOMAIN.fullmatch(path.name))[:MOST_DOMAINS]
    except OSError:
        return []
    found: list[Counter] = []
    for path in (folder / name for name in names):
        name = _read(path / "name")
        if name is not None and NAME.fullmatch(name):
            found.append(Rapl(name, path, _micro(path / "max_energy_range_uj")))
    return found if all(one.joules() is not None for one in found) else []


def nvml_counters(uuid: str) -> list[Counter]:
    """The counter of the GPU with this UUID; none without nvidia-ml-py, and for a GPU that does not count."""
    try:
        library = import_module("pynvml")
    except ImportError:
        return []
    try:
        library.nvmlInit()
        one = Nvml("gpu", library, library.nvmlDeviceGetHandleByUUID(f"GPU-{uuid.removeprefix('GPU-')}"))
    except library.NVMLError:
        return []
    return [] if one.joules() is None else [one]


class EnergyMeter:
    """Adds up the energy of some counters from its making on; it must be read more often than the counters begin anew."""

    def __init__(self, counters: Sequence[Counter]) -> None:
        self.names = tuple(one.name for one in counters)
        self._counters, self._last, self._sum = counters, [one.joules() for one in counters], 0.0
        self._known = bool(counters)

    def read(self) -> float | None:
        """The joules so far; None without counters, and after one could not be read."""
        now = [one.joules() for one in self._counters]
        for counter, before, after in zip(self._counters, self._last, now, strict=True):
            used = None if before is None or after is None else counter.since(before, after)
            self._known = self._known and used is not None
            self._sum += used or 0.0
        self._last = now
        return self._sum if self._known else None


def _micro(path: Path) -> float | None:
    """A file that holds a number of microjoules, in joules."""
    text = _read(path)
    return int(text) / 1e6 if text is not None and text.isascii() and text.isdigit() and len(text) < 20 else None


def _read(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return file.read(LONGEST).decode("ascii", "replace").strip()
    except OSError:
        return None
