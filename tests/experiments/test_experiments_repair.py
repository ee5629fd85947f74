"""Damaged run files are named in one sentence, set aside by repair, and made good by the same command."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from run_files import DECODERS, TASKS, finished

from parallelbench import run
from parallelbench.analysis.frame import samples
from parallelbench.cli import invoke
from parallelbench.errors import UserError
from parallelbench.runs.repair import repair
from stored_records import records

Damage = Callable[[Path], None]
DEEP = "[" * 100_000


def line(change: Callable[[dict[str, Any]], Any]) -> Damage:
    """Change the second record."""

    def damage(cell: Path) -> None:
        path = cell / "records.jsonl"
        lines = path.read_text().splitlines()
        row = change(json.loads(lines[1]))
        lines[1] = row if isinstance(row, str) else json.dumps(row)
        path.write_text("\n".join(lines) + "\n")

    return damage


def text(name: str, content: str) -> Damage:
    def damage(cell: Path) -> None:
        path = cell / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)

    return damage


def kind(name: str, make: Callable[[Path], None]) -> Damage:
    """Put a folder, a pipe or a link to nothing in place of a file."""

    def damage(cell: Path) -> None:
        path = cell / name
        path.parent.mkdir(exist_ok=True)
        path.unlink(missing_ok=True)
        make(path)

    return damage


def json_of(name: str, change: Callable[[dict[str, Any]], Any]) -> Damage:
    def damage(cell: Path) -> None:
        path = cell / name
        path.write_text(json.dumps(change(json.loads(path.read_text()))))

    return damage


def keep_lines(cell: Path, places: Sequence[int]) -> None:
    lines = (cell / "records.jsonl").read_text().splitlines(keepends=True)
    (cell / "records.jsonl").write_text("".join(lines[place] for place in places))


def cut(name: str, size: int) -> Damage:
    return lambda cell: os.truncate(cell / name, size)


SCORES = "scores/rouge_1.jsonl"
DAMAGES: dict[str, Damage] = {
    "a sample with line ends in its name": line(lambda row: {**row, "sample_id": "a\n\x1b[1m"}),
    "a cell with line ends in its name": line(lambda row: {**row, "cell": "a\nb\u2028"}),
    "a key with line ends": line(lambda row: {**row, "a\nb": 1}),
    "no JSON": line(lambda row: '{"sample_id": '),
    "deep JSON": line(lambda row: DEEP),
    "a list": line(lambda row: "[1]"),
    "scores of another type": line(lambda row: {**row, "scores": []}),
    "a score above 1": line(lambda row: {**row, "scores": {"list_exact": 1.5}}),
    "a score that is true": line(lambda row: {**row, "scores": {"list_exact": True}}),
    "costs without fields": line(lambda row: {**row, "costs": {}}),
    "NaN": line(lambda row: {**row, "seconds": float("nan")}),
    "a huge number": line(lambda row: {**row, "nfe": 10**400}),
    "a number as text": line(lambda row: {**row, "index": "1"}),
    "a key too many": line(lambda row: {**row, "extra": 1}),
    "a lone surrogate": line(lambda row: {**row, "text": "\ud800"}),
    "a foreign sample": line(lambda row: {**row, "sample_id": "waiting_line/shuffle@1/0/1"}),
    "an index of another sample": line(lambda row: {**row, "index": row["index"] + 1}),
    "the first sample again": lambda cell: keep_lines(cell, (0, 0, 2, 3)),
    "a trace that is not there": line(lambda row: {**row, "trace": {"offset": 10**9, "size": 5}}),
    "records that are a folder": kind("records.jsonl", Path.mkdir),
    "records that are a pipe": kind("records.jsonl", os.mkfifo),
    "records that link to nothing": kind("records.jsonl", lambda path: path.symlink_to("nowhere")),
    "no records": lambda cell: (cell / "records.jsonl").unlink(),
    "records cut at a line": lambda cell: keep_lines(cell, (0,)),
    "no traces": lambda cell: (cell / "traces.jsonl").unlink(),
    "traces cut off": cut("traces.jsonl", 100),
    "DONE that counts more": text("DONE", '{"schema": 3, "rows": 9}'),
    "DONE that counts less": text("DONE", '{"schema": 3, "rows": 1}'),
    "DONE without sense": text("DONE", "yes"),
    "DONE that is a pipe": kind("DONE", os.mkfifo),
    "cell.json without sense": text("cell.json", "{"),
    "cell.json that is deep": text("cell.json", DEEP),
    "cell.json of another cell": json_of("cell.json", lambda cell: {**cell, "cell": {**cell["cell"], "seed": 7}}),
    "cell.json with a list for a name": json_of("cell.json", lambda cell: {**cell, "cell": {**cell["cell"], "task": []}}),
    "no cell.json": lambda cell: (cell / "cell.json").unlink(),
    "scores without sense": text(SCORES, "{}\n"),
    "scores that are a pipe": kind(SCORES, os.mkfifo),
    "run.json without sense": text("../../run.json", "{"),
    "run.json that is a list": text("../../run.json", "[]"),
    "a call without sense": text("../../calls/0001.json", "{"),
    "a call that is deep": text("../../calls/0001.json", DEEP),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_is_named_set_aside_and_made_good(name: str, tmp_path: Path) -> None:  # fault 20 # fault 48 # fault 57
    out, path = finished(tmp_path)
    whole = records(out)
    DAMAGES[name](path.parent)
    with pytest.raises(UserError) as caught:
        samples(out)
    said = str(caught.value)
    assert "parallelbench repair" in said and str(out) in said and "\n" not in said and len(said) < 600
    done = repair(out)
    assert done.found and done.folder.is_dir()
    assert not repair(out).found, "one repair is enough"
    run("fake", TASKS[0], DECODERS[0], limit=4, out=out)
    assert records(out) == whole and len(samples(out)) == 4


@pytest.mark.parametrize("file", ["run.json", "calls/0001.json", "cells/*/cell.json", "cells/*/records.jsonl", "cells/*/DONE"])
def test_another_schema_is_refused_and_never_set_aside(file: str, tmp_path: Path) -> None:  # fault 39
    out, _ = finished(tmp_path)
    (path,) = out.glob(file)
    path.write_text(path.read_text().replace('"schema":3', '"schema":99').replace('"schema": 3', '"schema": 99'))
    before = {one: one.read_bytes() for one in out.rglob("*") if one.is_file()}
    for act in (lambda: samples(out), lambda: repair(out), lambda: run("fake", TASKS[0], DECODERS[0], limit=4, out=out)):
        with pytest.raises(UserError, match=r"has schema 99, and this version reads 3"):
            act()
    assert {one: one.read_bytes() for one in before if "calls" not in one.parts} == {
        one: data for one, data in before.items() if "calls" not in one.parts
    }


def test_repair_says_what_it_did_and_touches_nothing_that_is_good(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, path = finished(tmp_path)
    before = {one: one.read_bytes() for one in out.rglob("*") if one.is_file()}
    assert invoke(["repair", str(out)]) == 0
    assert "is not damaged" in capsys.readouterr().out
    assert {one: one.read_bytes() for one in out.rglob("*") if one.is_file()} == before
    bad = line(lambda row: "nonsense")
    bad(path.parent)
    assert invoke(["repair", str(out)]) == 0
    said = capsys.readouterr().out
    assert "records.jsonl line 2 is damaged" in said and "set aside in" in said
    (kept,) = (out / "damaged").rglob("records.jsonl")
    assert kept.read_text() == "nonsense\n"
    assert invoke(["repair", str(tmp_path / "nowhere")]) == 2
    assert "holds no run" in capsys.readouterr().err


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return finished(tmp_path_factory.mktemp("base"), limit=2)[0]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
FILES = ["run.json", "calls/0001.json", "cells/*/cell.json", "cells/*/records.jsonl", "cells/*/traces.jsonl", "cells/*/DONE"]


def spoil(base: Path, folder: Path, file: str, where: float, value: Any) -> Path:
    """A copy of a run in which one value somewhere in a file is another one."""
    shutil.rmtree(folder, ignore_errors=True)
    out = Path(shutil.copytree(base, folder))
    path = next(out.glob(file))
    first, *rest = path.read_text().splitlines() if file.endswith("jsonl") else [path.read_text()]
    places: list[tuple[Any, Any]] = []

    def walk(node: Any) -> None:
        for key in node if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ():
            places.append((node, key))
            walk(node[key])

    whole = json.loads(first)
    walk(whole)
    node, key = places[int(where * len(places)) % len(places)]
    node[key] = value
    path.write_text("\n".join([json.dumps(whole), *rest]) + "\n")
    return out


def refusals(out: Path) -> list[str]:
    """The sentences that refuse reading a run, repairing it, and reading it again; none for what works."""
    said = []
    for act in (lambda: samples(out), lambda: repair(out), lambda: samples(out)):
        try:
            act()
        except UserError as error:
            said.append(str(error))
    return said


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(file=st.sampled_from(FILES), where=st.floats(0, 1), value=JSON)
@example(file="run.json", where=0.0, value="\n")
@example(file="cells/*/cell.json", where=0.0, value="\x1b[31m\u202e\r\n")
@example(file="cells/*/cell.json", where=0.359375, value=[])  # no metrics
@example(file="cells/*/records.jsonl", where=0.05, value="a\nb")
@example(file="cells/*/records.jsonl", where=0.0, value={"\n": "\n"})
def test_any_value_anywhere_is_read_or_refused_in_one_sentence(
    base: Path, tmp_path: Path, file: str, where: float, value: Any
) -> None:  # fault 57
    assert not any("\n" in said for said in refusals(spoil(base, tmp_path / "out", file, where, value)))


@pytest.mark.slow
@pytest.mark.timeout(3600)
@settings(max_examples=4000, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(file=st.sampled_from(FILES), where=st.floats(0, 1), value=JSON)
def test_any_value_anywhere_at_length(base: Path, tmp_path: Path, file: str, where: float, value: Any) -> None:  # fault 57
    assert not any("\n" in said for said in refusals(spoil(base, tmp_path / "out", file, where, value)))
