"""A separate program that answers one line of JSON with one line of JSON, with a limit of time on every answer.

Work on text from outside without a known limit of time or memory (templates, symbolic algebra) is done there. The program
prints the line "ready" when it can take work; it limits its own memory.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
import threading
import weakref
from collections.abc import Iterator, Mapping
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import IO, Any

START_SECONDS = 120.0
"""For starting Python and importing a large library, on a busy machine too."""


class WorkerFault(Exception):
    """The program gave no answer: it ended, or took too long. The next request starts it anew."""


class Worker:
    """One such program; it is started by the first request and ended with this object.

    Args:
        script: the file of the program.
        seconds: how long one answer may take.
    """

    def __init__(self, script: Path, seconds: float) -> None:
        self._script, self._seconds = script, seconds
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._lines: SimpleQueue[str] = SimpleQueue()
        self._errors: IO[str] | None = None

    def request(self, job: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the program answers to a job.

        Raises:
            WorkerFault: it gave no answer; the message is its last line on standard error, or how it ended.
        """
        with self._lock, self._ended_if_interrupted():
            process = self._started()
            try:
                assert process.stdin is not None
                process.stdin.write(json.dumps(job) + "\n")
                process.stdin.flush()
            except OSError as error:
                raise self._failure() from error
            reply: dict[str, Any] = json.loads(self._line(self._seconds))
        return reply

    @contextlib.contextmanager
    def _ended_if_interrupted(self) -> Iterator[None]:
        """End the process unless its reply was read: else an interrupted request would leave it to the next request."""
        done = False
        try:
            yield
            done = True
        finally:
            if not done:
                self._failure()

    def _started(self) -> subprocess.Popen[str]:
        if self._process is not None:
            return self._process
        self._errors = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115 - closed by `_end`
        process = subprocess.Popen(
            [sys.executable, "-P", str(self._script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            encoding="utf-8",
        )
        self._process, self._lines = process, SimpleQueue()
        threading.Thread(target=_read, args=(process, self._lines), daemon=True, name=self._script.stem).start()
        weakref.finalize(self, _end, process, self._errors)
        self._line(START_SECONDS)
        return process

    def _line(self, seconds: float) -> str:
        try:
            line = self._lines.get(timeout=seconds)
        except Empty as error:
            raise self._failure(f"it takes longer than {seconds:g} s") from error
        if not line:
            raise self._failure()
        return line

    def _failure(self, reason: str = "") -> WorkerFault:
        """End the process and say why."""
        process, errors = self._process, self._errors
        self._process = None
        if process is not None and errors is not None:
            process.kill()
            process.wait()
            errors.seek(0)
            said = [line for line in errors.read(1 << 16).splitlines() if line.strip()]
            reason = reason or (said[-1] if said else f"its process ended with code {process.returncode}")
            _end(process, errors)
        return WorkerFault(reason)


def limit_memory(more: int) -> None:
    """Limit the address space of this process to `more` bytes beyond what it has now, where the system can do that."""
    try:
        import resource

        taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (taken + more, taken + more))
    except (ImportError, OSError, ValueError):
        return  # Windows and macOS: the limit of time remains


def _read(process: subprocess.Popen[str], lines: SimpleQueue[str]) -> None:
    """Hand on the lines of a process, and an empty one at its end."""
    assert process.stdout is not None
    with process.stdout as output:
        for line in output:
            lines.put(line)
    lines.put("")


def _end(process: subprocess.Popen[str], errors: IO[str]) -> None:
    process.kill()
    process.wait()
    if process.stdin is not None:
        with contextlib.suppress(OSError):  # a line that it did not read any more
            process.stdin.close()
    errors.close()
