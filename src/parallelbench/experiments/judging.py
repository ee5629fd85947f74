"""Judges many texts at once: in processes where it is work for this machine, in threads where a server does it."""

from __future__ import annotations

import contextlib
import itertools
import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

from parallelbench.metrics import Metric, resolve
from parallelbench.metrics.failures import label
from parallelbench.runs.scores import FAILURES
from parallelbench.schema import Sample

CHUNK = 32
AHEAD = 4
"""Chunks in flight for each worker: enough to keep them busy, few enough that little is lost when one of them fails."""
BLAS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")


class ScoredText(NamedTuple):
    """A text to be judged, with its sample (None: there is nothing to judge), whether its headline score is 1, and whether it
    filled its canvas."""

    sample: Sample | None
    text: str
    right: bool
    full: bool


class Verdict(NamedTuple):
    """What a judge says of a text: a value and what a checker found (rule, start, end), or the reasons of its failure."""

    value: float | None = None
    hits: tuple[tuple[str, int, int], ...] = ()
    labels: tuple[str, ...] = ()


Judge = Callable[[Iterable[ScoredText]], Iterator[Verdict]]


@contextlib.contextmanager
def judging(spec: str, metric: Metric | None, jobs: int) -> Iterator[Judge]:
    """Yield a function that judges texts by a metric (None: by the labeller of failures), in their order."""
    if metric is not None and metric.remote:
        with _stopping(ThreadPoolExecutor(jobs)) as pool:
            yield partial(_in_flight, pool, partial(_judge_all, partial(_by_metric, metric)), jobs, 1)
    elif jobs == 1:
        verdict = _verdict(metric)
        yield lambda texts: map(verdict, texts)
    else:
        for name in BLAS:
            os.environ.setdefault(name, "1")  # read by the workers as they start: one core each
        with _stopping(ProcessPoolExecutor(jobs, _context())) as pool:
            yield partial(_in_flight, pool, partial(_judge_in_worker, spec), jobs, CHUNK)


def _context() -> multiprocessing.context.BaseContext:
    """Workers start from one process that has imported what they need; where a system lacks that, each imports it again."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return context


def _in_flight(
    pool: Executor, work: Callable[[list[ScoredText]], list[Verdict]], jobs: int, size: int, texts: Iterable[ScoredText]
) -> Iterator[Verdict]:
    """Judge chunks of `size`, a few for each worker in flight, and yield the verdicts in order."""
    chunks = itertools.batched(texts, size) if hasattr(itertools, "batched") else _batched(texts, size)
    waiting = [pool.submit(work, list(chunk)) for chunk in itertools.islice(chunks, jobs * AHEAD)]
    while waiting:
        yield from waiting.pop(0).result()
        waiting += [pool.submit(work, list(chunk)) for chunk in itertools.islice(chunks, 1)]


def _batched(texts: Iterable[ScoredText], size: int) -> Iterator[tuple[ScoredText, ...]]:
    rest = iter(texts)
    while chunk := tuple(itertools.islice(rest, size)):
        yield chunk


def _judge_all(verdict: Callable[[ScoredText], Verdict], texts: list[ScoredText]) -> list[Verdict]:
    return [verdict(text) for text in texts]


def _judge_in_worker(spec: str, texts: list[ScoredText]) -> list[Verdict]:
    return _judge_all(_verdict(None if spec == FAILURES else resolve(spec)), texts)


def _verdict(metric: Metric | None) -> Callable[[ScoredText], Verdict]:
    return _by_label if metric is None else partial(_by_metric, metric)


def _by_metric(metric: Metric, scored: ScoredText) -> Verdict:
    """The value, and for a checker what it found."""
    assert scored.sample is not None
    value = metric.function(scored.sample, scored.text)
    if metric.explain is None or value == 1.0 or not scored.text.strip():
        return Verdict(value)
    return Verdict(value, hits=tuple((str(rule), start, end) for rule, start, end in metric.explain(scored.text)))


def _by_label(scored: ScoredText) -> Verdict:
    if scored.sample is None:
        return Verdict()
    return Verdict(labels=tuple(label(scored.sample, scored.text, scored.right, scored.full)))


@contextlib.contextmanager
def _stopping(pool: Executor) -> Iterator[Executor]:
    """Leave a pool without waiting for work of which the result is no longer wanted."""
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
