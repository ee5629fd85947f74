"""The class of Ray's actors, called in this process."""

from __future__ import annotations

from pathlib import Path

import pytest

from parallelbench.experiments.executors import remote_worker
from parallelbench.experiments.executors.chunks import Chunk
from parallelbench.experiments.executors.events import CellOpened, SampleDone
from parallelbench.experiments.executors.orders import order_of
from parallelbench.experiments.executors.remote_worker import RemoteWorker, Setup, is_report
from parallelbench.experiments.executors.wire import decode
from parallelbench.experiments.model_pool import ModelPool
from parallelbench.experiments.plan import plan
from parallelbench.experiments.spec import Sweep


@pytest.mark.parametrize("period", [0.0, 60.0])
def test_chunks_are_decoded_in_their_order_and_no_report_is_about_two(period: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request opens a chunk or decodes; one without a chunk is answered with an empty report."""
    monkeypatch.setattr(remote_worker, "PERIOD", period)
    sweep = Sweep.model_validate({"models": "exact", "tasks": "waiting_line/copy", "decoders": "confidence:k=[4,8]"})
    works = plan(sweep, ModelPool())
    orders = [order_of(work, Chunk(work.cell.id, work.model, work.indices[:3]), None) for work in works]
    worker = RemoteWorker(Setup(None, 2, str(Path.cwd()), allow_code=False))
    assert worker.proceed().events == ()
    found: list[tuple[str, list[str]]] = []
    waiting, ended = list(orders), 0
    while ended < 2:
        report = worker.proceed(waiting.pop(0) if waiting else None)
        assert is_report(report) and report.refused is None and report.memory is None
        work = works[ended]
        left = {*work.indices[:3]}
        events = [decode(parts, work.cell.id, work.cell.sample_prefix, left) for parts in report.events]
        kinds = {type(event) for event in events}
        assert kinds == {CellOpened} or kinds == {SampleDone} or (not kinds and report.ended)
        found.append((work.decoder.spec if work.decoder else "", [type(event).__name__ for event in events]))
        ended += report.ended
    assert worker.proceed().events == ()
    for work in works:
        names = [name for spec, kinds in found if work.decoder and spec == work.decoder.spec for name in kinds]
        assert names == ["CellOpened", *["SampleDone"] * 3]
