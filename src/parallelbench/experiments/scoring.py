"""Scores a run afterwards: from the stored texts, without a model, in parallel, and only what is missing."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from parallelbench.errors import UserError
from parallelbench.experiments.judging import Judge, Question, judging
from parallelbench.metrics import Metric, resolve
from parallelbench.metrics.failures import VERSION, is_full
from parallelbench.metrics.grammar import is_clean
from parallelbench.metrics.grammar.embedded import version
from parallelbench.runs.disk import Appender, disk_errors, line_of, locked
from parallelbench.runs.folder import RECORDS, RunFolder, read_run
from parallelbench.runs.lines import Row, read_lines, whole_bytes
from parallelbench.runs.scores import FAILURES, SCHEMA, check_backends, read_stored, score_file, stored
from parallelbench.schema import Sample
from parallelbench.tasks import SUITES, Task, load_task

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

    Scores of another backend or version are thrown away first. A cell whose samples lack the facts that a metric reads is
    passed over.

    Raises:
        UserError: a name is unknown, the folder is no run, is being written or was made by another version of a task, or a
            server cannot be used; whatever was computed until then is kept.
    """
    folder = read_run(out)
    metrics = {spec: None if spec == FAILURES else resolve(spec) for spec in specs}
    found: list[Scored] = []
    with locked(out):
        for spec, metric in metrics.items():
            with judging(spec, metric, jobs) as judge:
                done = [one for cell in folder.cells if (one := _score_cell(folder, cell, metric, judge, say)) is not None]
            if not done and folder.cells and metric is not None:
                raise UserError(f"no sample of {out} has the facts that '{metric.name}' reads ({', '.join(metric.needs)}).")
            found += done
    check_backends(folder)
    return found


def _score_cell(folder: RunFolder, cell: Mapping[str, Any], metric: Metric | None, judge: Judge, say: Say) -> Scored | None:
    """Score what is missing of one cell; None where its samples lack the facts."""
    headline = str(cell["metrics"][0])
    records = list(read_lines(folder.cell_path(cell["id"]) / RECORDS))
    task = load(folder, cell)
    if metric is not None and (not records or not _suits(metric, _sample(task, cell, records[0]))):
        return None
    name = FAILURES if metric is None else metric.name
    backend = _label_backend(folder, cell) if metric is None else metric.backend()
    path = score_file(folder, cell["id"], name)
    before = read_stored(path)
    keep = before is not None and before.backend == backend
    done = dict(before.rows) if before is not None and keep else {}
    missing = [record for record in records if record["sample_id"] not in done]
    later = {one.name: one.rows for one in stored(folder, cell["id"])}.get(headline, {}) if metric is None else {}
    questions = (_question(task, cell, record, headline, later, metric) for record in missing)
    if missing or not keep:
        say(f"{name}  {cell['task']}  {cell['decoder']}: {len(missing)} texts")
    with _appending(path, keep, {"schema": SCHEMA, "metric": name, "backend": backend}) as file:
        for record, verdict in zip(missing, judge(questions), strict=True):
            row = {"sample_id": record["sample_id"], **verdict}
            file.append(line_of(row))
            done[record["sample_id"]] = row
    values = [float(row["value"] if "value" in row else bool(row["labels"])) for row in done.values()]
    mean = sum(values) / max(1, len(values))
    return Scored(name, backend, str(cell["task"]), str(cell["decoder"]), len(values), len(missing), mean)


def _question(
    task: Task, cell: Mapping[str, Any], record: Row, headline: str, later: Mapping[str, Any], metric: Metric | None
) -> Question:
    """What a worker needs. A right list needs no reasons, so its sample is not made again."""
    value = later.get(record["sample_id"], {}).get("value", record["scores"].get(headline, 0.0))
    right = value == 1.0
    full = is_full(record["token_ids"], record["content_tokens"], record["ledger"]["flags"])
    if metric is None and right and not headline.startswith("grammar"):
        return Question(None, "", True, False)
    return Question(_sample(task, cell, record), record["text"], right, full)


def load(folder: RunFolder, cell: Mapping[str, Any]) -> Task:
    """Make the task of a cell again.

    Raises:
        UserError: it cannot be made, for example because its files are no longer there.
    """
    suite = cell["suite"] if cell["suite"] in SUITES else SUITES[0]
    return load_task(cell["task_spec"], suite=suite, data_dir=folder.run["resolved"].get("data_dir"), clean=is_clean)


def _sample(task: Task, cell: Mapping[str, Any], record: Row) -> Sample:
    sample = task.sample(int(cell["seed"]), record["index"], int(cell["shots"]))
    if sample.id != record["sample_id"] or sample.answer != record["shown"]["answer"]:
        raise UserError(f"{cell['task']} has changed since this run; score it with the version of parallelbench that ran it.")
    return sample


def _suits(metric: Metric, sample: Sample) -> bool:
    return all(need in sample.facts for need in metric.needs)


def _label_backend(folder: RunFolder, cell: Mapping[str, Any]) -> str:
    """Reasons follow from the labeller, from the checker, and from what decided that the answer is wrong."""
    headline = cell["metrics"][0]
    later = read_stored(score_file(folder, cell["id"], headline))
    judged = later.backend if later is not None else cell.get("backends", {}).get(headline, "as recorded")
    return f"labels {VERSION}; {version()}; {headline}: {judged}"


@contextlib.contextmanager
def _appending(path: Path, keep: bool, head: Mapping[str, Any]) -> Iterator[Appender]:
    """Open a file of scores for more lines; a new one, or one of another backend, begins with its first line."""
    with disk_errors(path):
        path.parent.mkdir(exist_ok=True)
        if not keep:
            path.unlink(missing_ok=True)
    file = Appender(path, whole_bytes(path) if keep else 0)
    try:
        if not keep:
            file.append(line_of(head))
        yield file
    finally:
        file.close()
