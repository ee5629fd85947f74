"""Summarization and paraphrasing (paper, section 5 and Table 2; our own events, frames and wording).

A dialogue and its summaries are written about the same event, and the sentences from one group of frames have the same meaning.
So the references are right by construction. The sample's answer is the first reference; others are as good.
"""

from __future__ import annotations

import random

from parallelbench.tasks.base import Question
from parallelbench.tasks.dialogues import draw_dialogue
from parallelbench.tasks.english import table
from parallelbench.tasks.scenes import draw, topics
from parallelbench.tasks.text import PARAPHRASE_METRICS, SUMMARY_METRICS, TextTask

PARAPHRASES = "paraphrases.yaml"


class Summarization(TextTask):
    """Summarize a chat between two people."""

    @property
    def name(self) -> str:
        return "paraphrase_summarize/summarization"

    @property
    def metrics(self) -> tuple[str, ...]:
        return SUMMARY_METRICS

    def question(self, rng: random.Random, index: int) -> Question:
        turns, summaries = draw_dialogue(rng, 1)
        return ask_summary(turns, summaries, "Summarize this chat in one or two sentences.")


class Paraphrasing(TextTask):
    """Say a sentence in other words."""

    @property
    def name(self) -> str:
        return "paraphrase_summarize/paraphrasing"

    @property
    def metrics(self) -> tuple[str, ...]:
        return PARAPHRASE_METRICS

    def question(self, rng: random.Random, index: int) -> Question:
        group = rng.choice(table(PARAPHRASES))
        drawn = draw(rng, topics(rng, 1) * 2)
        source, *references = (drawn.fill(frame) for frame in rng.sample(group, len(group)))
        return ask_paraphrase(source, references)


def ask_paraphrase(source: str, references: list[str]) -> Question:
    """Ask for a paraphrase of a sentence; the first of the given ones is the answer."""
    text = f"Say this sentence in other words. Answer with the new sentence only.\n{source}"
    return Question(text, references[0], {"kind": "paraphrase", "source": source, "references": references})


def ask_summary(turns: list[str], summaries: list[str], request: str) -> Question:
    """Ask for the summary of a dialogue; the first of the given ones is the answer."""
    source = "\n".join(turns)
    text = f"{request} Answer with the summary only.\n{source}"
    return Question(text, summaries[0], {"kind": "summary", "source": source, "references": summaries})
