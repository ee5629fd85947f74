"""What several tests need of the text tasks: their names, their samples, and every text of a sample."""

from __future__ import annotations

import re
from itertools import pairwise

from parallelbench.schema import Sample
from parallelbench.tasks import load_task

BANDS = ("easy", "medium", "hard")
TEXTS = [
    *(f"words_to_sentence/{band}" for band in BANDS),
    *(f"words_to_sentence/{band}:words=7" for band in BANDS),
    "paraphrase_summarize/summarization",
    "paraphrase_summarize/paraphrasing",
    "long/story:words=[12]",
    "long/dialogue_summary:events=[3]",
]
WORD = re.compile(r"[a-z']+|\d+")


def samples(spec: str, seed: int, count: int = 100) -> list[Sample]:
    """The first samples of a seed."""
    task = load_task(spec)
    return [task.sample(seed, index) for index in range(count)]


def right_texts(sample: Sample) -> list[str]:
    """The answer, the other references, and the source of a paraphrase: every text of ours that is to be good English."""
    source = [sample.facts["source"]] if sample.facts["kind"] == "paraphrase" else []
    return list(dict.fromkeys([sample.answer, *sample.facts.get("references", []), *source]))


def distinct_2(texts: list[str], tokens: int = 1000) -> float:
    """The fraction of different ones among the pairs of adjacent words within the first `tokens` words of some texts."""
    pairs: list[tuple[str, str]] = []
    left = tokens
    for text in texts:
        words = WORD.findall(text.lower())[:left]
        pairs += pairwise(words)
        left -= len(words)
    assert left == 0
    return len(set(pairs)) / len(pairs)
