"""A Ray for tests, its worker processes, and the records of a run in a form that can be compared."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pytest

from parallelbench.experiments.progress import Silent
from parallelbench.runs.cell import Cell
from parallelbench.runs.records import Record

TASKS = ["waiting_line/copy:lengths=[3]", "waiting_line/shuffle:lengths=[3]"]
DECODERS = ["confidence:k=4", "random:k=8"]
LIMIT = 24
BUSY = pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")
"""On a busy machine Ray takes longer to start than it waits, and its first attempt loses the handles of its processes."""


def free_port() -> int:
    """A port that nothing listens at."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def descendants(pid: int) -> dict[int, str]:
    """The processes below another, each with the first part of its command line."""
    parents, names = {}, {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(path.name)] = int((path / "stat").read_text().rpartition(")")[2].split()[1])
            names[int(path.name)] = (path / "cmdline").read_bytes().partition(b"\0")[0].decode()
        except (OSError, ValueError):
            continue
    found, below = {}, {pid}
    while below:
        below = {child for child, parent in parents.items() if parent in below}
        found |= {child: names.get(child, "") for child in below}
    return found


def workers(pid: int | None = None) -> list[int]:
    """The processes of actors that decode, below this process or another."""
    return sorted(child for child, name in descendants(pid or os.getpid()).items() if name.startswith("ray::RemoteWorker"))


class At(Silent):
    """Calls functions when so many samples of a run are on disk."""

    def __init__(self, **moments: Any) -> None:
        self.done, self.notes = 0, list[str]()
        self._moments = {int(name.removeprefix("sample_")): function for name, function in moments.items()}

    def sample_done(self, cell: Cell, record: Record) -> None:
        self.done += 1
        if self.done in self._moments:
            self._moments[self.done]()

    def note(self, text: str) -> None:
        self.notes.append(text)
