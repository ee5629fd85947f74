"""Long texts: stories that must use given words in order, and summaries of chats about many events."""

from __future__ import annotations

import random
from typing import Annotated

from pydantic import BeforeValidator, Field

from parallelbench.tasks.base import Question
from parallelbench.tasks.dialogues import draw_dialogue
from parallelbench.tasks.english import join, table
from parallelbench.tasks.lists import names, one_or_many
from parallelbench.tasks.paraphrase_summarize import ask_summary
from parallelbench.tasks.scenes import draw, topics
from parallelbench.tasks.text import STORY_METRICS, SUMMARY_METRICS, TextTask

STORIES = "stories.yaml"
STORY_TOPICS = 4


class Story(TextTask):
    """Write a story that uses the given words in their order; ours has one sentence for each word."""

    words: Annotated[tuple[Annotated[int, Field(ge=2, le=64)], ...], BeforeValidator(one_or_many)] = Field(
        (8, 16, 24, 32), min_length=1, description="numbers of words, in turn"
    )
    max_new_tokens: int = Field(512, ge=1, description="length of the canvas in tokens")

    @property
    def name(self) -> str:
        return "long/story"

    @property
    def metrics(self) -> tuple[str, ...]:
        return STORY_METRICS

    def question(self, rng: random.Random, index: int) -> Question:
        sentences, words = draw_story(rng, self.words[index % len(self.words)])
        text = f"Write a story that uses these words in this order: {join(words)}. Answer with the story only."
        return Question(text, " ".join(sentences), {"kind": "story", "words": words})


class DialogueSummary(TextTask):
    """Summarize a long chat, one or two sentences for each of its events."""

    events: Annotated[tuple[Annotated[int, Field(ge=2, le=12)], ...], BeforeValidator(one_or_many)] = Field(
        (4, 6, 8), min_length=1, description="numbers of events, in turn"
    )
    max_new_tokens: int = Field(256, ge=1, description="length of the canvas in tokens")

    @property
    def name(self) -> str:
        return "long/dialogue_summary"

    @property
    def metrics(self) -> tuple[str, ...]:
        return SUMMARY_METRICS

    def question(self, rng: random.Random, index: int) -> Question:
        turns, summaries = draw_dialogue(rng, self.events[index % len(self.events)])
        return ask_summary(turns, summaries, "Summarize everything in this chat, in a sentence or two for each matter.")


def draw_story(rng: random.Random, count: int) -> tuple[list[str], list[str]]:
    """Draw a story of `count` sentences, and one word of each in order; no word comes twice."""
    first, _ = names()
    people = dict(zip(("hero", "friend"), rng.sample(first, 2), strict=True))
    chosen = topics(rng, STORY_TOPICS)
    parts = ["start", *["next"] * (count - 2), "end"]
    sentences: list[str] = []
    words: list[str] = []
    for i, part in enumerate(parts):
        sentence, word = _sentence(rng, chosen[i * STORY_TOPICS // count], part, people, words)
        sentences.append(sentence)
        words.append(word)
    return sentences, words


def _sentence(rng: random.Random, topic: str, part: str, people: dict[str, str], used: list[str]) -> tuple[str, str]:
    """Draw a sentence of a story, with a word of it that has not been used."""
    while True:
        drawn = draw(rng, [topic], people)
        frame = rng.choice(table(STORIES)[part])
        fresh = [word for _, word in drawn.words_of(frame) if word not in used]
        if fresh:
            return drawn.fill(frame), rng.choice(fresh)
