"""Starts solver and judge for one program and returns the verdict."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, Literal

from parallelbench.errors import UserError
from parallelbench.sandbox.permission import check_allowed

Verdict = Literal["passed", "wrong", "raised", "timed_out", "ended", "no_code"]
LAUNCHER = Path(__file__).with_name("launch.py")
START_SECONDS = 60.0
"""For starting two interpreters on a busy machine."""
LONGEST_VERDICT = 1 << 16
USERS = 5_000
_NUMBERS = itertools.count()


@dataclass(frozen=True, slots=True)
class Limits:
    """What one program may use.

    Attributes:
        seconds: of the processor, for the program and for the tests each.
        wall_seconds: for one answer of the program, however busy the machine is.
        memory: bytes of address space of a process.
        file_bytes: the largest file that it may write.
    """

    seconds: int = 10
    wall_seconds: float = 40.0
    memory: int = 1 << 30
    file_bytes: int = 1 << 20


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a program.

    Attributes:
        verdict: "passed"; "wrong" (a test failed); "raised" (the program raised an error); "timed_out"; "ended" (its process
            ended by itself, or was ended for what it used).
        detail: the error, in at most 300 characters.
        confined: whether it ran in namespaces of its own (Linux), or with limits only.
    """

    verdict: Verdict
    detail: str = ""
    confined: bool = True


def run_program(
    program: str, tests: str, setup: str = "", names: tuple[str, ...] = (), limits: Limits | None = None
) -> Outcome:
    """Run a program against tests in confinement.

    Args:
        program: Python source that a model wrote.
        tests: Python source that asserts; names that it reads and nothing defines are the program's.
        setup: Python source that is run before the tests: imports, helpers.
        names: the program's names that replace those of `setup`.
        limits: what it may use.

    Raises:
        UserError: the user did not allow it, or the system has no processes like those of Unix.
    """
    check_allowed("this task")
    if not hasattr(os, "fork"):
        raise UserError("programs of a model are run on Linux and macOS only; score this task there.")
    limits = limits or Limits()
    job = {"program": program, "tests": tests, "setup": setup, "names": names}
    ours, theirs = socket.socketpair()
    with ours, theirs, _empty_folder() as root, tempfile.TemporaryFile() as file, contextlib.ExitStack() as stack:
        settings = {**asdict(limits), "root": root, "user": (os.getpid() * 2 + 2 * next(_NUMBERS)) % USERS}
        file.write(json.dumps(job).encode())
        file.seek(0)
        solver = _start(stack, "solver", ours, {**settings, "user": settings["user"] + 1}, subprocess.DEVNULL, None)
        judge = _start(stack, "judge", theirs, settings, file, subprocess.PIPE)
        ours.close()
        theirs.close()
        return _verdict(judge, solver, limits)


@contextlib.contextmanager
def _empty_folder() -> Iterator[str]:
    """A folder of this program: in confinement its own file system is put there, else it holds the program's files.

    As the superuser the program is another user, so everybody may write into the folder.
    """
    with tempfile.TemporaryDirectory(prefix="parallelbench-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o777)
        yield folder


def _start(
    stack: contextlib.ExitStack, role: str, end: socket.socket, settings: dict[str, Any], stdin: Any, stdout: int | None
) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", str(LAUNCHER), role, str(end.fileno()), json.dumps(settings)],
        stdin=stdin,
        stdout=subprocess.DEVNULL if stdout is None else stdout,
        stderr=subprocess.DEVNULL,
        pass_fds=(end.fileno(),),
        env={},
        start_new_session=True,
    )
    stack.callback(_end, process)
    return process


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdout is not None:
        process.stdout.close()


def _verdict(judge: subprocess.Popen[bytes], solver: subprocess.Popen[bytes], limits: Limits) -> Outcome:
    """Wait for the judge, and ask the solver's end what the judge cannot know."""
    assert judge.stdout is not None
    try:
        judge.wait(START_SECONDS + 2 * limits.wall_seconds + limits.seconds)
    except subprocess.TimeoutExpired:
        return Outcome("timed_out")
    said = _read(judge.stdout)
    if said is None:
        return Outcome("timed_out" if judge.returncode == 128 + signal.SIGXCPU else "ended", "the tests could not go on")
    outcome = Outcome(said["verdict"], said["detail"], said["confined"])
    if outcome.verdict != "ended":
        return outcome
    with contextlib.suppress(subprocess.TimeoutExpired):
        solver.wait(5)
    out_of_time = solver.returncode in (128 + signal.SIGXCPU, 128 + signal.SIGKILL)
    return Outcome("timed_out", "", outcome.confined) if out_of_time else outcome


def _read(pipe: IO[bytes]) -> dict[str, Any] | None:
    try:
        said: dict[str, Any] = json.loads(pipe.read(LONGEST_VERDICT))
    except ValueError:
        return None
    return said
