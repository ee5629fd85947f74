"""Which decoder and setting of ours each published strategy and number is.

The page publishes accuracy and tokens per step of every run, and not the setting. A fixed number of tokens per step is the
setting itself. Of the other strategies the settings that were swept are known, and each makes a decoder slower or faster, so
the runs in the order of their speed are the settings in their order (`order`). Where two runs are equally fast and not equally
accurate, that order does not tell them apart; such rows, and those of sweeps that were not published, have no setting, and
`Setting.left_out` says why.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from parallelbench.paper.names import Model

Point = tuple[float, float]
"""Tokens per step and accuracy in percent, as published."""
GAMMAS = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5)
FACTORS = (0.7, 1.0, 1.3, 1.6, 1.9)
STABLE = (0.95, 0.9, 0.8, 0.7)
DUS_BLOCKS = {1.0: 1, 2.6667: 8, 4.0: 16, 6.4: 32, 10.6667: 64}
"""Tokens per step of dilated unmasking in blocks of 2^m: 2^m / m. Blocks of 2 and of 4 both reach 2."""

TIED = "equally fast runs of other accuracy: the published order does not tell their settings apart"
NO_SWEEP = "the settings of this sweep were not published"
TWO_BLOCKS = "blocks of 2 and of 4 tokens are both 2 tokens per step"
TWO_MODES = "the second threshold of LLaDA2.1's modes was not published"
NO_DECODER = "a variant of PC-Sampler that is none of our decoders"


class Setting(NamedTuple):
    """The parameters of our decoder that a published run had; `left_out` is the rule by which they are unknown."""

    parameters: dict[str, float | int | str] | None
    left_out: str = ""


Rule = Callable[[Sequence[Point], Model], list[Setting]]
"""The settings of the runs of one model and task, which are in the order of their speed."""


@dataclass(frozen=True, slots=True)
class Strategy:
    """A published strategy.

    Attributes:
        decoder: the name of our decoder.
        rule: the settings of its runs.
    """

    decoder: str
    rule: Rule


def tokens_per_step(runs: Sequence[Point], model: Model) -> list[Setting]:
    """k is the speed itself. A block-causal model spends one more forward on each block; its runs are k = 1, 2, 4 by order."""
    if model.block:
        return [Setting({"k": 2**place}) for place in range(len(runs))]
    return [Setting({"k": round(speed)}) for speed, _ in runs]


def order(key: str, values: Sequence[float], **others: float | int) -> Rule:
    """The settings by the order of the runs' speeds; `values` begin with the slowest, `others` are what else was set."""

    def settings(runs: Sequence[Point], model: Model) -> list[Setting]:
        if len(runs) != len(values):
            return [Setting(None, NO_SWEEP)] * len(runs)
        return [
            Setting(None, TIED) if _tied(run, runs) else Setting({key: value, **others})
            for run, value in zip(runs, values, strict=True)
        ]

    return settings


def _tied(run: Point, runs: Sequence[Point]) -> bool:
    return any(other[0] == run[0] and other[1] != run[1] for other in runs)


def dilated(runs: Sequence[Point], model: Model) -> list[Setting]:
    """The block length of dilated unmasking, from its speed; all but the last level leave what is below 0.3."""
    return [
        Setting({"base": 2, "skip": 0.3, "block": DUS_BLOCKS[speed]}) if speed in DUS_BLOCKS else Setting(None, TWO_BLOCKS)
        for speed, _ in runs
    ]


def unknown(reason: str) -> Rule:
    """No run has a known setting."""
    return lambda runs, model: [Setting(None, reason)] * len(runs)


STRATEGIES: dict[str, Strategy] = {
    "random": Strategy("random", tokens_per_step),
    "l2r": Strategy("left_to_right", tokens_per_step),
    "confidence-topk": Strategy("confidence", tokens_per_step),
    "topk-margin": Strategy("margin", tokens_per_step),
    "entropy-topk": Strategy("entropy", tokens_per_step),
    "confidence-threshold": Strategy("threshold", order("gamma", GAMMAS)),
    "confidence-factor": Strategy("factor", order("f", FACTORS)),
    "klass": Strategy("klass", order("tau", STABLE, eps=0.01, n=2)),
    "slowfast": Strategy("slowfast", order("high", GAMMAS, low=0.3, explore=6, history=2, spread=1.0)),
    "wino": Strategy("wino", order("gamma", GAMMAS, back=0.9)),
    "dus": Strategy("dus", dilated),
    "confidence-eb": Strategy("eb_sampler", unknown(NO_SWEEP)),
    "apd": Strategy("apd", unknown(NO_SWEEP)),
    "confidence-pc-sampler": Strategy("pc_sampler", tokens_per_step),
    "random-pc-sampler": Strategy("pc_sampler", unknown(NO_DECODER)),
    "confidence-threshold-quality": Strategy("joint_edit", unknown(TWO_MODES)),
    "confidence-threshold-speed": Strategy("joint_edit", unknown(TWO_MODES)),
}
"""Published name of each strategy: ours. KLASS, SlowFast, WINO and DUS have the settings of the page's sweep of March 2026."""
