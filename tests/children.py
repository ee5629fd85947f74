"""Processes that run a function, forked from one that has imported the package: they start in a moment, not in seconds.

They are processes like any other: they can be killed, interrupted and limited, and end with an exit code. Only what happens
while the package is imported cannot be seen in them; tests of that start Python anew.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import runpy
import signal
import sys
import tempfile
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(
    [
        "pytest",
        "parallelbench.api",
        "parallelbench.experiments.executors.local",
        "parallelbench.models.native",
        "parallelbench.report",
    ]
)


class Done(NamedTuple):
    """How a process ended, and what it printed."""

    returncode: int
    stdout: str
    stderr: str


class Child:
    """A process that runs `function(*arguments)` in the folder `cwd`."""

    def __init__(self, function: Callable[..., Any], *arguments: Any, cwd: Path | None = None) -> None:
        self._output = tempfile.TemporaryDirectory(prefix="parallelbench-child-")
        files = [Path(self._output.name, name) for name in ("stdout", "stderr")]
        self._files = files
        for file in files:  # also for a process that is killed before it opens them
            file.touch()
        folder = str(cwd or Path.cwd())
        self.process = CONTEXT.Process(target=_main, args=(function, arguments, [str(file) for file in files], folder))
        self.process.start()

    @property
    def running(self) -> bool:
        return self.process.is_alive()

    def send(self, which: signal.Signals) -> None:
        """Send a signal."""
        assert self.process.pid is not None
        os.kill(self.process.pid, which)

    def wait(self, seconds: float = 120) -> Done:
        """Wait for the end; a process that has not ended by then is killed."""
        self.process.join(seconds)
        if self.process.exitcode is None:
            self.process.kill()
            self.process.join()
        stdout, stderr = (file.read_text(encoding="utf-8") for file in self._files)
        self._output.cleanup()
        return Done(int(self.process.exitcode or 0), stdout, stderr)


def script(path: Path, *arguments: str) -> None:
    """Run a file as `python path arguments` does."""
    sys.argv[:] = [str(path), *arguments]
    sys.path.insert(0, str(path.parent))
    runpy.run_path(str(path), run_name="__main__")


def command(*arguments: str) -> None:
    """Run `python -m parallelbench` with these arguments."""
    from parallelbench.cli import main

    sys.argv[:] = ["parallelbench", *arguments]
    sys.exit(main())


def strict(function: Callable[..., Any], *arguments: Any) -> None:
    """Call a function where every warning is an error."""
    warnings.simplefilter("error")
    function(*arguments)


def limited(file_size: int, function: Callable[..., Any], *arguments: Any) -> None:
    """Call a function where no file can grow beyond so many bytes."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (file_size, file_size))
    function(*arguments)


def _main(function: Callable[..., Any], arguments: Sequence[Any], files: Sequence[str], folder: str) -> None:
    for number, name in enumerate(files, 1):
        target = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(target, number)
        os.close(target)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where the tests run in the background
    os.chdir(folder)
    function(*arguments)
