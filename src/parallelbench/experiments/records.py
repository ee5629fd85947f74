"""From a generation to a record: scores, speed, and what a reader wants to see."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from parallelbench.contracts.denoiser import Denoiser
from parallelbench.contracts.thoughts import split_thought
from parallelbench.metrics import score
from parallelbench.metrics.speed import decoding_order, measure
from parallelbench.schema import Generation, Record
from parallelbench.theory import shape_of_sample


def hash_of(text: str) -> str:
    """Return the first 16 hexadecimal digits of a text's SHA-256."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def make_row(generation: Generation, model: Denoiser, metrics: Sequence[str]) -> dict[str, Any]:
    """Score and measure one generation; the result is a line of records.jsonl (docs/records.md)."""
    prompt, sample, ledger = generation.prompt, generation.prompt.sample, generation.ledger
    given = [position for position, token in enumerate(prompt.canvas) if token != model.info.mask_id]
    speed = measure(ledger, generation.token_ids, model.info.end_ids, given)
    codec = model.codec_for(sample)
    answer, thought = split_thought(generation.text, prompt.text)
    record = Record(
        sample_id=sample.id,
        index=sample.index,
        prompt_hash=hash_of(prompt.text),
        text=answer,
        token_ids=list(generation.token_ids),
        content_tokens=speed.content_tokens,
        scores=score(sample, answer, metrics),
        nfe=speed.nfe,
        tokens_per_step=speed.tokens_per_step,
        content_tokens_per_forward=speed.content_tokens_per_forward,
        seconds=generation.seconds,
        ledger=asdict(ledger),
        order=asdict(decoding_order(ledger.history)),
        law=None if sample.law is None else shape_of_sample(sample.law, sample.facts),
        shown={
            "prompt": prompt.text,
            "answer": sample.answer,
            "pieces": [codec.decode([token]) for token in generation.token_ids],
            **({} if thought is None else {"thought": thought}),
        },
    )
    return asdict(record)
