"""A statement of the paper, and what a source of evidence says of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from parallelbench.claims.evidence import Draws, Evidence, NoEvidence, ends

HOLDS, FAILS, UNCLEAR, UNTESTED = "holds", "does not hold", "cannot tell", "cannot be tested here"


class Finding(NamedTuple):
    """A verdict, the sentence with the figures that it rests on, and the samples of each setting and task (as text)."""

    verdict: str
    text: str
    n: str = ""


@dataclass(frozen=True, slots=True)
class Claim:
    """A statement of the paper.

    Attributes:
        id: its name in docs/claims.md.
        statement: what the paper says, in our words.
        where: the sections, figures and tables that say it.
        test: what a source says of it.
        untested: for the sources that cannot say anything, why.
        from_published: the published numbers that it uses, as the call that reads them.
        runs: the experiments that its measured numbers come from (`claims.measure.RUNS`).
    """

    id: str
    statement: str
    where: str
    test: Callable[[Evidence], Finding]
    untested: Mapping[str, str] = field(default_factory=dict)
    from_published: str = "`published()`"
    runs: Mapping[str, str] = field(default_factory=lambda: {"exact": "exact", "shipped": "tiny"})

    def finding(self, evidence: Evidence) -> Finding:
        """What a source says of the statement."""
        if evidence.source in self.untested:
            return Finding(UNTESTED, self.untested[evidence.source])
        evidence.used.clear()
        try:
            return self.test(evidence)._replace(n=_samples({one.n for one in evidence.used}))
        except NoEvidence as error:
            return Finding(UNTESTED, f"{error}.")


def _samples(numbers: set[int]) -> str:
    if not numbers:
        return ""
    low, high = min(numbers), max(numbers)
    return str(low) if low == high else f"{low} to {high}"


def verdict(effect: Draws, at_least: float = 0.0) -> str:
    """Whether an effect that the statement says is above `at_least` is so with 95 %."""
    low, high = ends(effect)
    if low > at_least:
        return HOLDS
    return FAILS if high < at_least else UNCLEAR
