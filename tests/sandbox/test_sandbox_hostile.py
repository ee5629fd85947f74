"""Programs that a model might write: right, wrong and hostile ones, which neither pass nor do harm; all have small limits."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from pathlib import Path

import pytest

from parallelbench.errors import UserError
from parallelbench.sandbox import ALLOW, Limits, Outcome, run_program

TESTS = "assert f(2) == 4\nassert f(3) == 9\n"
SMALL = Limits(seconds=2, wall_seconds=20, memory=256 << 20, file_bytes=1 << 16)
FAST = {
    "right": ("def f(x): return x * x", "passed"),
    "wrong": ("def f(x): return None", "wrong"),
    "leaves with code 0": ("import os\nos._exit(0)", "ended"),
    "equal to everything": ("class A:\n    __eq__ = lambda s, o: True\n    __hash__ = None\ndef f(x): return A()", "wrong"),
    "a forged verdict": (
        'import os\nfor n in range(3, 20):\n    try: os.write(n, b\'{"verdict": "passed", "detail": "", "confined": true}\')\n'
        "    except OSError: pass\nos._exit(0)",
        "ended",
    ),
}
HOSTILE = {
    "an int that is equal to everything": ("class A(int):\n    __eq__ = lambda s, o: True\ndef f(x): return A(1)", "wrong"),
    "no Python": ("def f(x) return x", "raised"),
    "raises": ("def f(x): raise KeyError(x)", "raised"),
    "leaves by exit": ("import sys\nsys.exit(0)", "raised"),
    "leaves inside a call": ("import os\ndef f(x): os._exit(0)", "ended"),
    "prints a verdict": ('print(\'{"verdict": "passed"}\', flush=True)\ndef f(x): return 0', "wrong"),
    "patches sys and builtins": (
        "import builtins, sys\nbuiltins.AssertionError = ValueError\nbuiltins.isinstance = lambda *a: True\n"
        "sys.modules.clear()\nsys.exit = None\ndef f(x): return 0",
        None,
    ),
    "defines what the tests use": ("def print(*a): pass\nall = len = set = lambda *a: True\ndef f(x): return 0", "wrong"),
    "traces the caller": (
        "import sys\nsys.settrace(lambda *a: None)\ndef f(x): return sys._getframe(1).f_locals and 0",
        "wrong",
    ),
    "200 children": ("import os\ndef f(x):\n    for _ in range(200):\n        os.fork()\n    return x * x", "raised"),
    "threads": ("import threading\ndef f(x):\n    threading.Thread(target=print).start()\n    return x * x", "raised"),
    "too much memory": ("def f(x): return len(bytearray(10 << 30))", "raised"),
    "memory bit by bit": ("def f(x):\n    a = []\n    while True: a.append(bytearray(1 << 20))", "raised"),
    "a large file": ("def f(x):\n    open('a', 'wb').write(bytes(1 << 20))\n    return x * x", "raised"),
    "endless output": ("def f(x):\n    while True: print('x' * 10000)", "timed_out"),
    "an endless loop": ("def f(x):\n    while True: pass", "timed_out"),
    "an endless loop that catches": (
        "def f(x):\n    while True:\n        try: x += 1\n        except BaseException: pass",
        "timed_out",
    ),
    "an endless answer": ("def f(x):\n    return list(range(10 ** 7))", None),
    "a group of errors": ("def f(x): raise ExceptionGroup('x', [ValueError()])", "raised"),
    "closes what is open": ("import os\nos.closerange(0, 64)\ndef f(x): return x * x", "ended"),
    "ends while an object is deleted": (
        "import os\nclass D:\n    __del__ = lambda s: os._exit(0)\ndef f(x):\n    D()\n    return x * x",
        "ended",
    ),
    "ignores every signal": (
        "import signal\nfor s in range(1, 64):\n    try: signal.signal(s, signal.SIG_IGN)\n"
        "    except (OSError, ValueError): pass\ndef f(x):\n    while True: pass",
        "timed_out",
    ),
    "a generator that never ends": ("def f(x):\n    while True: yield x * x", "wrong"),
    "a number of many digits": ("def f(x): return 1 << 40_000_000", "ended"),
    "a fraction that is none": (
        "from fractions import Fraction\ndef f(x):\n    a = Fraction(1, 2)\n    a._denominator = 0\n    return a",
        "ended",
    ),
    "deep recursion": ("def f(x): return f(x)", "raised"),
    "garbage on every descriptor": (
        "import os\nfor n in range(64):\n    try: os.write(n, b'\\xff' * 99)\n    except OSError: pass\ndef f(x): return 4",
        "ended",
    ),
    "a crash": ("import ctypes\ndef f(x): ctypes.string_at(0)", "ended"),
}
CONFINED = {
    "kills its parents": (  # a superuser's sandbox has another user's rights, so there the signal is refused and not ignored
        "import os, signal\ndef f(x):\n    try: os.kill(1, signal.SIGKILL)\n    except PermissionError: pass\n    return 0",
        "wrong",
    ),
    "another process": ("import os\ndef f(x): return [p for p in os.listdir('/') if p == 'proc']", "wrong"),
}


@pytest.fixture(autouse=True)
def allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ALLOW, "1")


@pytest.mark.parametrize("name", FAST)
def test_a_program_gets_its_verdict(name: str) -> None:
    program, verdict = FAST[name]
    assert run_program(program, TESTS, limits=SMALL).verdict == verdict


@pytest.mark.slow
@pytest.mark.parametrize("name", {**HOSTILE, **CONFINED})
def test_a_hostile_program_does_not_pass(name: str) -> None:
    program, verdict = {**HOSTILE, **CONFINED}[name]
    outcome = run_program(program, TESTS, limits=SMALL)
    if name in CONFINED and not outcome.confined:
        pytest.skip("the system has no namespaces for its users")
    assert outcome.verdict != "passed"
    assert verdict is None or outcome.verdict == verdict, outcome


def of(program: str, shown: str) -> Outcome:
    """Run a program of which `f(0)` should be `shown`."""
    return run_program(program, f"assert f(0) == {shown}, f(0)", limits=SMALL)


@pytest.mark.slow
def test_files_outside_its_folder_are_out_of_reach(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("x")
    program = (
        "import os\ndef f(x):\n    seen = []\n"
        f"    for path in ({str(precious)!r}, os.__file__, '/etc/hostname'):\n"
        "        for what in (os.remove, lambda p: open(p, 'w')):\n"
        "            try: what(path); seen.append(path)\n            except OSError: pass\n"
        "    open('mine', 'w').write('y')\n    return seen + [open('mine').read()]"
    )
    outcome = of(program, "['y']")
    if not outcome.confined:
        pytest.skip("the system has no namespaces for its users")
    assert outcome.verdict == "passed", outcome
    assert precious.read_text() == "x" and Path(os.__file__).stat().st_size > 1000


@pytest.mark.slow
def test_the_environment_is_empty_and_the_network_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_THE_USER", "x")
    assert of("import os\ndef f(x): return dict(os.environ)", "{}").verdict == "passed"
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        accepted: list[object] = []
        threading.Thread(target=lambda: accepted.append(server.accept()), daemon=True).start()
        program = f"import socket\ndef f(x): socket.create_connection(('127.0.0.1', {port}), 2)\n"
        outcome = of(program, "None")
        assert (outcome.verdict == "raised" and not accepted) or not outcome.confined


@pytest.mark.slow
def test_nothing_is_left_behind() -> None:
    before = _running()
    run_program("import time\ndef f(x): time.sleep(60)", TESTS, limits=Limits(seconds=1, wall_seconds=1))
    deadline = time.monotonic() + 5
    while _running() - before and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not _running() - before


def _running() -> set[Path]:
    """The processes of sandboxes that this process and its children started, where the system lists processes."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if b"sandbox/launch.py" in path.read_bytes():
                found.add(path)
    return found


def test_values_arrive_as_what_they_are() -> None:
    program = "def f(x): return x\ndef g(items): items.append(4); return map(str, items)\nclass C: size = 3"
    tests = (
        "from collections import deque\nfrom fractions import Fraction\n"
        "for x in (None, True, 0, -2**70, 1.5, float('inf'), 'a\\ud800', b'\\xff', (1, [2, {3}]), {'a': {1: (2,)}}, 2j,\n"
        "          range(3), frozenset({1}), deque([1]), Fraction(1, 3), '', [], {}, set()):\n"
        "    assert f(x) == x and type(f(x)) is type(x), x\n"
        "assert str(f(float('nan'))) == 'nan' and f(-0.0) == 0\n"
        "items = [3]\nassert list(g(items)) == ['3', '4'] and items == [3, 4]\nassert C.size == 3 and C().size == 3\n"
        "try:\n    f()\nexcept TypeError: pass\nelse: raise AssertionError\n"
    )
    outcome = run_program(program, tests, limits=SMALL)
    assert outcome.verdict == "passed", outcome


def test_programs_are_not_run_unless_the_user_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ALLOW)
    with pytest.raises(UserError, match="allow it with --allow-code"):
        run_program("def f(x): return x", TESTS)
