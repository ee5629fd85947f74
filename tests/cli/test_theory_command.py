"""`parallelbench theory`: the paper's numbers, one JSON object, curves, and one sentence for each mistake."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from parallelbench import cli
from parallelbench.cli import theory_facts
from parallelbench.theory import puzzles

KEYS = [
    "total_correlation_bits", "bound_bits", "optimal_bound_bits", "schedule", "optimal_schedule", "accuracy", "limit",
    "best_before_draw", "best_after_draw",
]  # fmt: skip
PAPER = {  # bits in one step for n = 3, 4, 5, 6, 10, 15, 20
    "shuffle": (2.170, 3.415, 4.703, 6.018, 11.428, 18.353, 25.361),
    "replace_random": (1.170, 1.245, 1.288, 1.315, 1.368, 1.393, 1.406),
    "remove_random": (0.252, 0.623, 1.064, 1.552, 3.764, 6.822, 10.033),
    "insert_random": (2.623, 3.386, 4.137, 4.880, 7.817, 11.455, 15.079),
}


@pytest.fixture(scope="module", autouse=True)
def each_policy_once() -> Iterator[None]:
    """Search for the best policy of a law and size once, not for every command that prints it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(theory_facts, "best_before_draw", cache(theory_facts.best_before_draw))
        yield


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = cli.invoke(["theory", *arguments])
    streams = capsys.readouterr()
    return code, streams.out, streams.err


def facts(capsys: pytest.CaptureFixture[str], text: str) -> dict[str, Any]:
    code, out, err = call(capsys, *text.split(), "--json")
    assert (code, err) == (0, "")
    found: dict[str, Any] = json.loads(out.splitlines()[-1])
    assert list(found) == KEYS
    return found


@pytest.mark.parametrize(
    ("arguments", "key", "value"),
    [
        ("shuffle --n 10 --k 2", "total_correlation_bits", 11.428),
        ("shuffle --n 10 --k 2", "accuracy", 0.24609),
        ("shuffle --n 10 --k 2", "bound_bits", 2.02272),
        ("shuffle --n 10 --k 2", "limit", 0.0),
        ("replace_random --n 10 --k 2 --temperature 1", "accuracy", 0.81208),
        ("replace_random --n 10 --k 2", "accuracy", 0.5),
        ("replace_random --n 10 --k 2 --decoder confidence --temperature 1", "accuracy", 0.52178),
        ("replace_random --n 10 --temperature 1", "limit", 0.36788),
        ("latin_square --n 4", "total_correlation_bits", 22.830),
        ("puzzle/latin_square_n4", "bound_bits", 22.830),
        ("waiting_line/shuffle --n 4", "total_correlation_bits", 3.460),
        ("shuffle --n 4 --must-differ", "total_correlation_bits", 3.460),
        ("list_ops/shuffle:may_stay=true --n 4", "total_correlation_bits", 3.415),
        ("waiting_line/shuffle --n 3 --k 2 --temperature 1", "accuracy", 0.64),
        ("puzzle/sudoku_n4_12 --k 4", "accuracy", 1.0),
        ("sudoku --n 4", "total_correlation_bits", 23.830),
        ("sudoku --n 4", "accuracy", None),
        ("shuffle --n 10 --steps 3", "optimal_bound_bits", 3.784),
        ("shuffle --n 10 --gamma 0.9", "bound_bits", 0.0),
        ("shuffle --n 7 --gamma 0.3", "accuracy", 0.22222),
        ("replace_random --n 10 --gamma 0.8", "accuracy", 0.0),
        ("replace_random --n 10 --gamma 0.8", "bound_bits", None),
        ("insert_random --n 20", "bound_bits", 15.079),
        ("insert_random --n 6 --k 3", "bound_bits", 1.385),
        ("insert_random --n 6 --k 3 --decoder confidence", "bound_bits", None),
        ("remove_random --n 10 --steps 4", "optimal_bound_bits", 0.0),
        ("copy --n 1000 --decoder factor --f 1", "accuracy", 1.0),
    ],
)
def test_the_numbers(capsys: pytest.CaptureFixture[str], arguments: str, key: str, value: float | None) -> None:
    found = facts(capsys, arguments)[key]
    assert found == (value if value is None else pytest.approx(value, abs=6e-4 if key.endswith("bits") else 5e-6))


@pytest.mark.parametrize("task", PAPER)
def test_the_table_of_the_paper_to_three_decimals(capsys: pytest.CaptureFixture[str], task: str) -> None:
    sizes = (3, 4, 5, 6, 10, 15, 20)
    assert tuple(round(facts(capsys, f"{task} --n {n}")["total_correlation_bits"], 3) for n in sizes) == PAPER[task]


def test_schedules_are_sizes_where_only_sizes_matter(capsys: pytest.CaptureFixture[str]) -> None:
    shuffle = facts(capsys, "shuffle --n 10 --schedule 4,3,3")
    assert (shuffle["schedule"], shuffle["optimal_schedule"]) == ([4, 3, 3], [5, 3, 2])
    threshold = facts(capsys, "shuffle --n 7 --gamma 0.3")
    assert threshold["schedule"] == [1, 1, 1, 1, 3]
    insert = facts(capsys, "insert_random --n 6 --k 3")
    assert insert["schedule"] == [3, 3, 1]
    assert sorted(place for step in insert["optimal_schedule"] for place in step) == list(range(7))


def test_a_grid_is_filled_once(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    fills: list[int] = []
    fill = puzzles.fill

    def counted(units: Any, cells: int, symbols: int, givens: Any) -> Any:
        fills.append(cells)
        return fill(units, cells, symbols, givens)

    monkeypatch.setattr(puzzles, "fill", counted)
    theory_facts._law_of.cache_clear()
    for n, code in (("4", 0), ("9", 2)):
        assert call(capsys, "sudoku", "--n", n)[0] == code
    assert fills == [16, 81]


def test_words_for_people_are_a_table_on_a_terminal_and_lines_elsewhere(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    code, plain, _ = call(capsys, "shuffle", "--n", "1000", "--k", "2")
    assert code == 0
    assert plain.splitlines()[0] == "shuffle, n = 1000; random, temperature 0"
    assert "optimal schedule        3 (x167), 2 (x166), 1 (x167)" in plain
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    _, table, _ = call(capsys, "sudoku", "--n", "4")
    assert "┃" in table or "│" in table
    assert "unknown" in table


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("latin_square --n 6 --k 2", "the limit is n = 5; use the closed forms"),
        ("latin_square --n 10", "give n from 1 to 9"),
        ("insert_random --n 20 --k 2", "the limit is 16 positions; use a smaller n or an exchangeable law (shuffle"),
        ("sudoku --n 9", "more fillings than can be enumerated"),
        ("shuffle --n 10 --schedule 2,2,4", "sums to 8, not to 10"),
        ("shuffle --n 10 --schedule 2;8", "write the positions of each step, for example 2,2,4"),
        ("shuffle --n 10 --gamma 1.5", "gamma is 1.5, but a threshold of confidence lies in [0, 1]"),
        ("shuffle --n 10 --gamma -0.1", "gamma is -0.1"),
        ("shuffle --n 10 --k 2 --steps 3", "--k and --steps say the same thing twice"),
        ("shuffle --n 10 --schedule 5,5 --gamma 0.5", "--schedule and --gamma say the same thing twice"),
        ("shuffle --n 10 --k 0", "k is 0"),
        ("shuffle --n 10 --steps 11", "--steps is 11, but shuffle with n = 10 has 10 positions"),
        ("shuffle --n 10 --k 2 --decoder threshold", "give --gamma instead"),
        ("shuffle --n 10 --k 2 --decoder one_by_one", "leave it out"),
        ("shuffle --n 10 --decoder threshold", "gamma is None"),
        ("shuffle --n 10 --decoder confidense", "did you mean 'confidence'"),
        ("shuffle --n 10 --temperature 0.5", "the formulas hold at 0 and at 1"),
        ("shuffle --n 0", "n is 0"),
        ("shuffle --n ten", "n is 'ten'"),
        ("shuffle", "--n 10"),
        ("shufle --n 3", "did you mean 'shuffle'"),
        ("waiting_line/shufle --n 3", "did you mean 'waiting_line/shuffle'"),
        ("puzzle/latin_square_n4 --n 5", "has n = 4"),
        ("copy --n 5 --must-differ", "a rule of shuffle"),
        ("shuffle --n 1 --must-differ", "n of 2 or more"),
        ("shuffle --n 100000 --k 2", "is searched up to 5000"),
        ("shuffle --n 10 --schedule 2,0,8", "has a size below 1"),
        ("shuffle --n 4..20", "add --plot"),
        ("shuffle --n 4 --plot x.svg", "--n 4..20"),
        ("shuffle --n 4..9 --plot x.txt", "end it in one of .html, .svg, .png, .pdf"),
        ("shuffle --n 4..9 --plot nowhere/x.svg", "cannot be written"),
        ("puzzle/latin_square_n4 --n 4..9 --plot x.svg", "give the name of the law"),
        ("shuffle --n 4..9 --plot x.svg --json", "give one of them"),
    ],
)
def test_a_mistake_is_one_sentence_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = call(capsys, *arguments.split())
    assert (code, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", ["html", "svg", "png", "pdf"])
def test_the_curves_and_their_data(tmp_path: Path, capsys: pytest.CaptureFixture[str], suffix: str) -> None:
    out = tmp_path / f"curves.{suffix}"
    asked = ["copy,replace_random,shuffle", "--n", "4..11", "--k", "2", "--temperature", "1"]
    code, printed, err = call(capsys, *asked, "--plot", str(out))
    assert (code, err, printed.split()) == (0, "", [str(out), str(tmp_path / "curves.csv")])
    with (tmp_path / "curves.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["task"] for row in rows[::8]] == ["copy", "replace_random", "shuffle"]
    ten = next(row for row in rows if (row["task"], row["n"]) == ("shuffle", "10"))
    same = facts(capsys, "shuffle --n 10 --k 2 --temperature 1")
    numbers = [key for key in KEYS if "schedule" not in key and "draw" not in key]
    assert {key: float(ten[key]) for key in numbers} == {key: same[key] for key in numbers}
    start = {"html": b"<!DOCTYPE html>", "svg": b"<svg", "png": b"\x89PNG", "pdf": b"%PDF"}[suffix]
    assert out.read_bytes().lstrip().startswith(start)
    if suffix == "html":
        assert b"https://cdn" not in out.read_bytes()


def test_a_curve_ends_where_a_search_would_be_too_large(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(capsys, "insert_random", "--n", "16..17", "--k", "2", "--plot", str(tmp_path / "x.svg"))[0] == 0
    with (tmp_path / "x.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(row["n"], row["bound_bits"], row["optimal_bound_bits"]) for row in rows] == [("16", "", ""), ("17", "", "")]
    assert all(float(row["total_correlation_bits"]) > 12 for row in rows)


def test_it_needs_no_torch() -> None:
    command = [sys.executable, "-X", "importtime", "-m", "parallelbench", "theory", "shuffle", "--n", "10", "--k", "2"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "11.428" in done.stdout
    assert "| torch" not in done.stderr
