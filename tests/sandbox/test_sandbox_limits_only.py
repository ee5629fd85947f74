"""Systems without namespaces for their users, as many containers are: programs have limits only, and the user is told so."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from parallelbench import sandbox
from parallelbench.cli.running import permit
from parallelbench.errors import UserError
from parallelbench.sandbox import Outcome, probe

# Denies one system call to the process and to all that it starts, as the profiles of container runtimes do; then runs programs.
# A superuser's programs are another user's, who must be able to read Python, so it is shown to everybody in an own namespace.
DENIED = """
import ctypes, json, os, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
here = sys.argv[3] + "/python"
if os.geteuid() == 0 and sys.base_prefix != here:
    os.mkdir(here)
    private, bound = (None, b"/", None, 1 << 18 | 1 << 14, None), (sys.base_prefix.encode(), here.encode(), None, 1 << 12, None)
    if libc.unshare(0x20000) or libc.mount(*private) or libc.mount(*bound):
        sys.exit("no namespace")
    os.execv(here + "/bin/python3", [here + "/bin/python3", *sys.orig_argv[1:]])
call = {"unshare": (272, 97), "mount": (165, 40)}[sys.argv[1]][os.uname().machine == "aarch64"]
class Filter(ctypes.Structure):
    _fields_ = [("count", ctypes.c_ushort), ("code", ctypes.c_char_p)]
code = b"".join(struct.pack("HBBI", *one) for one in (
    (0x20, 0, 0, 0), (0x15, 0, 1, call), (0x06, 0, 0, 0x00050001), (0x06, 0, 0, 0x7FFF0000)))
assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, ctypes.byref(Filter(4, code)), 0, 0) == 0
from parallelbench.sandbox import Limits, allow_code, run_program
remark = allow_code()
small = Limits(seconds=2, wall_seconds=20, memory=256 << 20, file_bytes=1 << 16)
found = {"remark": remark}
for name, program in json.loads(sys.argv[2]).items():
    outcome = run_program(program, "assert f(2) == 4", limits=small)
    found[name] = [outcome.verdict, outcome.confined]
print(json.dumps(found))
"""
PROGRAMS = {
    "right": ("def f(x): return x * x", "passed"),
    "wrong": ("def f(x): return None", "wrong"),
    "leaves with code 0": ("import os\nos._exit(0)", "ended"),
    "an endless loop": ("def f(x):\n    while True: pass", "timed_out"),
    "children": ("import os\ndef f(x):\n    for _ in range(200): os.fork()\n    return x * x", "raised"),
    "too much memory": ("def f(x): return len(bytearray(10 << 30))", "raised"),
    "a large file": ("def f(x):\n    open('a', 'wb').write(bytes(1 << 20))\n    return x * x", "raised"),
    "equal to everything": ("class A:\n    __eq__ = lambda s, o: True\n    __hash__ = None\ndef f(x): return A()", "wrong"),
    "the environment": ("import os\ndef f(x): return 4 if not os.environ else 0", "passed"),
    "its own file": ("def f(x):\n    open('mine', 'w').write('4')\n    return int(open('mine').read())", "passed"),
    "a file of another program": ("import os\ndef f(x): return 4 if os.path.exists('mine') else 0", "wrong"),
}
linux = pytest.mark.skipif(sys.platform != "linux" or os.uname().machine not in ("x86_64", "aarch64"), reason="needs seccomp")


@pytest.mark.slow
@linux
@pytest.mark.parametrize("call", ["unshare", "mount"])
def test_programs_are_judged_the_same_where_a_system_call_is_denied(call: str) -> None:
    programs = {name: program for name, (program, _) in PROGRAMS.items()}
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        words = [sys.executable, "-c", DENIED, call, json.dumps(programs), folder]
        done = subprocess.run(
            words, env={**os.environ, "SECRET": "x", "TMPDIR": folder}, capture_output=True, text=True, timeout=280
        )
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)
        assert found.pop("remark") == probe.LIMITS_ONLY
        assert found == {name: [verdict, False] for name, (_, verdict) in PROGRAMS.items()}
        assert {path.name for path in Path(folder).iterdir()} <= {"python"}


@pytest.fixture
def forgotten() -> None:
    """Let the next permission look at the system again."""
    probe._confined.cache_clear()


def test_the_user_is_told_where_programs_have_limits_only(
    forgotten: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(sandbox.ALLOW, "")
    monkeypatch.setattr(probe, "run_program", lambda *_: Outcome("passed", confined=False))
    permit(True)
    assert "note: this system gives programs no namespaces of their own" in capsys.readouterr().err
    probe._confined.cache_clear()
    monkeypatch.setattr(probe, "run_program", lambda *_: Outcome("passed"))
    assert sandbox.allow_code() is None


def test_a_system_that_runs_no_program_is_refused(forgotten: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(sandbox.ALLOW, "")
    monkeypatch.setattr(probe, "run_program", lambda *_: Outcome("ended", "the tests could not go on"))
    monkeypatch.setattr(probe, "_closed_folder", lambda: None)
    with pytest.raises(UserError, match=r"one that does nothing ended \(the tests could not go on\); score these tasks on an"):
        sandbox.allow_code()
    monkeypatch.undo()
    monkeypatch.setenv(sandbox.ALLOW, "")
    monkeypatch.setattr(probe, "run_program", lambda *_: Outcome("ended"))
    (tmp_path / "python").mkdir()
    monkeypatch.setattr("sys.base_prefix", str(tmp_path / "python"))
    monkeypatch.setattr("os.geteuid", lambda: 0)
    tmp_path.chmod(0o700)
    with pytest.raises(UserError, match=r"who cannot read Python in .*; install Python where everybody can read it"):
        sandbox.allow_code()
