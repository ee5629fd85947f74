"""Measures what decoding a cell takes of the machine: the most memory at once, and energy where the machine counts it."""

from __future__ import annotations

import re
import time
from pathlib import Path

from parallelbench.experiments.energy import POWERCAP, Counter, EnergyMeter, nvml_counters, rapl_counters
from parallelbench.runs.cell_files import Usage

PROCESS = Path("/proc/self")
RESET_PEAK = b"5"
"""What Linux reads from `clear_refs` as "forget the largest resident size so far"."""
LONGEST = 1 << 16
EVERY = 10.0
"""Seconds between two readings of the counters of energy, some of which begin anew after minutes."""
_PEAK = re.compile(rb"^VmHWM:\s+([0-9]{1,15}) kB$", re.MULTILINE)


class Meter:
    """Measures one cell at a time in this process.

    Memory is that of the GPU on which the model runs, as PyTorch counts it, else the resident size of this process, of which
    only Linux lets the peak begin anew. A model that runs elsewhere has no readings.

    Args:
        process: the folder of this process in /proc.
        powercap: the folder of the counters of the processors.
    """

    def __init__(self, process: Path = PROCESS, powercap: Path = POWERCAP) -> None:
        self._process, self._powercap = process, powercap
        self._device = ""
        self._peak_known = False
        self._energy = EnergyMeter(())
        self._read_at = 0.0

    def start(self, device: str) -> None:
        """Begin with a cell of which the model runs on `device`."""
        self._device = device
        counters: list[Counter] = []
        if device.startswith("cuda"):
            import torch

            torch.cuda.reset_peak_memory_stats(device)
            uuid = getattr(torch.cuda.get_device_properties(device), "uuid", None)
            counters = [] if uuid is None else nvml_counters(str(uuid))
        elif device == "cpu":
            self._peak_known = self._reset_peak()
            counters = rapl_counters(self._powercap)
        self._energy, self._read_at = EnergyMeter(counters), time.monotonic()

    def sample_done(self) -> None:
        """Read the counters of energy if the last time is some seconds ago."""
        if time.monotonic() - self._read_at >= EVERY:
            self._energy.read()
            self._read_at = time.monotonic()

    def stop(self) -> Usage:
        """What was used since `start`."""
        joules = self._energy.read()
        return Usage(self._peak(), joules, () if joules is None else self._energy.names)

    def _peak(self) -> int | None:
        """Bytes."""
        if self._device.startswith("cuda"):
            import torch

            return int(torch.cuda.max_memory_allocated(self._device))
        if self._device != "cpu" or not self._peak_known:
            return None
        try:
            with (self._process / "status").open("rb") as file:
                found = _PEAK.search(file.read(LONGEST))
        except OSError:
            return None
        return None if found is None else 1024 * int(found[1])

    def _reset_peak(self) -> bool:
        try:
            with (self._process / "clear_refs").open("r+b", buffering=0) as file:
                file.write(RESET_PEAK)
        except OSError:
            return False
        return True
