"""Scores a run afterwards: from the stored texts, without a model, in parallel, and only what is missing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from parallelbench.errors import UserError
from parallelbench.experiments.judging import Judge, ScoredText, judging
from parallelbench.experiments.records import hash_of
from parallelbench.experiments.task_specs import task_again
from parallelbench.metrics import METRICS, Metric, resolve
from parallelbench.metrics.failures import VERSION, is_full
from parallelbench.metrics.grammar.embedded import version
from parallelbench.runs.calls import Call
from parallelbench.runs.cell import Cell
from parallelbench.runs.disk import locked
from parallelbench.runs.folder import StoredCell, StoredRun, read_run
from parallelbench.runs.records import Record
from parallelbench.runs.scores import (
    FAILURES,
    ScoreRow,
    appending_scores,
    check_backends,
    head_of,
    is_complete,
    read_scores,
    row_line,
    score_file,
    scores_of,
)
from parallelbench.sandbox import check_allowed, code_allowed
from parallelbench.schema import Sample
from parallelbench.tasks import Task

Say = Callable[[str], None]


class Scored(NamedTuple):
    """One metric on one cell: its backend, how many samples, how many of them were computed now, and their mean."""

    metric: str
    backend: str
    task: str
    decoder: str
    samples: int
    computed: int
    mean: float


def score_run(out: Path, specs: Sequence[str], jobs: int, say: Say = lambda text: None) -> list[Scored]:
    """Compute metrics (`metrics.resolve`), or the reasons of failures ("failures"), for every sample of a run that lacks them.

    Scores of another backend or version are thrown away first. A cell of which the samples lack the facts that a metric reads
    is passed over.

    Raises:
        UserError: a name is unknown, the folder is no run, is being written or was made by another version of a task, or a
            server cannot be used; whatever was computed until then is kept.
    """
    run = read_run(out)
    metrics: dict[str, Metric | None] = {spec: None if spec == FAILURES else resolve(spec) for spec in specs}
    for metric in metrics.values():
        if metric is not None and metric.runs_code:
            check_allowed(f"metric '{metric.name}'")
    found: list[Scored] = []
    with locked(out):
        for spec, metric in metrics.items():
            with judging(spec, metric, jobs) as judge:
                done = [one for cell in run.cells if (one := _score_cell(run, cell, metric, judge, say)) is not None]
            if not done and run.cells and metric is not None:
                raise UserError(f"no sample of {out} has the facts that '{metric.name}' reads ({', '.join(metric.needs)}).")
            found += done
    check_backends(run)
    return found


def label_run(run: StoredRun) -> None:
    """Compute the reasons of failures for every sample of one folder's run that lacks them; cells that have all are not read.

    Raises:
        UserError: as `score_run`.
    """
    with locked(run.folders[0].path), judging(FAILURES, None, jobs=1) as judge:
        for cell in run.cells:
            if not is_complete(cell.folders[0], FAILURES, _label_backend(cell)):
                _score_cell(run, cell, None, judge, lambda text: None)


def _score_cell(run: StoredRun, stored: StoredCell, metric: Metric | None, judge: Judge, say: Say) -> Scored | None:
    """Score what is missing of one cell; None where its samples lack the facts."""
    cell, folder = stored.cell, stored.folders[0]
    name = FAILURES if metric is None else metric.name
    backend = _label_backend(stored) if metric is None else metric.backend()
    path = score_file(folder, name)
    before = read_scores(path)
    keep = before is not None and before.backend == backend
    rows = dict(before.rows) if before is not None and keep else {}
    records = folder.records(cell)
    task = load(run, stored)
    if metric is not None and (not records or not _has_facts(metric, sample_again(task, cell, records[0]))):
        return None
    missing = [record for record in records if record.sample_id not in rows]
    if missing or not keep:
        say(f"{name}  {cell.task}  {cell.decoder}: {len(missing)} texts")
    headline = _headline_rows(stored, metric)
    texts = [_text(task, cell, record, headline, metric) for record in missing]  # may refuse, before any score is replaced
    with appending_scores(path, head_of(cell.id, name, backend), keep) as file:
        for record, verdict in zip(missing, judge(texts), strict=True):
            row = ScoreRow(record.sample_id, *verdict)
            file.append(row_line(row))
            rows[record.sample_id] = row
    return Scored(name, backend, cell.task, cell.decoder, len(rows), len(missing), _mean(rows, metric))


def _mean(rows: Mapping[str, ScoreRow], metric: Metric | None) -> float:
    values = [float(bool(row.labels)) if metric is None else float(row.value or 0.0) for row in rows.values()]
    return sum(values) / max(1, len(values))


def _headline_rows(stored: StoredCell, metric: Metric | None) -> Mapping[str, ScoreRow]:
    """The headline metric's values that were computed afterwards; the labeller of failures alone reads them."""
    if metric is not None:
        return {}
    found = [one for one in scores_of(stored) if one.name == stored.cell.metrics[0]]
    return found[0].rows if found else {}


def _text(task: Task, cell: Cell, record: Record, later: Mapping[str, ScoreRow], metric: Metric | None) -> ScoredText:
    """What a worker needs. A right list needs no reasons, so its sample is not made again."""
    headline = cell.metrics[0]
    row = later.get(record.sample_id)
    value = record.scores.get(headline, 0.0) if row is None else row.value
    right = value == 1.0
    if metric is None and right and not headline.startswith("grammar"):
        return ScoredText(None, "", True, False)
    full = is_full(record.canvas_tokens, record.content_tokens, record.costs.flags)
    return ScoredText(sample_again(task, cell, record), record.text, right, full)


def load(run: StoredRun, stored: StoredCell) -> Task:
    """Make the task of a cell again.

    Raises:
        UserError: it cannot be made, for example because its files are no longer there.
    """
    cell, calls = stored.cell, {call.number: call for call in run.folders[0].calls}
    call: Call | None = calls.get(stored.sessions[-1].call) if stored.sessions else None
    return task_again(cell.task_spec, cell.suite, None if call is None else call.resolved.get("data_dir"))


def sample_again(task: Task, cell: Cell, record: Record) -> Sample:
    """Make the sample of a record again.

    Raises:
        UserError: the task has another sample of this index now.
    """
    sample = task.sample(cell.seed, record.index, cell.shots)
    if sample.id != record.sample_id or hash_of(sample.answer) != record.answer_hash:
        raise UserError(f"{cell.task} has changed since this run; score it with the version of parallelbench that ran it.")
    return sample


def _has_facts(metric: Metric, sample: Sample) -> bool:
    return all(need in sample.facts for need in metric.needs)


def _label_backend(stored: StoredCell) -> str:
    """Reasons follow from the labeller, for texts from the grammar checker, and from what decided that the answer is wrong."""
    headline, folder = stored.cell.metrics[0], stored.folders[0]
    later = read_scores(score_file(folder, headline))
    judged = later.backend if later is not None else stored.files[0].backends.get(headline, "as recorded")
    checker = f"{version()}; " if _is_text(headline) else _programs(stored) if resolve(headline).runs_code else ""
    return f"labels {VERSION}; {checker}{headline}: {judged}"


def _programs(stored: StoredCell) -> str:
    """Whether reasons follow from running the programs: where that is allowed now, or was when the reasons were written."""
    before = read_scores(score_file(stored.folders[0], FAILURES))
    ran = "programs run; "
    return ran if code_allowed() or (before is not None and ran in before.backend) else ""


@cache
def _is_text(headline: str) -> bool:
    """True for a metric of text; those of lists and puzzles come in a lenient and a strict form.

    All names of metrics are those of installed packages too, which takes a while to find out for each of many cells.
    """
    return f"{headline.removesuffix('_strict')}_strict" not in METRICS.names()
