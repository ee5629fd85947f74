"""Judges many texts at once: in processes where it is work for this machine, in threads where a server does it."""

from __future__ import annotations

import contextlib
import itertools
import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from typing import Any, NamedTuple

from parallelbench.metrics import Metric, resolve
from parallelbench.metrics.failures import label
from parallelbench.runs.scores import FAILURES
from parallelbench.schema import Sample

CHUNK = 32
AHEAD = 4
"""Chunks in flight for each worker: enough to keep them busy, few enough that little is lost when one of them fails."""
BLAS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")


class Question(NamedTuple):
    """A text with its sample (None: nothing to judge), whether its headline score is 1, and whether it filled its canvas."""

    sample: Sample | None
    text: str
    right: bool
    full: bool


Verdict = dict[str, Any]
Judge = Callable[[Iterable[Question]], Iterator[Verdict]]


@contextlib.contextmanager
def judging(spec: str, metric: Metric | None, jobs: int) -> Iterator[Judge]:
    """Give a function that judges questions by a metric (None: by the labeller of failures), in their order."""
    if metric is not None and metric.remote:
        with _stopping(ThreadPoolExecutor(jobs)) as pool:
            yield partial(_in_flight, pool, partial(_judge_all, partial(_by_metric, metric)), jobs, 1)
    elif jobs == 1:
        verdict = _verdict(spec, metric)
        yield lambda questions: map(verdict, questions)
    else:
        for name in BLAS:
            os.environ.setdefault(name, "1")  # read by the workers as they start: one core each
        with _stopping(ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"))) as pool:
            yield partial(_in_flight, pool, partial(_judge_in_worker, spec), jobs, CHUNK)


def _in_flight(
    pool: Executor, work: Callable[[list[Question]], list[Verdict]], jobs: int, size: int, questions: Iterable[Question]
) -> Iterator[Verdict]:
    """Judge chunks of `size`, a few for each worker in flight, and yield the verdicts in order."""
    chunks = itertools.batched(questions, size) if hasattr(itertools, "batched") else _batched(questions, size)
    waiting = [pool.submit(work, list(chunk)) for chunk in itertools.islice(chunks, jobs * AHEAD)]
    while waiting:
        yield from waiting.pop(0).result()
        waiting += [pool.submit(work, list(chunk)) for chunk in itertools.islice(chunks, 1)]


def _batched(questions: Iterable[Question], size: int) -> Iterator[tuple[Question, ...]]:
    rest = iter(questions)
    while chunk := tuple(itertools.islice(rest, size)):
        yield chunk


def _judge_all(verdict: Callable[[Question], Verdict], questions: list[Question]) -> list[Verdict]:
    return [verdict(question) for question in questions]


def _judge_in_worker(spec: str, questions: list[Question]) -> list[Verdict]:
    return _judge_all(_verdict(spec, None if spec == FAILURES else resolve(spec)), questions)


def _verdict(spec: str, metric: Metric | None) -> Callable[[Question], Verdict]:
    return _by_label if metric is None else partial(_by_metric, metric)


def _by_metric(metric: Metric, question: Question) -> Verdict:
    """The value, and for a checker what it found."""
    assert question.sample is not None
    value = metric.function(question.sample, question.text)
    if metric.explain is None or value == 1.0:
        return {"value": value}
    return {"value": value, "hits": metric.explain(question.text) if question.text.strip() else []}


def _by_label(question: Question) -> Verdict:
    sample = question.sample
    return {"labels": [] if sample is None else list(label(sample, question.text, question.right, question.full))}


@contextlib.contextmanager
def _stopping(pool: Executor) -> Iterator[Executor]:
    """Leave a pool without waiting for what nobody will read."""
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
