"""Runs the cell of a generator: its missing samples become requests, replies, records on disk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from parallelbench.contracts.generator import FAMILY, Generator, Reply, Request
from parallelbench.contracts.thoughts import split_thought
from parallelbench.experiments.plan import PlannedCell
from parallelbench.experiments.progress import Progress
from parallelbench.experiments.records import hash_of
from parallelbench.metrics import backends, score
from parallelbench.metrics.speed import decoding_order, measure_reported
from parallelbench.runs.store import CellStore, line_of
from parallelbench.schema import Record, Sample
from parallelbench.theory import shape_of_sample

CUT = frozenset({"length", "max_tokens"})
"""How protocols say that an answer was cut off at its longest."""
UNKNOWN = ("rows", "q_tokens", "kv_tokens", "flops")
"""What the ledger of a generator that runs elsewhere cannot say."""


def run_generator_cell(
    work: PlannedCell,
    missing: Sequence[int],
    store: CellStore,
    model: Generator,
    batch_size: int,
    origin: Mapping[str, Any],
    progress: Progress,
) -> None:
    """Ask for the missing samples of a cell, append each as it comes, and mark the cell done.

    Raises:
        UserError: the generator cannot go on, the prompts changed since the cell was begun, or the disk cannot be written.
    """
    first = model.prompt(_sample(work, model, work.task.order(work.cell.seed)[0]))
    details = {"model": model.details(), "device": model.info.device, "batch_size": batch_size}
    metrics = {"metrics": list(work.task.metrics), "backends": backends(work.task.metrics)}
    named = {"task_spec": work.task.spec, "family": FAMILY, **metrics, "approximate": False}
    store.describe(work.cell, {**named, "provenance": {**origin, **details}}, hash_of(first))
    requests = (Request(_sample(work, model, index), work.cell.canvas_length) for index in missing)
    with store.writing() as file:
        for reply in model.generate(requests, work.cell.seed, batch_size):
            file.append(line_of(reply_row(reply, work.task.metrics)))
            progress.sample_done(work.cell)
    store.finish(len(store.done_indices()))


def reply_row(reply: Reply, metrics: Sequence[str]) -> dict[str, Any]:
    """Score and measure one reply; the result is a line of records.jsonl (docs/records.md)."""
    sample = reply.sample
    speed = measure_reported(reply.tokens, reply.content_tokens, reply.steps)
    ledger = _ledger(reply)
    answer, thought = split_thought(reply.text, reply.prompt)
    record = Record(
        sample_id=sample.id,
        index=sample.index,
        prompt_hash=hash_of(reply.prompt),
        text=answer,
        token_ids=list(reply.token_ids),
        content_tokens=speed.content_tokens,
        scores=score(sample, answer, metrics),
        nfe=speed.nfe,
        tokens_per_step=speed.tokens_per_step,
        content_tokens_per_forward=speed.content_tokens_per_forward,
        seconds=reply.seconds,
        ledger=ledger,
        order=asdict(decoding_order(ledger["history"])),
        law=None if sample.law is None else shape_of_sample(sample.law, sample.facts),
        shown={
            "prompt": reply.prompt,
            "answer": sample.answer,
            "pieces": list(reply.pieces),
            **({} if thought is None else {"thought": thought}),
        },
        reported={
            "prompt_tokens": reply.prompt_tokens,
            "tokens": reply.tokens,
            "cost": reply.cost,
            "attempts": reply.attempts,
            "finish": reply.finish,
            "usage": dict(reply.usage),
        },
    )
    return asdict(record)


def _ledger(reply: Reply) -> dict[str, Any]:
    """A ledger with the same keys as an engine's; what is unknown is None."""
    flags = ["truncated"] if reply.finish in CUT else []
    if reply.ledger is not None:
        return {**asdict(reply.ledger), "flags": flags}
    return {
        "nfe": {} if reply.steps is None else {"reported": reply.steps},
        **dict.fromkeys(UNKNOWN),
        "history": [],
        "flags": flags,
    }


def _sample(work: PlannedCell, model: Generator, index: int) -> Sample:
    return work.task.sample(work.cell.seed, index, model.info.shots)
