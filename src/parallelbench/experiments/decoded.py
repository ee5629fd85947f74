"""What a model made of one sample, denoiser or generator, in one form: the row builder knows no other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from parallelbench.contracts.denoiser import Denoiser
from parallelbench.contracts.generator import Reply
from parallelbench.metrics.speed import History, Speed, measure, measure_reported
from parallelbench.runs.records import Costs, Reported
from parallelbench.schema import Generation, Ledger, Sample

CUT = frozenset({"length", "max_tokens"})
"""How protocols say that an answer was cut off at its longest."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """A decoded sample: its prompt as text, its answer, its canvas with the text of each token, and what it cost."""

    sample: Sample
    prompt: str
    text: str
    token_ids: Sequence[int]
    pieces: Sequence[str]
    history: History
    speed: Speed
    costs: Costs
    seconds: float
    reported: Reported | None = None


def from_generation(generation: Generation, model: Denoiser) -> Decoded:
    """Return what a denoiser's generation comes to."""
    prompt, ledger = generation.prompt, generation.ledger
    given = [position for position, token in enumerate(prompt.canvas) if token != model.info.mask_id]
    codec = model.codec_for(prompt.sample)
    return Decoded(
        sample=prompt.sample,
        prompt=prompt.text,
        text=generation.text,
        token_ids=generation.token_ids,
        pieces=[codec.decode([token]) for token in generation.token_ids],
        history=ledger.history,
        speed=measure(ledger, generation.token_ids, model.info.end_ids, given),
        costs=_costs(ledger, ledger.flags),
        seconds=generation.seconds,
    )


def from_reply(reply: Reply) -> Decoded:
    """Return what a generator's reply comes to; what it does not say is None."""
    flags = ("truncated",) if reply.finish in CUT else ()
    if reply.ledger is None:
        costs = Costs({} if reply.steps is None else {"reported": reply.steps}, None, None, None, None, flags)
    else:
        costs = _costs(reply.ledger, flags)
    return Decoded(
        sample=reply.sample,
        prompt=reply.prompt,
        text=reply.text,
        token_ids=reply.token_ids,
        pieces=reply.pieces,
        history=() if reply.ledger is None else reply.ledger.history,
        speed=measure_reported(reply.tokens, reply.content_tokens, reply.steps),
        costs=costs,
        seconds=reply.seconds,
        reported=Reported(reply.prompt_tokens, reply.tokens, reply.cost, reply.attempts, reply.finish, dict(reply.usage)),
    )


def _costs(ledger: Ledger, flags: tuple[str, ...]) -> Costs:
    return Costs(dict(ledger.nfe), ledger.rows, ledger.q_tokens, ledger.kv_tokens, ledger.flops, flags)
