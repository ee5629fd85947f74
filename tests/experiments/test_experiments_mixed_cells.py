"""Lines and files that were moved between two cells of the same task are noticed: the samples have the same names there."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from run_files import TASKS

from parallelbench import run
from parallelbench.analysis.frame import samples
from parallelbench.cli import invoke
from parallelbench.errors import UserError
from parallelbench.experiments.scoring import score_run
from parallelbench.runs.folder import read_run
from parallelbench.runs.repair import repair
from parallelbench.runs.scores import reasons_of
from stored_records import records

DECODERS = ["confidence:k=4", "random:k=8"]
Mix = Callable[[Path, Path], None]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of one task with two decoders, so that both cells hold samples of the same names."""
    out = tmp_path_factory.mktemp("mixed") / "out"
    run("fake", TASKS[0], DECODERS, limit=3, out=out)
    score_run(out, ["failures"], jobs=1)
    return out


@pytest.fixture
def out(base: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(base, tmp_path / "out"))


def cells(out: Path) -> tuple[Path, Path]:
    first, second = sorted((out / "cells").iterdir())
    return first, second


def edit(path: Path, change: Callable[[list[str]], list[str]]) -> None:
    path.write_text("".join(change(path.read_text().splitlines(keepends=True))))


def copied(name: str) -> Mix:
    return lambda one, other: shutil.copy(one / name, other / name)


def both_files(one: Path, other: Path) -> None:
    for name in ("records.jsonl", "traces.jsonl"):
        shutil.copy(one / name, other / name)


def swapped(one: Path, other: Path) -> None:
    """Exchange the second record of two cells."""
    lines = [(path / "records.jsonl").read_text().splitlines(keepends=True)[1] for path in (one, other)]
    edit(one / "records.jsonl", lambda found: [found[0], lines[1], *found[2:]])
    edit(other / "records.jsonl", lambda found: [found[0], lines[0], *found[2:]])


def replaced_by_another(one: Path, other: Path) -> None:
    """A record of another sample of another cell takes the place of the last one."""
    taken = (one / "records.jsonl").read_text().splitlines(keepends=True)[1]
    edit(other / "records.jsonl", lambda found: [*found[:2], taken])


def added(one: Path, other: Path) -> None:
    """One more sample, from the other cell, and DONE made to agree."""
    row = json.loads((one / "records.jsonl").read_text().splitlines()[0])
    row |= {"index": 3, "sample_id": row["sample_id"][:-1] + "3"}
    edit(other / "records.jsonl", lambda found: [*found, json.dumps(row) + "\n"])
    (other / "DONE").write_text('{"schema": 3, "rows": 4}')


def folders_exchanged(one: Path, other: Path) -> None:
    aside = one.with_name("aside")
    one.rename(aside)
    other.rename(one)
    aside.rename(other)


def renamed(one: Path, other: Path) -> None:
    other.rename(other.with_name("0123456789abcdef"))


def described_as_the_other(one: Path, other: Path) -> None:
    """The folder is exchanged together with what it says of itself, but not its lines."""
    for name in ("records.jsonl", "traces.jsonl"):
        (one / name).replace(one / f"{name}.aside")
        (other / name).replace(one / name)
        (one / f"{name}.aside").replace(other / name)


def edited(key: str, value: Any) -> Mix:
    def mix(one: Path, other: Path) -> None:
        file = json.loads((other / "cell.json").read_text())
        file["cell"][key] = value
        (other / "cell.json").write_text(json.dumps(file))

    return mix


MIXED: dict[str, tuple[Mix, str]] = {
    "records and traces copied": (both_files, r"{other}/records.jsonl line 1 is of the cell {one}, not {other}"),
    "records copied": (copied("records.jsonl"), r"{other}/records.jsonl line 1 is of the cell {one}"),
    "two records swapped": (swapped, r"{either}/records.jsonl line 2 is of the cell {either}"),
    "one record in place of another": (replaced_by_another, r"{other}/records.jsonl line 3 is of the cell {one}"),
    "one record too many": (added, r"{other}/records.jsonl line 4 is of the cell {one}"),
    "lines exchanged": (described_as_the_other, r"{either}/records.jsonl line 1 is of the cell {either}"),
    "cell.json copied": (copied("cell.json"), r"{other}/cell.json describes the cell {one}, not {other}"),
    "folders exchanged": (folders_exchanged, r"{either}/cell.json describes the cell {either}, not {either}"),
    "a folder renamed": (renamed, r"0123456789abcdef/cell.json describes the cell {other}, not 0123456789abcdef"),
    "another decoder in cell.json": (edited("decoder", "random:k=4"), r"{other}/cell.json describes the cell"),
    "another seed in cell.json": (edited("seed", 5), r"{other}/cell.json describes the cell"),
    "another model in cell.json": (edited("model", "tiny"), r"{other}/cell.json describes the cell"),
}


@pytest.mark.parametrize("name", MIXED)
def test_what_belongs_to_another_cell_is_named_and_made_good(name: str, out: Path) -> None:
    mix, said = MIXED[name]
    one, other = cells(out)
    whole = records(out)
    mix(one, other)
    expected = said.replace("{one}", one.name).replace("{other}", other.name).replace("{either}", f"({one.name}|{other.name})")
    with pytest.raises(UserError, match=f"{expected}.*parallelbench repair"):
        samples(out)
    assert invoke(["report", str(out)]) == 2
    assert repair(out).found and not repair(out).found
    run("fake", TASKS[0], DECODERS, limit=3, out=out)
    assert records(out) == whole


def test_a_trace_of_another_cell_is_named_when_it_is_read(out: Path) -> None:
    one, other = cells(out)
    trace = json.loads((one / "traces.jsonl").read_text().splitlines()[0])
    lines = (other / "traces.jsonl").read_text().splitlines()
    record = json.loads((other / "records.jsonl").read_text().splitlines()[0])
    foreign = json.dumps(trace).ljust(len(lines[0].encode()))
    if len(foreign) > len(lines[0].encode()):  # the lines behind it move
        rows = (other / "records.jsonl").read_text().splitlines()
        more = len(foreign) - len(lines[0].encode())
        record["trace"]["size"] += more
        moved = [
            {**row, "trace": {**row["trace"], "offset": row["trace"]["offset"] + more}} for row in map(json.loads, rows[1:])
        ]
        (other / "records.jsonl").write_text("".join(json.dumps(row) + "\n" for row in (record, *moved)))
    (other / "traces.jsonl").write_text("\n".join([foreign, *lines[1:]]) + "\n")
    stored = next(cell for cell in read_run(out).cells if cell.id == other.name)
    folder, first = stored.records()[0]
    with pytest.raises(UserError, match=rf"traces.jsonl holds \S+ of the cell {one.name}, not of {other.name}"):
        folder.trace(first)
    assert any(f"cells/{other.name}/records.jsonl line 1" in found for found in repair(out).found)


def test_scores_of_another_cell_are_named_and_set_aside(out: Path) -> None:
    one, other = cells(out)
    shutil.copy(one / "scores" / "failures.jsonl", other / "scores" / "failures.jsonl")
    stored = next(cell for cell in read_run(out).cells if cell.id == other.name)
    with pytest.raises(UserError, match=rf"scores/failures.jsonl is of the cell {one.name}, not {other.name}"):
        list(reasons_of(stored))
    assert [found.partition(" ")[0] for found in repair(out).found] == [f"cells/{other.name}/scores/failures.jsonl"]


def test_a_cell_copied_whole_into_another_run_stays_what_it_is(out: Path, base: Path, tmp_path: Path) -> None:
    """Cells do not belong to a run folder: they may be collected."""
    whole = records(out)
    target = tmp_path / "collected"
    run("fake", TASKS[1], DECODERS[0], limit=2, out=target)
    for cell in cells(base):
        shutil.copytree(cell, target / "cells" / cell.name)
    assert len(samples(target)) == 2 + 6 and whole.items() <= records(target).items()
