"""How often a decoder is right on Shuffle of four items, what the sizes of its steps promise, and what no choice can exceed.

While the tokens written so far can still become a right answer, each of the m open positions has the same distribution, uniform
over the m items that are left. If s positions are chosen before their tokens are drawn, all s tokens are different with
probability

    q(m, s) = m! / ((m - s)! m^s)        (paper, equation 4),

whatever was drawn in earlier steps, and however s and the positions were chosen from it. So over all steps that begin with
different tokens, the number of steps that also end with different tokens has the same mean as the sum of their q: the
difference is a martingale, with the variance sum q (1 - q). The product of q over all steps of a decode is no such promise. A
decoder that takes small steps once it has made a mistake multiplies large q into decodes that are wrong already.

A decoder may also choose what to keep after the draw. It is right within T forwards at most with the probability V(4, T) of
`parallelbench.theory.collision`, whatever its rule, provided that it draws each position independently, takes nothing back and
reads one row a forward.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

from parallelbench.contracts.denoiser import Denoiser
from parallelbench.decoding.decoder import Decoder
from parallelbench.decoding.engine import Engine
from parallelbench.decoding.prompts import make_prompt
from parallelbench.decoding.state import Write
from parallelbench.metrics import score
from parallelbench.models.exact import Exact
from parallelbench.models.exact_items import ItemScheme
from parallelbench.schema import Generation
from parallelbench.tasks import load_task
from parallelbench.theory.collision import shuffle_after_draw

EPSILON = 1e-6
Z999 = 3.2905267314919255
"""Half width of a 99.9 % interval in standard deviations."""
ITEMS = 4
DRAWS = 400
"""Samples that are decoded."""


@dataclass(frozen=True, slots=True)
class Share:
    """What a decoder did on `samples` samples of Shuffle at temperature 1.

    `kept` counts steps after which all tokens were different, of those before which they were; `promised` is the mean of that
    number, and `variance` its variance, if positions are chosen before the draw. `within[T - 1]` counts the samples that were
    right within T forwards, one row each, with nothing taken back; `forwards` is the mean of forwards per sample.
    """

    samples: int
    right: int
    kept: int
    promised: float
    variance: float
    within: tuple[int, ...]
    forwards: float

    @property
    def shortfall(self) -> bool:
        """True where fewer steps kept their tokens different than their sizes promise, beyond chance."""
        return self.kept < self.promised - Z999 * math.sqrt(self.variance) - 1e-6

    @property
    def excess(self) -> int | None:
        """The least T within which more samples are right than any choice after independent draws explains; None: no T."""
        for forwards, right in enumerate(self.within, 1):
            chance = shuffle_after_draw(ITEMS, forwards)
            if right > self.samples * chance + Z999 * math.sqrt(self.samples * chance * (1 - chance)) + 1e-6:
                return forwards
        return None


@cache
def item_model() -> Denoiser:
    """The exact model with one token for each item."""
    return Exact(ItemScheme(64), EPSILON)


def shuffle_share(decoder: Decoder, count: int = DRAWS, seed: int = 0) -> Share:
    """Decode Shuffle of four items with the exact model at temperature 1; the original order is a right answer too."""
    model = item_model()
    task = load_task(f"list_ops/shuffle:lengths=[{ITEMS}],may_stay=true")
    sample = task.sample(0, 0, 0)
    prompts = (make_prompt(model, replace(sample, index=index), task.max_new_tokens, infill=True) for index in range(count))
    right, kept, promised, variance, forwards, within = 0, 0, 0.0, 0.0, 0, [0] * ITEMS
    for done in Engine(model, DRAWS, model).generate(prompts, decoder.model_copy(update={"temperature": 1.0}), seed):
        good = score(done.prompt.sample, done.text, task.metrics[:1])[task.metrics[0]] == 1.0
        right += good
        forwards += sum(done.ledger.nfe.values())
        for chance, still_possible in _steps(done, frozenset(model.codec_for(sample).encode(sample.answer))):
            kept += still_possible
            promised += chance
            variance += chance * (1.0 - chance)
        for limit in range(_forwards_in_line(done) if good else ITEMS, ITEMS):
            within[limit] += 1
    return Share(count, right, kept, promised, variance, tuple(within), forwards / count)


def _steps(done: Generation, possible: frozenset[int]) -> list[tuple[float, bool]]:
    """For each step that begins with different items: the probability that it ends with different ones, and whether it did.

    The list ends with the first step that does not, and before the first one that takes a token back. `possible` holds the
    tokens of a right answer.
    """
    steps: list[tuple[float, bool]] = []
    seen: set[int] = set()
    for writes in done.ledger.history:
        if _takes_back(writes):
            break
        left, tokens = ITEMS - len(seen), [token for _, token, _, _ in writes]
        kept = len(seen.union(tokens)) == len(seen) + len(tokens) and possible.issuperset(tokens)
        steps.append((math.prod((left - taken) / left for taken in range(len(tokens))), kept))
        if not kept:
            break
        seen.update(tokens)
    return steps


def _forwards_in_line(done: Generation) -> int:
    """The index of the forward that completed the answer; `ITEMS` where `collision` sets no limit to the decode."""
    history = done.ledger.history
    if done.ledger.rows > sum(done.ledger.nfe.values()) or any(_takes_back(writes) for writes in history):
        return ITEMS
    return max((index for index, writes in enumerate(history) if writes), default=ITEMS)


def _takes_back(writes: Sequence[Write]) -> bool:
    return any(action != "commit" for *_, action in writes)
