"""The edge of the process: streams, arguments that are no text, signals, and faults of this program."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import parallelbench
from parallelbench import cli
from thinned import thinned

SOURCE = str(Path(parallelbench.__file__).parents[1])
LIST = [sys.executable, "-m", "parallelbench", "list", "decoders"]


def call(command: list[Any] | str, **more: Any) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": SOURCE, "OMP_NUM_THREADS": "1", **more.pop("env", {})}
    shell = isinstance(command, str)
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env=environment, shell=shell, preexec_fn=heed_interrupts, **more
    )


def heed_interrupts() -> None:
    """Let a child meet Ctrl-C also where the tests were started with it ignored, as jobs in the background are."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def shell(redirection: str) -> subprocess.CompletedProcess[str]:
    return call(f"'{sys.executable}' -m parallelbench list decoders {redirection}")


FULL = "the output cannot be written (No space left on device); free some space, or send it elsewhere.\n"


def test_closed_and_full_streams_are_no_traceback() -> None:  # fault 60
    assert (shell(">&-").returncode, shell(">&-").stderr) == (0, "")
    full = shell("> /dev/full")
    assert (full.returncode, full.stderr) == (
        2,
        "the output cannot be written (No space left on device); free some space, or send it elsewhere.\n",
    )
    assert (shell("2>&-").returncode, shell("<&-").returncode) == (0, 0)
    wrong = call(f"'{sys.executable}' -m parallelbench list decodes 2> /dev/full")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    piped = call(
        f"'{sys.executable}' -m parallelbench list decoders | head -1; exit ${{PIPESTATUS[0]}}", executable="/bin/bash"
    )
    assert "Traceback" not in piped.stderr and "Exception ignored" not in piped.stderr


def test_a_run_survives_a_closed_stdout(tmp_path: Path) -> None:  # fault 60
    out = tmp_path / "out"
    done = call(f"'{sys.executable}' -m parallelbench run -m exact -t list_ops/copy -d all_at_once --limit 2 -o '{out}' >&-")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads((out / "summary.json").read_text())["samples"] == 2


LOCALES = ({"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, {}, {"LC_ALL": "POSIX"})


@pytest.mark.parametrize("more", thinned(LOCALES, 3))
def test_an_argument_that_is_no_text_is_one_sentence(tmp_path: Path, more: dict[str, str]) -> None:  # fault 58
    for name in (b"x\xff", "☃".encode()):
        command = [
            *LIST[:3],
            "run",
            "-m",
            "exact",
            "-t",
            "list_ops/copy",
            "-d",
            "all_at_once",
            "--limit",
            "1",
            "--dry-run",
            "-o",
            name,
        ]
        done = call(command, cwd=tmp_path, env=more)
        expected = 0 if name == "☃".encode() and more.get("PYTHONUTF8") != "0" else 2
        assert done.returncode == expected, done.stderr
        assert "Traceback" not in done.stderr
        if expected:
            assert done.stderr.count("\n") == 1 and "is no UTF-8 text" in done.stderr
            assert not list(tmp_path.iterdir()), "no draft is left"


def test_an_error_of_ours_says_so_and_keeps_its_traceback_in_a_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("parallelbench.cli.list_command.entries_of", lambda kind: 1 / 0)
    assert cli.invoke(["list", "decoders"]) == 70
    _, err = capsys.readouterr()
    assert err.count("\n") == 1 and "fault of parallelbench and not yours (ZeroDivisionError: division by zero)" in err
    path = Path(re.findall(r"in (\S+)\.$", err.strip())[0])
    text = path.read_text(encoding="utf-8")
    path.unlink()
    assert text.startswith("parallelbench list decoders\n") and "Traceback" in text


@pytest.mark.parametrize(
    "text", ["\x1b[31mred\x1b[0m", "\u202eevil", "[red]markup[/red]", "bell\x07", "\x9b31m", "line\u2028break", "\U000e0041"]
)
def test_no_name_from_outside_reaches_the_terminal_as_it_is(text: str, capsys: pytest.CaptureFixture[str]) -> None:  # fault 59
    for arguments in (
        ["list", text],
        ["run", "-m", text, "-t", "list_ops/copy", "-d", "threshold"],
        ["show", "task", text],
        ["sweep", text],
    ):
        assert cli.invoke(arguments) == 2
        out, err = capsys.readouterr()
        assert not set("\x1b\u202e\x07\x9b\u2028\U000e0041") & set(out + err)
        assert "[red]" in err or "[red]" not in text


INTERRUPTED = """
import os, signal, sys, time
from parallelbench.cli import process
process.prepare()


class Finaliser:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(1000):
            pass


from parallelbench.cli.guard import Guard
guard = Guard(["run", "-m", "tiny"])
with guard:
    held = Finaliser()
    del held  # the interrupt is raised, and lost, inside __del__
    time.sleep(60)
sys.exit(process.finish(guard.code))
"""


def test_an_interrupt_inside_a_finaliser_is_not_lost() -> None:  # fault 62
    done = call([sys.executable, "-c", INTERRUPTED], timeout=50)
    assert (done.returncode, done.stderr) == (
        130, "interrupted; everything finished so far is kept, continue with: parallelbench run -m tiny\n",
    )  # fmt: skip


@pytest.mark.parametrize("moment", ["import typer", "import torch", "import parallelbench.tasks"])
def test_an_interrupt_during_imports_is_one_sentence(tmp_path: Path, moment: str) -> None:  # fault 62
    """The signal is sent from inside, at a chosen import, so that no load of the machine changes when it arrives."""
    script = f"""
import builtins, os, signal, sys
real = builtins.__import__
def importing(name, *rest, **named):
    if name == {moment.split()[1]!r}:
        builtins.__import__ = real
        os.kill(os.getpid(), signal.SIGINT)
    return real(name, *rest, **named)
builtins.__import__ = importing
sys.argv = ["parallelbench", "run", "-m", "exact", "-t", "list_ops/copy", "-d", "all_at_once", "--limit", "1", "-o", "never"]
from parallelbench.cli import main
main()
"""
    done = call([sys.executable, "-c", script], cwd=tmp_path)
    assert done.returncode == 130, done.stderr
    assert done.stderr.startswith("interrupted;") and done.stderr.count("\n") == 1


def test_a_second_interrupt_changes_nothing(tmp_path: Path) -> None:
    script = "import os, signal, sys\nfrom parallelbench.cli import process\nfrom parallelbench.cli.guard import Guard\n"
    script += "process.prepare()\nguard = Guard(['list'])\nwith guard:\n    try:\n        os.kill(os.getpid(), signal.SIGINT)\n"
    script += (
        "        import time; time.sleep(9)\n    finally:\n        os.kill(os.getpid(), signal.SIGINT)\n        time.sleep(9)\n"
    )
    script += "sys.exit(process.finish(guard.code))"
    done = call([sys.executable, "-c", script])
    assert (done.returncode, done.stderr) == (130, "interrupted.\n")
