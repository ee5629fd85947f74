"""CPU seconds of this process and of all below it, by what they are: driver, workers, and the other processes of Ray."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
WORKER = "ray::RemoteWorker"


def cpu_seconds(root: int | None = None) -> Counter[str]:
    """User and system seconds since the start of each process (Linux only; empty elsewhere).

    Names: `driver` is the process `root` (None: this one), `worker PID` one that decodes, `ray PROGRAM` any other.
    """
    root = root or os.getpid()
    parents, names, seconds = dict[int, int](), dict[int, str](), dict[int, float]()
    for path in Path("/proc").glob("[0-9]*"):
        try:
            fields = (path / "stat").read_text().rpartition(")")[2].split()
            name = (path / "cmdline").read_bytes().split(b"\0")[:3]
        except OSError:
            continue  # it has ended
        pid = int(path.name)
        parents[pid], seconds[pid] = int(fields[1]), (int(fields[11]) + int(fields[12])) / TICKS
        names[pid] = _name(pid, [part.decode(errors="replace") for part in name])
    below, found = {root}, Counter({"driver": seconds.get(root, 0.0)})
    while below := {pid for pid, parent in parents.items() if parent in below}:
        for pid in below:
            found[names[pid]] += seconds[pid]
    return found


def _name(pid: int, command: list[str]) -> str:
    if command[0].startswith(WORKER):
        return f"worker {pid}"
    program = next((part for part in reversed(command) if part and not part.startswith("-")), "")
    return f"ray {Path(program.split()[0]).stem}" if program else "ray"


def between(first: Mapping[str, float], last: Mapping[str, float]) -> dict[str, float]:
    """The seconds of each name between two readings, the largest first."""
    spent = {name: round(seconds - first.get(name, 0.0), 2) for name, seconds in last.items()}
    return dict(sorted(spent.items(), key=lambda item: -item[1]))
