"""A fault of a user's decoder is one sentence with file and line, whatever it does; its hash covers what it imports."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from decoding_fakes import Fake, generate, noisy, prompt

from children import Child, command
from parallelbench.decoding import load_decoder, user_faults
from parallelbench.decoding.user_faults import UserDecoderFault
from parallelbench.decoding.user_sources import sources_of
from parallelbench.errors import UserError

HEAD = """\
import sys, time
import numpy as np
from parallelbench.decoding import ForwardRequest, ProgramDecoder, RankingDecoder, StepDecoder


class Mine(StepDecoder):
    family = "mine"
    def step(self, signals, state, memory):
        """
PROGRAM = HEAD.replace("StepDecoder):", "ProgramDecoder):").replace(
    "def step(self, signals, state, memory)", "def run(self, state)"
)
STEPS = {  # faults 31 and 54
    "raise ValueError('wrong')": "line 9, raises ValueError: wrong",
    "raise ValueError": "line 9, raises ValueError;",
    "sys.exit(3)": "line 9, raises SystemExit: 3",
    "raise KeyError('a\\nb')": "line 9, raises KeyError",
    "state.write(signals.positions + 100, signals.token)": "line 9: position 100 is outside the canvas",
    "state.write(-1, signals.token[0])": "line 9: position -1 is outside the canvas",
    "state.write(signals.positions, 10**9)": "line 9: token 1000000000 is outside the vocabulary",
    "state.write(signals.positions[:1], float('nan'))": "line 9",
    "state.write([0.5], signals.token[:1])": "line 9",
    "state.write('x', 3)": "line 9",
    "state.write(signals.positions[:2], signals.token[:3])": "line 9, raises ValueError",
    "memory['x']": "line 9, raises KeyError",
    "f = lambda: f(); f()": "line 9, raises RecursionError",
    "signals.no_such_signal": "line 9, raises AttributeError",
    "return signals.entropy + 1": "line 9, raises TypeError",
    "raise MemoryError": "line 9, raises MemoryError",
    "while True: pass": "look for a loop that does not end",
    "time.sleep(100)": "look for a loop that does not end",
}
PROGRAMS = {
    "yield 5": "line 9: it asks for 5, which is no ForwardRequest",
    "return 5": "raises AttributeError",
    "yield ForwardRequest(positions=np.array([99]))": "line 9: the positions of its request reach from 99 to 99",
    "yield ForwardRequest(positions=[0])": "line 9: the positions of its request are [0]",
    "yield ForwardRequest(canvas=np.zeros(3, dtype=int))": "line 9: the canvas of its request are 3 wide",
    "yield ForwardRequest(branches=np.zeros(4, dtype=int))": "line 9: the branches of its request",
    "yield ForwardRequest(canvas=np.full(4, 10**6))": "line 9: the canvas of its request reach from 1000000",
}


RANKING = (
    HEAD.replace("StepDecoder):", "RankingDecoder):")
    .replace(
        "def step(self, signals, state, memory):",
        "def quota(self): return Threshold(0.9)\n    def score(self, signals, state):",
    )
    .replace("import sys, time", "import sys, time; from parallelbench.decoding.quota import Threshold")
)
SCORES = {
    "return 1 / 0": "line 10, raises ZeroDivisionError",
    "return signals.confidence[:-1]": "class Mine: score returned an array of shape",
    "return signals.confidence * np.nan": "class Mine: score returned NaN",
    "return 'high'": "class Mine: score returned 'high'",
    "sys.exit()": "line 10, raises SystemExit",
    "while True: pass": "look for a loop that does not end",
}


def decode(path: Path) -> None:
    generate(Fake(noisy()), [prompt(4)], load_decoder(f"{path}:Mine"))


@pytest.mark.parametrize(
    ("text", "body", "said"),
    [(HEAD, *one) for one in STEPS.items()]
    + [(PROGRAM, *one) for one in PROGRAMS.items()]
    + [(RANKING, *one) for one in SCORES.items()],
)
def test_a_fault_of_a_decoder_names_file_and_line(  # fault 54
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, body: str, said: str
) -> None:
    monkeypatch.setattr(user_faults, "SECONDS", 0.3 if "loop" in said else 60.0)
    path = tmp_path / "mine.py"
    path.write_text(text + body + "\n", encoding="utf-8")
    with pytest.raises(UserDecoderFault) as raised:
        decode(path)
    assert said in str(raised.value) and str(path) in str(raised.value) and "\n" not in str(raised.value)
    assert raised.value.__cause__ is not None, "Python shows where it happened"


def test_a_ranking_decoder_of_a_file_is_still_decided_in_batches(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(RANKING + "return signals.confidence\n", encoding="utf-8")
    assert load_decoder(f"{path}:Mine").batched  # type: ignore[attr-defined]


def test_an_interrupt_inside_a_decoder_stays_an_interrupt(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(HEAD + "raise KeyboardInterrupt\n", encoding="utf-8")
    with pytest.raises(KeyboardInterrupt):
        decode(path)


@pytest.mark.parametrize("line", ["sys.exit()", "raise SystemExit(1)", "assert False", "import nothing_like_it", "1 +"])
def test_a_file_that_fails_while_it_is_imported_names_its_line(tmp_path: Path, line: str) -> None:
    path = tmp_path / "mine.py"
    path.write_text(f"import sys\n{line}\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"mine.py, line 2, raises \w+"):
        load_decoder(str(path))


def test_only_a_regular_file_is_imported(tmp_path: Path) -> None:  # fault 53
    os.mkfifo(tmp_path / "fifo.py")
    (tmp_path / "folder.py").mkdir()
    with (tmp_path / "huge.py").open("wb") as file:
        file.truncate(1 << 40)
    (tmp_path / "zero.py").symlink_to("/dev/zero")
    begun = time.monotonic()
    for name, said in (("fifo", "no regular file"), ("folder", "a folder"), ("huge", "larger than"), ("zero", "no regular")):
        with pytest.raises(UserError, match=said):
            load_decoder(f"{tmp_path / name}.py:Mine")
    assert time.monotonic() - begun < 30


def test_the_hash_covers_what_a_file_imports_from_its_folder(tmp_path: Path) -> None:
    def write(name: str, text: str) -> None:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")

    write("mine.py", "import json\nfrom helping import weight\n" + HEAD + "raise ValueError(weight())\n")
    write("helping.py", "def weight():\n    from parts.deep import value\n    return value\n")
    write("parts/__init__.py", "")
    write("parts/deep.py", "value = 'first'\n")
    write("other.py", "value = 1\n")
    names = ["mine.py", "helping.py", "parts/__init__.py", "parts/deep.py"]
    assert [file.relative_to(tmp_path).as_posix() for file in sources_of(tmp_path / "mine.py")] == names
    first = load_decoder(f"{tmp_path / 'mine.py'}:Mine").family
    with pytest.raises(UserDecoderFault, match="line 11, raises ValueError: first"):
        decode(tmp_path / "mine.py")
    write("other.py", "value = 2\n")
    assert load_decoder(f"{tmp_path / 'mine.py'}:Mine").family == first
    write("parts/deep.py", "value = 'second'\n")
    assert load_decoder(f"{tmp_path / 'mine.py'}:Mine").family != first
    with pytest.raises(UserDecoderFault, match="line 11, raises ValueError: second"):
        decode(tmp_path / "mine.py")


def test_a_run_with_a_faulty_decoder_is_one_sentence_and_exit_code_2(tmp_path: Path) -> None:  # fault 31
    (tmp_path / "a, b").mkdir()
    path = tmp_path / "a, b" / "mine.py"
    path.write_text(HEAD + "raise ValueError('wrong')\n", encoding="utf-8")
    spec = f'"{path}":Mine'
    words = ["run", "-m", "exact", "-t", "list_ops/copy", "-d", spec, "--limit", "1", "-o", str(tmp_path / "out")]
    done = Child(command, *words).wait()
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "line 9, raises ValueError: wrong" in done.stderr and "doctor decoder" in done.stderr
