"""The bands of words to sentence: how the words of a sample belong together."""

from __future__ import annotations

import random

import pytest
from text_samples import samples

from parallelbench.tasks.english import table
from parallelbench.tasks.scenes import PEOPLE, SITES
from parallelbench.tasks.topics import things, topics
from parallelbench.tasks.words_to_sentence import RARE, draw_sentence

COMMON = {*PEOPLE, *SITES}
"""Qualities that people and places of every topic have."""


def topics_of() -> dict[str, set[str]]:
    """For each word the topics that it is from."""
    found: dict[str, set[str]] = {}
    for topic in topics():
        actions = (*topic.actions, *topic.everyday)
        nouns = [thing for action in actions for thing in action.what]
        words = [
            *(word.split()[-1] for word in (*topic.people, *topic.places, *nouns)),
            *(action.verb.split()[0] for action in actions),
        ]
        for word in [*words, *(quality for noun in nouns for quality in things()[noun].qualities)]:
            found.setdefault(word, set()).add(topic.name)
    return found


TOPICS_OF = topics_of()
EVERY = {topic.name for topic in topics()}


def topics_with(word: str) -> set[str]:
    return EVERY if word in COMMON else TOPICS_OF.get(word, set())


@pytest.mark.parametrize("count", [1, 4, 7])
def test_easy_words_are_from_one_topic(count: int) -> None:
    for sample in samples(f"words_to_sentence/easy:words={count}", 3):
        assert set.intersection(*map(topics_with, sample.facts["words"])), sample.facts["words"]


def test_medium_words_are_from_two_topics() -> None:
    rare = {noun for kind in ("portable", "creature", "site") for noun in table(RARE)[kind]["nouns"]}
    apart = 0
    for sample in samples("words_to_sentence/medium", 3):
        words = [topics_with(word) for word in sample.facts["words"]]
        assert not (rare - TOPICS_OF.keys()) & set(sample.facts["words"])
        assert any(all(known & {one, two} for known in words) for one in EVERY for two in EVERY)
        apart += not set.intersection(*words)
    assert apart > 70  # of 100 samples most have words that no single topic has


def test_hard_words_hardly_ever_belong_to_one_topic() -> None:
    together = [set.intersection(*map(topics_with, sample.facts["words"])) for sample in samples("words_to_sentence/hard", 3)]
    assert sum(map(bool, together)) <= 2  # of 100


def test_every_topic_gives_sentences_of_one_and_of_two_deeds() -> None:
    for count in (4, 7):
        drawn = [draw_sentence(random.Random(seed), "easy", count)[1] for seed in range(400)]
        seen = {topic for words in drawn for topic in set.intersection(*map(topics_with, words))}
        assert seen == EVERY
