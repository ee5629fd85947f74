"""Words to sentence: write one sentence that uses n given words (paper, section 5 and Table 2; our words, frames and wording).

First a sentence is generated, and then words are chosen from it, so that every sample has an answer. Easy words are from one
topic, medium words from two, and hard words from three topics and from a list of rarer words.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import ClassVar, Literal

from pydantic import Field

from parallelbench.tasks.base import Question
from parallelbench.tasks.english import join, table
from parallelbench.tasks.scenes import SENTENCES, Drawn, draw, topics
from parallelbench.tasks.text import SENTENCE_METRICS, TextTask

MANY = 5  # from this number of words on, easy and medium sentences have two clauses


@dataclass(frozen=True, slots=True)
class Band:
    """A band of difficulty: the number of topics of its words, and the names of its frames for few and for many words."""

    topics: int
    few: str
    many: str


BANDS = {"easy": Band(1, "one", "two"), "medium": Band(2, "cross", "two"), "hard": Band(3, "strange", "strange")}


class WordsToSentence(TextTask):
    """Given n words, write one sentence that uses them all."""

    preset_keys: ClassVar[frozenset[str]] = frozenset({"band"})

    band: Literal["easy", "medium", "hard"] = Field(description="how the words belong together")
    words: int = Field(4, ge=1, le=7, description="number of words")

    @property
    def name(self) -> str:
        return f"words_to_sentence/{self.band}"

    @property
    def metrics(self) -> tuple[str, ...]:
        return SENTENCE_METRICS

    def question(self, rng: random.Random, index: int) -> Question:
        sentence, words = draw_sentence(rng, self.band, self.words)
        noun = "word" if self.words == 1 else "words"
        text = f"Write one sentence with the {noun} {join(words)}. Answer with the sentence only."
        return Question(text, sentence, {"kind": "sentence", "words": words})


def draw_sentence(rng: random.Random, name: str, count: int) -> tuple[str, list[str]]:
    """Draw a sentence of a band, and `count` of its words in random order."""
    band = BANDS[name]
    frames = table(SENTENCES)[band.few if count < MANY else band.many]
    while True:
        chosen = topics(rng, band.topics)
        drawn = draw(rng, [chosen[i % band.topics] for i in range(3)])
        frame = rng.choice(frames)
        words = _choose_words(rng, drawn, frame, count, band)
        if words:
            return drawn.fill(frame), words


def _choose_words(rng: random.Random, drawn: Drawn, frame: str, count: int, band: Band) -> list[str]:
    """Choose `count` words of a sentence, from both topics if the band has two; none if the sentence has too few."""
    found = drawn.words_of(frame)
    while len(found) >= count:
        taken = rng.sample(found, count)
        mixed = {name.endswith("2") for name, _ in taken}
        if band.topics != 2 or count == 1 or len(mixed) == 2:
            return [word for _, word in taken]
        if len({name.endswith("2") for name, _ in found}) == 1:
            break
    return []
