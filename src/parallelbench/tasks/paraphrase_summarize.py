"""Summarization and paraphrasing (paper, section 5 and Table 2; our own events, frames and wording).

A dialogue and its summaries are written from one record, and the sentences of one group of frames have the same meaning, so the
references are right by construction. The sample's answer is the first reference; others are as good.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from functools import cache
from typing import ClassVar

from parallelbench.tasks.base import Question
from parallelbench.tasks.dialogues import draw_dialogue
from parallelbench.tasks.english import table
from parallelbench.tasks.phrases import write
from parallelbench.tasks.scenes import Part, Values, Voice, draw_scene
from parallelbench.tasks.text import PARAPHRASE_METRICS, SUMMARY_METRICS, TextTask
from parallelbench.tasks.topics import topics

PARAPHRASES, SYNONYMS = "paraphrases.yaml", "synonyms.yaml"


class Summarization(TextTask):
    """Summarize a chat between two people."""

    version: ClassVar[int] = 2
    texts: ClassVar[str] = "summarization"

    @property
    def name(self) -> str:
        return "paraphrase_summarize/summarization"

    @property
    def metrics(self) -> tuple[str, ...]:
        return SUMMARY_METRICS

    def question(self, rng: random.Random, index: int) -> Question:
        dialogue = draw_dialogue(rng, 1)
        return ask_summary(self._ask(source=dialogue.text), dialogue.text, list(dialogue.summaries))


class Paraphrasing(TextTask):
    """Say a sentence in other words."""

    version: ClassVar[int] = 2
    texts: ClassVar[str] = "paraphrasing"

    @property
    def name(self) -> str:
        return "paraphrase_summarize/paraphrasing"

    @property
    def metrics(self) -> tuple[str, ...]:
        return PARAPHRASE_METRICS

    def question(self, rng: random.Random, index: int) -> Question:
        source, *references = draw_paraphrases(rng)
        return ask_paraphrase(self._ask(source=source), source, references)


def draw_paraphrases(rng: random.Random) -> list[str]:
    """Draw a scene and a group of frames, and write each of the group's sentences with other synonyms."""
    group = rng.choice(table(PARAPHRASES))
    scene = draw_scene(rng, rng.choice(topics()))
    start = rng.randrange(12)
    return [write(frame, rng, Values(scene, _voice(start + i))) for i, frame in enumerate(rng.sample(group, len(group)))]


def ask_paraphrase(text: str, source: str, references: list[str]) -> Question:
    """Ask in `text` for a paraphrase of a sentence; the first of the given ones is the answer."""
    return Question(text, references[0], {"kind": "paraphrase", "source": source, "references": references})


def ask_summary(text: str, source: str, summaries: list[str]) -> Question:
    """Ask in `text` for the summary of a dialogue; the first of the given ones is the answer."""
    return Question(text, summaries[0], {"kind": "summary", "source": source, "references": summaries})


def _voice(number: int) -> Voice:
    """The voice that says every word in the way of that number, where it can be said in several ways."""

    def voice(part: Part, word: str) -> str:
        ways = _ways(part).get(word)
        return ways[number % len(ways)] if ways else word

    return voice


@cache
def _ways(part: Part) -> Mapping[str, tuple[str, ...]]:
    """For each word of a part of the synonyms the ways to say it, first its own."""
    return {word: (word, *others) for word, others in table(SYNONYMS)[part].items()}
