"""A sample that nobody can decode ends neither the run nor becomes a wrong answer, and what workers say is not trusted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from real_ray import At
from simulated import GARBAGE, cells, sample

from parallelbench import cli, run
from parallelbench.errors import UserError
from parallelbench.experiments.executors.events import CellOpened, CellTodo, Events, SampleDone, SampleFailed
from parallelbench.experiments.executors.local import LocalExecutor
from parallelbench.experiments.executors.wire import GarbageError, decode, encode
from parallelbench.experiments.model_pool import ModelPool
from parallelbench.runs.folder import read_run
from parallelbench.runs.undecoded import read_undecoded
from stored_records import records

TASK, DECODERS = "waiting_line/copy:lengths=[3]", ["confidence:k=8", "random:k=8"]
RUN = ["run", "-m", "exact", "-t", TASK, "--limit", "4", *(f"-d{decoder}" for decoder in DECODERS)]


class Losing:
    """The local executor, which loses the second sample of each cell."""

    def __init__(self) -> None:
        self._local = LocalExecutor(ModelPool(), 4)

    def execute(self, todo: Sequence[CellTodo]) -> Events:
        for one in todo:
            lost, *others = one.missing[1], one.missing[0], *one.missing[2:]
            for event in self._local.execute([CellTodo(one.work, tuple(others))]):
                yield event
                if isinstance(event, CellOpened):
                    yield SampleFailed(event.cell_id, lost, "its process ended")


def test_it_is_written_down_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    monkeypatch.setattr("parallelbench.api.executor_of", lambda sweep, pool, where: Losing())
    assert cli.invoke([*RUN, "-o", str(out)]) == 1
    shown = capsys.readouterr()
    said = shown.out + shown.err
    assert "2 samples of 2 cells could not be decoded (waiting_line/copy@1/0/" in said and "its process ended" in said
    assert not list(out.glob("cells/*/DONE")) and len(read_run(out).unfinished) == 2
    for folder in out.glob("cells/*"):
        (lost,) = read_undecoded(folder)
        assert (lost.call, lost.reason, lost.cell) == (1, "its process ended", folder.name)
    monkeypatch.undo()
    assert cli.invoke([*RUN, "-o", str(out)]) == 0
    run("exact", TASK, DECODERS, limit=4, out=tmp_path / "other", progress=False)
    assert records(out) == records(tmp_path / "other")
    results = run("exact", TASK, DECODERS, limit=4, out=out, progress=False)
    assert not results.undecoded and not read_run(out).unfinished


class Forgetting(Losing):
    """An executor that ends without an error and without all samples."""

    def execute(self, todo: Sequence[CellTodo]) -> Events:
        return (event for event in super().execute(todo) if not isinstance(event, SampleFailed))  # type: ignore[return-value]


class Repeating(Losing):
    """An executor that yields a sample twice."""

    def execute(self, todo: Sequence[CellTodo]) -> Events:
        for event in self._local.execute(todo):
            yield event
            if isinstance(event, SampleDone):
                yield event


class Disagreeing(Losing):
    """Two workers with other prompts."""

    def execute(self, todo: Sequence[CellTodo]) -> Events:
        for event in self._local.execute(todo):
            yield event
            if isinstance(event, CellOpened):
                yield replace(event, prompt_hash="0")


@pytest.mark.parametrize(("executor", "error"), [(Forgetting, RuntimeError), (Repeating, KeyError), (Disagreeing, UserError)])
def test_an_executor_cannot_break_the_promises_of_a_folder(
    executor: type[Losing], error: type[Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    monkeypatch.setattr("parallelbench.api.executor_of", lambda sweep, pool, where: executor())
    with pytest.raises(error):
        run("exact", TASK, DECODERS, limit=4, out=out, progress=At())
    monkeypatch.undo()
    assert not list(out.glob("cells/*/DONE"))
    run("exact", TASK, DECODERS, limit=4, out=out, progress=False)
    assert len(list(out.glob("cells/*/DONE"))) == 2 and all(len(rows) == 4 for rows in records(out).values())


def test_what_a_worker_reports_is_read_as_a_file_is() -> None:
    (todo,), (cell_id, prefix) = (found := cells([3])), (found[0].work.cell.id, found[0].work.cell.sample_prefix)
    first, other = todo.missing[0], todo.missing[1]
    good = encode(sample(todo, first))
    event = decode(good, cell_id, prefix, {first})
    assert isinstance(event, SampleDone) and event == sample(todo, first)
    opened = CellOpened(cell_id, "cpu", {"lone \ud800": "surrogate"}, "0", {})
    assert isinstance(decode(encode(opened), cell_id, prefix, ()), CellOpened)
    wrong = [
        *GARBAGE,
        encode(sample(todo, other)),
        (good[0], encode(sample(todo, other))[1]),
        (good[1], good[0]),
        (good[0].replace(b'"schema":3', b'"schema":2'), good[1]),
        (good[0].replace(b'"nfe":1', b'"nfe":"1"'), good[1]),
        (good[0].replace(b'"seconds":0.1', b'"seconds":-0.1'), good[1]),
        (good[0].replace(b'"seconds":0.1', b'"seconds":NaN'), good[1]),
        (good[0][:-20], good[1]),
        encode(replace(opened, cell_id="0")),
        [*good],
        (good[0].decode(), good[1].decode()),
    ]
    for parts in wrong:
        with pytest.raises(GarbageError):
            decode(parts, cell_id, prefix, {first})
