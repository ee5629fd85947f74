"""The statement on the oracle: how fast threshold decoding would be with the best setting for each sample."""

from __future__ import annotations

import numpy as np

from parallelbench.analysis.oracle import LEFT_OUT, OF_TASK, PAPER, fastest_mixture
from parallelbench.claims.evidence import Draws, Evidence, NoEvidence, ends
from parallelbench.claims.statement import FAILS, HOLDS, UNCLEAR, Claim, Finding

GAIN = 1.7
PAPERS_ORACLE = (88.11, 13.44)
PAPERS_THRESHOLD = ((86.16, 3.1), (84.06, 7.8))
"""Figure 7, accuracy in percent and tokens per step, LLaDA 1.5: the oracle, and thresholds of 1.0 and .9 (data of the project
page, October 2025)."""
PUBLISHED_MODEL = "llada-1.5"
GAMMAS = tuple(f"threshold:gamma={gamma}" for gamma in ("1.0", "0.9", "0.8", "0.7", "0.6", "0.5"))


def oracle(evidence: Evidence) -> Finding:
    """Compare threshold decoding with the best setting for each sample, or for each task where samples are not published."""
    if evidence.source == "published":
        return _published(evidence)
    found = {one.rule: one for one in evidence.oracles}
    if not found:
        raise NoEvidence("no threshold ran with three settings")
    paper, ours, of_task = found[PAPER], found[LEFT_OUT], found[OF_TASK]
    text = (
        f"The paper's rule has {100 * paper.accuracy:.1f} % at {paper.tokens_per_step:.1f} tokens per step and is "
        f"{paper.ratio:.2f} [{paper.low:.2f}, {paper.high:.2f}] times as fast as one threshold at equal accuracy. The rule "
        f"that leaves the outcome out ([analyses](analyses.md)) has {100 * ours.accuracy:.1f} % at {ours.tokens_per_step:.1f} "
        f"and is {ours.ratio:.2f} [{ours.low:.2f}, {ours.high:.2f}] times as fast. One threshold for each task, chosen on the "
        f"other half of its samples, is {of_task.ratio:.2f} [{of_task.low:.2f}, {of_task.high:.2f}] times as fast "
        f"({ours.n} samples)."
    )
    return Finding(HOLDS if paper.low > GAIN else FAILS if paper.high < GAIN else UNCLEAR, text)


def _published(evidence: Evidence) -> Finding:
    (score, speed), (slow, careful) = PAPERS_ORACLE, PAPERS_THRESHOLD
    tasks, ratio = one_for_each_task(evidence)
    low, high = ends(ratio)
    text = (
        f"The paper's oracle has {score} % at {speed} tokens per step, {speed / careful[1]:.2f} times the speed of a threshold "
        f"of .9 ({careful[0]} %), and {speed / slow[1]:.1f} times that of 1.0 ({slow[0]} %). No threshold is as accurate, and "
        "the outcomes of single samples are not published, so the effect of luck is unknown. One threshold for each task, the "
        f"fastest of the most accurate on the same samples, is {ratio[0]:.2f} [{low:.2f}, {high:.2f}] times as fast as one for "
        f"all {tasks} tasks at equal accuracy. So a part of the gain may come from knowing the task and not the sample; 100 "
        f"samples per task {'show that it does' if low > 1 else 'are too few to tell'}."
    )
    return Finding(UNCLEAR, text)


def one_for_each_task(evidence: Evidence) -> tuple[int, Draws]:
    """Return the number of tasks, and how much faster the best threshold of each task is than one threshold for all."""
    models = (PUBLISHED_MODEL,)
    keys = set(evidence.counts)
    named = sorted({task for _, task, _ in keys if ":" not in task})  # a task with options is another one
    tasks = [task for task in named if all((PUBLISHED_MODEL, task, one) in keys for one in GAMMAS)]
    if not tasks:
        raise NoEvidence("no task has all thresholds")
    scores = np.array([[evidence.accuracy(task, one, models) for one in GAMMAS] for task in tasks])  # [tasks, settings, draws]
    counts = [[evidence.counts[PUBLISHED_MODEL, task, one] for one in GAMMAS] for task in tasks]
    speeds = np.array([[one.speed for one in row] for row in counts], dtype=np.float64)
    best = scores[:, :, 0] == scores[:, :, 0].max(axis=1, keepdims=True)
    chosen = np.where(best, speeds, 0.0).argmax(axis=1)
    rows = np.arange(len(tasks))
    taken, speed = scores[rows, chosen].mean(axis=0), speeds[rows, chosen].mean()
    fixed = scores.mean(axis=0).T
    return len(tasks), speed / fastest_mixture(fixed, np.broadcast_to(speeds.mean(axis=0), fixed.shape), taken)


CLAIMS = (
    Claim(
        "oracle", "An oracle that sets the threshold for each sample would be 1.7 times as fast as threshold decoding.",
        "Figure 7, Appendix G.2", oracle, from_published="Figure 7 on the project page, and `published()`",
    ),
)  # fmt: skip
