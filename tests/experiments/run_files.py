"""Runs of the fake model for tests of what is on disk, in this process and in others that can be killed."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from functools import cache
from pathlib import Path

import fake_model

from children import Child, limited, script
from parallelbench import run
from stored_records import lines

SCRIPT = Path(fake_model.__file__)
TASKS = ["waiting_line/copy:lengths=[3]", "waiting_line/shuffle:lengths=[3]"]
DECODERS = ["confidence:k=4", "random:k=8"]


def start(out: Path, *more: str, delay: float = 0.004, file_size: int | None = None) -> Child:
    """Start a run of 48 samples in another process."""
    arguments = ["run", "--json", "-m", f"fake:delay={delay}", "--limit", "12", "--batch-size", "3", "-o", str(out)]
    arguments += [f"-t{task}" for task in TASKS] + [f"-d{decoder}" for decoder in DECODERS] + list(more)
    if file_size is not None:
        return Child(limited, file_size, script, SCRIPT, *arguments)
    return Child(script, SCRIPT, *arguments)


def wait_for_lines(process: Child, out: Path, count: int) -> None:
    while process.running and lines(out) < count:
        time.sleep(0.002)


def finished(tmp_path: Path, limit: int = 4) -> tuple[Path, Path]:
    """A finished run of one cell, and its records: a copy of one that is made once."""
    out = Path(shutil.copytree(_finished(limit), tmp_path / "out"))
    return out, next(out.glob("cells/*/records.jsonl"))


@cache
def _finished(limit: int) -> Path:
    out = Path(tempfile.mkdtemp(dir=os.environ["PARALLELBENCH_CACHE_DIR"])) / "out"  # removed when the tests end
    run("fake", TASKS[0], DECODERS[0], limit=limit, out=out)
    return out
