"""The one row builder: from a decoded sample to the record and the trace that are stored."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from parallelbench.contracts.thoughts import split_thought
from parallelbench.experiments.decoded import Decoded
from parallelbench.metrics import score
from parallelbench.metrics.speed import decoding_order
from parallelbench.runs.border import SCHEMA, cleaned
from parallelbench.runs.records import DecodingOrder, Extent, LawShape, Record, Trace
from parallelbench.theory import shape_of_sample


def hash_of(text: str) -> str:
    """Return the first 16 hexadecimal digits of a text's SHA-256."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:16]


def make_row(decoded: Decoded, metrics: Sequence[str], cell_id: str) -> tuple[Record, Trace]:
    """Score and measure one decoded sample.

    Characters that no file can hold (lone surrogates) are replaced before anything is scored, and the record says in which
    fields, so that a score is always the score of the text that is stored.
    """
    whole, prompt, pieces = cleaned(decoded.text), cleaned(decoded.prompt), tuple(cleaned(decoded.pieces))
    text, thought = split_thought(whole, prompt, decoded.sample.marker)
    reported = decoded.reported
    if reported is not None:
        reported = replace(reported, finish=cleaned(reported.finish), usage=cleaned(reported.usage))
    versions: dict[str, tuple[Any, Any]] = {
        "text": (whole, decoded.text),
        "prompt": (prompt, decoded.prompt),
        "pieces": (pieces, tuple(decoded.pieces)),
        "reported": (reported, decoded.reported),
    }
    sample, speed, order = decoded.sample, decoded.speed, decoding_order(decoded.history)
    shape = None if sample.law is None else shape_of_sample(sample.law, sample.facts)
    record = Record(
        schema=SCHEMA,
        cell=cell_id,
        sample_id=sample.id,
        index=sample.index,
        prompt_hash=hash_of(decoded.prompt),
        answer_hash=hash_of(sample.answer),
        text=text,
        canvas_tokens=len(decoded.token_ids),
        content_tokens=speed.content_tokens,
        scores=score(sample, text, metrics),
        nfe=speed.nfe,
        tokens_per_step=speed.tokens_per_step,
        content_tokens_per_forward=speed.content_tokens_per_forward,
        seconds=decoded.seconds,
        costs=decoded.costs,
        order=DecodingOrder(order.afp, order.kendall_tau, order.spearman),
        law=None if shape is None else LawShape(**shape),
        reported=reported,
        replaced=tuple(name for name, (now, before) in versions.items() if now != before),
        trace=Extent(0, 0),
    )
    trace = Trace(
        schema=SCHEMA,
        cell=cell_id,
        sample_id=sample.id,
        prompt=prompt,
        answer=cleaned(sample.answer),
        token_ids=tuple(decoded.token_ids),
        pieces=pieces,
        thought=thought,
        history=tuple(tuple(writes) for writes in decoded.history),
    )
    return record, trace
