"""Which of our settings each recorded decode is compared with, and the prompts that are known to differ, with the reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Record = dict[str, Any]


def as_recorded(record: Record) -> str:
    """The setting that the recording names."""
    return str(record["ours"])


def authors(record: Record) -> str:
    """The setting that the recording names, with the authors' rule."""
    return f"{record['ours']},compat=authors"


SPECS: dict[str, Callable[[Record], str]] = {
    "apd": as_recorded,
    "core": as_recorded,
    "credit": as_recorded,
    "eb_sampler": as_recorded,
    "hierarchical": as_recorded,
    "joint_edit": as_recorded,
    "local_leap": as_recorded,
    "remdm": as_recorded,
    "threshold": as_recorded,
    "wino": authors,
}
"""By file. A file without an entry is compared in no test, and `test_every_recorded_file_is_compared` says so."""

OPEN = (
    "dus", "factor", "freedave", "klass", "lopa", "p2", "pc_sampler", "prophet", "rcr", "saber", "sched", "slowfast", "t2m",
)  # fmt: skip
"""Files that are not compared yet."""

KNOWN: dict[tuple[str, int], dict[int, str]] = {}
"""Prompts that differ: {(file, case): {prompt: reason}}. Each must still differ, so that no reason outlives its cause."""
