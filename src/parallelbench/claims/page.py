"""Writes docs/claims.md from the stored figures and the published numbers."""

from __future__ import annotations

from collections.abc import Sequence

from parallelbench.claims import formulas, lists, oracles, others
from parallelbench.claims.evidence import SOURCES, Evidence
from parallelbench.claims.statement import FAILS, HOLDS, UNCLEAR, UNTESTED, Claim, Finding
from parallelbench.claims.stored import RUNS, Stored, evidence

CLAIMS: tuple[Claim, ...] = (*lists.CLAIMS, *oracles.CLAIMS, *others.CLAIMS, *formulas.CLAIMS)
NAMES = {"exact": "exact model", "shipped": "shipped models", "published": "published numbers"}
INTRODUCTION = """\
# The paper's statements, tested

Each statement of ParallelBench (arXiv 2510.04767) in our words, and what the exact model, the shipped models and the
published numbers say of it: *holds* or *does not hold* where the 95 % interval of the difference lies on one side of 0, *cannot
tell* where it does not, *cannot be tested here* with the reason. A formula holds where no accuracy is farther from it than its
samples allow, all of them together.

The exact model is that of the tokens of `tiny`, which never errs; the shipped models are `tiny`, `tiny-text` and `tiny-ar`, on
our suite. Published numbers are means over LLaDA 8B, LLaDA 1.5, Dream 7B and DiffuCoder 7B, unless one is named, with 100
samples a task. Every setting's accuracy is drawn from Beta(right + 1/2, wrong + 1/2) for its interval. The samples are few
({samples:,} measured in all; n is that of one setting on one task), and the {count} statements are not corrected for their
number. Decoding is greedy; `confidence:k=4` is top-k by confidence with four tokens per forward.

This page is made by `python docs/claims.py write` from `docs/claims.json` and the package's published numbers; a test makes it
again. `python docs/claims.py measure OUT` runs what is measured and writes `docs/claims.json`:

```
{commands}
```
"""


def page(stored: Stored) -> str:
    """Return docs/claims.md."""
    sources = {one.source: one for one in evidence(stored)}
    findings = {claim.id: [claim.finding(sources[source]) for source in SOURCES] for claim in CLAIMS}
    commands = "\n".join(f"parallelbench {command} -o OUT/{name}" for name, command in RUNS.items())
    parts = [INTRODUCTION.format(samples=stored.samples, count=len(CLAIMS), commands=commands), _overview(findings)]
    parts += [_section(claim, findings[claim.id], list(sources.values())) for claim in CLAIMS]
    return "\n".join(parts)


def _overview(findings: dict[str, list[Finding]]) -> str:
    lines = ["| statement | " + " | ".join(NAMES[source] for source in SOURCES) + " |", "|---|---|---|---|"]
    lines += [
        f"| [{claim.statement}](#{claim.id}) | " + " | ".join(one.verdict for one in findings[claim.id]) + " |"
        for claim in CLAIMS
    ]
    counts = [
        f"{NAMES[source]}: "
        + ", ".join(
            f"{number} {name}" for name in (HOLDS, FAILS, UNCLEAR, UNTESTED) if (number := _number(findings, place, name))
        )
        for place, source in enumerate(SOURCES)
    ]
    return "\n".join([*lines, "", f"In all, {'; '.join(counts)}.", ""])


def _number(findings: dict[str, list[Finding]], place: int, name: str) -> int:
    return sum(found[place].verdict == name for found in findings.values())


def _section(claim: Claim, findings: Sequence[Finding], sources: Sequence[Evidence]) -> str:
    lines = [f"## {claim.statement} {{#{claim.id}}}", "", f"{claim.where}.", ""]
    for source, finding in zip(SOURCES, findings, strict=True):
        origin = "" if finding.verdict == UNTESTED else f" ({_origin(claim, source)})"
        text = finding.text[0].upper() + finding.text[1:]
        text += f" n = {finding.n}." if finding.n else ""
        lines.append(f"- **{NAMES[source]}: {finding.verdict}.** {text}{origin}")
    return "\n".join([*lines, ""])


def _origin(claim: Claim, source: str) -> str:
    """What makes the figures."""
    return claim.from_published if source == "published" else f"`{RUNS[claim.runs[source]]}`"
