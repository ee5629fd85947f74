"""Two runs compared: chance alone is seldom a difference, a real difference is found, and what cannot be compared says why."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import fake_model  # noqa: F401  (registers the fake model)
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parallelbench import cli, run
from parallelbench.analysis import paired, stats
from parallelbench.analysis.comparable import Setting
from parallelbench.analysis.compare import ALPHA, PairedScores, compare, compare_all, holm_levels
from parallelbench.runs.folder import read_run

COPY, SHUFFLE = "waiting_line/copy:lengths=[3]", "waiting_line/shuffle:lengths=[3]"
ROUNDS = 200
Numbers = npt.NDArray[np.float64]
NAMED = cast(Setting, type("Named", (), {"task": "task", "context": "", "label": "setting"}))


def scores(draws: np.random.Generator, p: float, q: float, n: int, graded: bool = False) -> PairedScores:
    """Scores of two settings with means p and q: half of the samples are as hard for one as for the other."""
    shared, alone = draws.random(n), draws.random((2, n))
    same = draws.random(n) < 0.5
    a, b = (np.where(same, shared, own) for own in alone)
    if graded:
        return PairedScores(NAMED, NAMED, np.clip(p + (a - 0.5) / 2, 0, 1), np.clip(q + (b - 0.5) / 2, 0, 1), 1.0, 1.0)
    return PairedScores(NAMED, NAMED, (a < p).astype(float), (b < q).astype(float), 1.0, 1.0)


def verdicts(p: float, q: float, n: int, tasks: int = 1, graded: bool = False) -> list[str]:
    draws = np.random.default_rng(0)
    groups = ([scores(draws, p, q, n, graded) for _ in range(tasks)] for _ in range(ROUNDS))
    return [compare_all([group])[0].verdict for group in groups]


@pytest.mark.parametrize(
    ("p", "n", "tasks", "graded"),
    [(0.1, 400, 1, False), (0.5, 400, 1, False), (0.5, 8, 1, False), (0.5, 400, 1, True), (0.5, 10, 1, True),
     (0.7, 40, 5, False), (0.97, 20, 10, False)],
)  # fmt: skip
def test_what_differs_by_chance_cannot_be_told_apart(p: float, n: int, tasks: int, graded: bool) -> None:
    found = verdicts(p, p, n, tasks, graded)
    assert found.count("cannot tell") >= 0.93 * ROUNDS


@pytest.mark.parametrize(
    ("p", "n", "tasks", "graded"),
    [(0.05, 400, 1, False), (0.5, 400, 1, False), (0.85, 400, 1, False), (0.5, 400, 1, True), (0.5, 80, 5, False)],
)  # fmt: skip
def test_ten_points_are_found_with_400_samples(p: float, n: int, tasks: int, graded: bool) -> None:
    assert verdicts(p, p + 0.1, n, tasks, graded).count("better") >= 0.9 * ROUNDS
    assert verdicts(p + 0.1, p, n, tasks, graded).count("worse") >= 0.9 * ROUNDS


def test_many_comparisons_together_claim_a_difference_in_few_runs() -> None:
    draws = np.random.default_rng(1)
    claims = [
        any(one.verdict != "cannot tell" for one in compare_all([[scores(draws, 0.6, 0.6, 100)] for _ in range(20)]))
        for _ in range(60)
    ]
    assert np.mean(claims) <= 0.07


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_the_level_of_each_interval_is_that_at_which_holm_tests_it(p: list[float]) -> None:
    values = np.array(p)
    levels = holm_levels(values)
    assert ((values < levels) == (stats.holm(values) < ALPHA)).all()
    assert (levels <= ALPHA).all() and (levels >= ALPHA / len(p)).all()


@given(st.lists(st.sampled_from([-1.0, -0.5, 0.0, 0.25, 1.0]), min_size=1, max_size=9))
@settings(max_examples=40)
def test_the_sign_test_counts_all_signs(parts: list[float]) -> None:
    sums = [
        abs(sum(s * part for s, part in zip(signs, parts, strict=True)))
        for signs in itertools.product((-1, 1), repeat=len(parts))
    ]
    expected = np.mean([one >= abs(sum(parts)) - 1e-12 for one in sums])
    assert paired.sign_flip(parts) == pytest.approx(expected)


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), min_size=1, max_size=60))
@settings(max_examples=60)
def test_the_other_order_says_the_opposite(rows: list[tuple[int, int]]) -> None:
    a, b = np.array(rows, dtype=float).T
    there, back = (compare_all([[PairedScores(NAMED, NAMED, *both, 1.0, 1.0)]])[0] for both in ((a, b), (b, a)))
    assert (there.low, there.high) == pytest.approx((-back.high, -back.low))
    assert there.p == back.p and {there.verdict, back.verdict} in ({"cannot tell"}, {"better", "worse"})


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path]]:
    """Two runs: one with a decoder that is right on Shuffle, one with a decoder that is wrong, a task and a seed of its own."""
    base = tmp_path_factory.mktemp("compared")
    run("fake:errors=0.5", [COPY, SHUFFLE], "confidence:k=4", limit=20, out=base / "a")
    run("fake:errors=0.5", [COPY, SHUFFLE], "confidence:k=32", limit=16, out=base / "b")
    run("fake:errors=0.5", "waiting_line/sort:lengths=[3]", "confidence:k=32", limit=3, seed=1, out=base / "b")
    yield base / "a", base / "b"


def test_two_decoders_are_compared_on_the_samples_that_both_decoded(folders: tuple[Path, Path]) -> None:
    found = compare(*(read_run(folder) for folder in folders))
    assert found.by == "decoder" and [one.n for one in found.by_task] == [16, 16]
    shuffle = found.by_task[1]
    assert (shuffle.context, shuffle.a, shuffle.b) == ("fake", "confidence:k=4", "confidence:k=32")
    assert shuffle.verdict == "worse" and shuffle.high < 0 and shuffle.difference == shuffle.accuracy_b - shuffle.accuracy_a
    assert found.means[0].tasks == 2 and found.means[0].n == 32 and found.means[0].verdict == "worse"
    assert [one.why for one in found.not_comparable] == ["A has no samples of this task"]


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = cli.invoke(arguments)
    streams = capsys.readouterr()
    return code, streams.out, streams.err


def test_the_command_prints_verdicts_and_one_json_object(
    folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = call(capsys, "compare", *map(str, folders), "--json")
    last: dict[str, Any] = json.loads(out.splitlines()[-1])
    assert (code, err) == (0, "") and "worse" in out and "not compared: B: waiting_line/sort" in out
    assert [one["verdict"] for one in last["comparisons"]] == [one.verdict for one in compare(*map(read_run, folders)).by_task]
    same = call(capsys, "compare", str(folders[0]), str(folders[0]))[1]
    assert "compared by same" in same and same.count("cannot tell") == 3 + 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["a", "b", "--by", "task"], "unknown kind of comparison 'task'"),
        (
            ["a", "b", "--by", "model"],
            "nothing that can be compared (A: waiting_line/copy, fake: B has it only with another decoder",
        ),
        (["a", "none"], "none holds no run"),
        (["a", "b", "-t", "puzzle/*"], "no cell of"),
        (["a"], "Missing argument 'B'"),
    ],
)
def test_what_cannot_be_compared_is_one_sentence(
    folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    given_ = [str(folders[0].parent / one) if one in ("a", "b", "none") else one for one in arguments]
    code, _, err = call(capsys, "compare", *given_)
    assert code == 2 and said in err and err.count("\n") == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"task": "waiting_line/copy:lengths=[4]"}, "the questions are others in B: task options"),
        ({"task": "puzzle/latin_square_n4"}, "B has no samples of this task"),
        ({"seed": 3}, "they have no sample in common (seeds 0 and 3)"),
        ({"task": COPY + ",max_new_tokens=64"}, "B has it only with another canvas length (32, there 64)"),
        ({"model": "fake:errors=0.5,revision=b"}, "B has it only with another revision (1, there b)"),
    ],
)
def test_the_reason_names_what_differs(
    folders: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], change: dict[str, Any], said: str
) -> None:
    options = {"model": "fake:errors=0.5", "task": COPY, "decoders": "confidence:k=16", "limit": 2} | change
    run(**options, out=tmp_path / "b")
    code, _, err = (
        call(capsys, "compare", str(folders[0]), str(tmp_path / "b"), "--by", "decoder", "-t", "waiting_line/copy")
        if ("puzzle" not in options["task"])
        else call(capsys, "compare", str(folders[0]), str(tmp_path / "b"), "--by", "decoder")
    )
    assert code == 2 and said in err
