"""The sentences at the top of a report speak of settings that are finished, and say where a run is not."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import fake_model  # noqa: F401  (registers the fake model)
import pytest

from parallelbench.api import run
from parallelbench.errors import UserError
from parallelbench.report.data import ALL, Filters, read_report_data
from parallelbench.report.findings import findings
from parallelbench.runs.folder import StoredCell, read_run

TASKS = ["waiting_line/copy", "waiting_line/shuffle"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("findings") / "out"
    run("fake", TASKS, ["confidence:k=[1,2,4]", "threshold:gamma=[0.5,0.9]"], limit=4, out=out)
    return out


def said(out: Path, keep: Filters = ALL) -> list[str]:
    data = read_report_data(out, keep=keep)
    return [finding.text for headline in data.headlines for finding in findings(data, headline)]


def cut(out: Path, target: Path, chosen: Callable[[StoredCell], bool], left: int) -> Path:
    """Copy a run of which the chosen cells hold `left` samples each and are not done."""
    shutil.copytree(out, target)
    for stored in read_run(target).cells:
        if chosen(stored):
            folder = stored.folders[0].path
            (folder / "DONE").unlink()
            lines = (folder / "records.jsonl").read_bytes().splitlines(keepends=True)
            (folder / "records.jsonl").write_bytes(b"".join(lines[:left]))
    return target


def is_slow(stored: StoredCell) -> bool:
    return stored.cell.decoder == "confidence:k=1"


def test_a_finished_run_is_not_called_unfinished(finished: Path) -> None:
    (fastest, cost) = said(finished)
    assert "stays within 2 points" in fastest or "is the fastest setting within 2 points" in fastest
    wanted = r"At 4 tokens per step \([\d.]+ content tokens per forward\) confidence loses [\d.]+ points"
    assert "finished" not in fastest and re.match(wanted, cost) and "exact model" not in cost


@pytest.mark.parametrize("left", [0, 1, 3])
@pytest.mark.parametrize("open_cells", ["fast", "slow", "all", "one task"])
def test_a_model_with_unfinished_cells_says_how_many_samples_are_missing(
    finished: Path, tmp_path: Path, left: int, open_cells: str
) -> None:
    chosen: dict[str, Callable[[StoredCell], bool]] = {
        "fast": lambda stored: not is_slow(stored),
        "slow": is_slow,
        "all": lambda stored: True,
        "one task": lambda stored: stored.cell.task == TASKS[0],
    }
    out = cut(finished, tmp_path / "out", chosen[open_cells], left)
    missing = sum(4 - left for stored in read_run(finished).cells if chosen[open_cells](stored))
    if missing == 40:
        with pytest.raises(UserError, match="no finished samples yet"):
            said(out)
        return
    (only,) = said(out)
    assert only == f"How fast fake can be decoded is not known yet: {40 - missing} of 40 samples of this run are decoded."


def test_settings_that_are_finished_are_compared_and_the_others_left_out(finished: Path, tmp_path: Path) -> None:
    out = cut(finished, tmp_path / "out", lambda stored: stored.cell.decoder == "confidence:k=2", 2)
    (fastest, cost) = said(out)
    assert fastest.startswith("Of the settings that are finished (36 of 40 samples of this run are decoded), ")
    assert "confidence:k=2" not in fastest and cost.startswith("At 4 tokens per step")


def test_what_a_cost_is_computed_from_is_finished(finished: Path, tmp_path: Path) -> None:
    out = cut(finished, tmp_path / "out", lambda stored: stored.cell.decoder == "confidence:k=4", 3)
    assert not [text for text in said(out) if "loses" in text]


@pytest.mark.parametrize(
    ("decoders", "tasks", "wanted"),
    [
        (("confidence",), (TASKS[0],), "stays within 2 points|is the fastest setting"),
        (("*k=1",), (), r"^confidence:k=1 is right in [\d.]+ % .* of answers; no faster setting ran on every task\.$"),
        (("threshold",), (), "^$"),  # nothing ran at one token a step, so there is nothing to compare with
    ],
)
def test_a_part_of_a_run_is_described_by_what_it_holds(
    finished: Path, decoders: tuple[str, ...], tasks: tuple[str, ...], wanted: str
) -> None:
    assert re.search(wanted, " ".join(said(finished, Filters(tasks=tasks, decoders=decoders))[:1]))


def test_one_sample_a_cell_has_no_interval(tmp_path: Path) -> None:
    run("fake", TASKS, "confidence:k=[1,4]", limit=1, out=tmp_path / "out")
    assert not [text for text in said(tmp_path / "out") if "nan" in text]


def test_what_the_exact_model_loses_is_said_where_it_ran_on_the_same_tasks(tmp_path: Path) -> None:
    out = tmp_path / "out"
    for model in ("fake", "exact"):
        run(model, TASKS, "confidence:k=[1,2,4]", limit=4, out=out)
    data = read_report_data(out)
    rows = data.losses[(data.losses["model"] == "exact") & (data.losses["speed"] == 4)]
    wanted = f"The exact model, which has the true probabilities, loses {100 * rows['loss'].mean():.1f} points on average ["
    assert len(rows) == 2 and [wanted in text for text in said(out)[:2]] == [False, True]
    part = cut(out, tmp_path / "part", lambda one: one.cell.model == "exact" and one.cell.decoder == "confidence:k=4", 2)
    assert not any("exact model" in text for text in said(part))
