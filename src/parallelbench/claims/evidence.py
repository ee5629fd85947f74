"""What statements are tested with: for each setting how many of n answers were right, and draws of what accuracy that allows.

Measured and published numbers are treated alike. An accuracy is drawn from the posterior of a proportion under Jeffreys' prior,
Beta(right + 1/2, n - right + 1/2), so that 40 right answers out of 40 do not count as certainty; settings are drawn
independently, although measured ones are of the same samples, which makes intervals of differences a little too wide.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Draws = npt.NDArray[np.float64]
"""A number: first what was measured, then draws of what it may be, [1 + DRAWS]."""
DRAWS = 4000
SOURCES = ("exact", "shipped", "published")


class NoEvidence(LookupError):
    """A setting that a statement needs did not run, or was not published."""


@dataclass(frozen=True, slots=True)
class Count:
    """One setting on one task: `right` of `n` answers, at `speed` tokens per step (None where that is unknown)."""

    source: str
    model: str
    task: str
    setting: str
    right: float
    n: int
    speed: float | None = None


@dataclass(frozen=True, slots=True)
class Oracle:
    """A row of `analysis.oracle.oracles` for threshold decoding."""

    source: str
    model: str
    rule: str
    accuracy: float
    tokens_per_step: float
    fixed_tokens_per_step: float
    ratio: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class Evidence:
    """The counts of one source, and the models that a statement means if it names none."""

    source: str
    models: tuple[str, ...]
    counts: Mapping[tuple[str, str, str], Count]
    oracles: tuple[Oracle, ...] = ()
    used: list[Count] = field(default_factory=list)

    @classmethod
    def of(cls, source: str, models: Sequence[str], counts: Iterable[Count], oracles: Iterable[Oracle] = ()) -> Evidence:
        """Make the evidence of one source from the counts of all."""
        kept = {(one.model, one.task, one.setting): one for one in counts if one.source == source}
        return cls(source, tuple(models), kept, tuple(one for one in oracles if one.source == source))

    def accuracy(self, task: str, setting: str, models: Sequence[str] = ()) -> Draws:
        """The accuracy of a setting on a task, averaged over the models."""
        found = [self._draws(model, task, setting) for model in models or self.models]
        mean: Draws = np.mean(found, axis=0)
        return mean

    def mean(self, tasks: Sequence[str], setting: str, models: Sequence[str] = ()) -> Draws:
        """The plain mean over tasks."""
        mean: Draws = np.mean([self.accuracy(task, setting, models) for task in tasks], axis=0)
        return mean

    def drop(self, tasks: Sequence[str], setting: str = "confidence:k=4", start: str = "confidence:k=1") -> Draws:
        """The mean accuracy that is lost from one setting to another."""
        return self.mean(tasks, start) - self.mean(tasks, setting)

    def speed(self, tasks: Sequence[str], setting: str) -> float:
        """The mean tokens per step over tasks and models."""
        speeds = [self._count(model, task, setting).speed for model in self.models for task in tasks]
        if None in speeds:
            raise NoEvidence(f"`{setting}` has no known speed")
        return float(np.mean([speed for speed in speeds if speed is not None]))

    def tasks(self, setting: str) -> list[str]:
        """The tasks on which a setting ran with every model."""
        having = [{task for other, task, name in self.counts if (other, name) == (model, setting)} for model in self.models]
        return sorted(set.intersection(*having)) if having else []

    def _count(self, model: str, task: str, setting: str) -> Count:
        count = self.counts.get((model, task, setting))
        if count is None:
            raise NoEvidence(f"`{setting}` did not run on {task} with {model}")
        return count

    def _draws(self, model: str, task: str, setting: str) -> Draws:
        count = self._count(model, task, setting)
        self.used.append(count)
        generator = np.random.default_rng(zlib.crc32(f"{self.source}/{model}/{task}/{setting}".encode()))
        draws = generator.beta(count.right + 0.5, count.n - count.right + 0.5, size=DRAWS)
        return np.concatenate([[count.right / count.n], draws])


def ends(draws: Draws) -> tuple[float, float]:
    """Return the 95 % interval of a number; it includes the number itself."""
    low, high = np.quantile(draws[1:], (0.025, 0.975))
    return min(float(low), float(draws[0])), max(float(high), float(draws[0]))


def points(draws: Draws) -> str:
    """Write a difference of accuracies in points, with its interval."""
    low, high = ends(draws)
    return f"{100 * draws[0]:+.0f} points [{100 * low:+.0f}, {100 * high:+.0f}]"


def percent(draws: Draws) -> str:
    """Write an accuracy in percent."""
    return f"{100 * draws[0]:.0f} %"
