"""The text tasks: words come from the sentence, bands from topics, events are told twice, and every text is clean."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parallelbench.errors import UserError
from parallelbench.metrics import score
from parallelbench.metrics.grammar import check
from parallelbench.schema import Sample
from parallelbench.tasks import TASKS, Task, load_task
from parallelbench.tasks.english import gerund, join, participle, past, table, third, with_article
from parallelbench.tasks.lists import names
from parallelbench.tasks.scenes import SENTENCES, TOPICS, draw, topics

BANDS = ("easy", "medium", "hard")
TEXTS = [
    *(f"words_to_sentence/{band}" for band in BANDS),
    *(f"words_to_sentence/{band}:words=7" for band in BANDS),
    "paraphrase_summarize/summarization",
    "paraphrase_summarize/paraphrasing",
    "long/story:words=[12]",
    "long/dialogue_summary:events=[3]",
]
TOPICS_OF: dict[str, set[str]] = {}
for topic_name, topic in table(TOPICS).items():
    things = [thing for row in topic["actions"].values() for thing in row]
    spots = [place.split()[-1] for place in topic["places"]]
    for topic_word in [*topic["people"], *topic["actions"], *things, *spots, *topic["qualities"]]:
        TOPICS_OF.setdefault(topic_word, set()).add(topic_name)


def texts(sample: Sample) -> list[str]:
    """Every text of ours in a sample: the answer, the other references, the source."""
    found = [
        sample.answer,
        *sample.facts.get("references", []),
        *([sample.facts["source"]] if "source" in sample.facts else []),
    ]
    return list(dict.fromkeys(found))


def sentences(sample: Sample) -> Iterator[str]:
    """The sentences of answers and references, and the turns of dialogues."""
    for text in texts(sample):
        if sample.facts["kind"] == "summary" and text == sample.facts["source"]:
            yield from text.split("\n")
        else:
            yield from re.split(r"(?<=[.?!]) ", text)


def hundred(spec: str, seed: int, count: int = 100) -> list[Sample]:
    task = load_task(spec)
    return [task.sample(seed, index) for index in range(count)]


@pytest.mark.parametrize("spec", TEXTS)
def test_every_text_is_clean(spec: str) -> None:
    for sample in hundred(spec, 11, 15 if spec.startswith("long") else 60):
        assert {text: check(text) for text in texts(sample) if check(text)} == {}


@pytest.mark.parametrize("spec", TEXTS)
def test_a_hundred_samples_share_no_sentence(spec: str) -> None:
    owners = Counter(text for sample in hundred(spec, 0) for text in set(sentences(sample)))
    assert [text for text, count in owners.items() if count > 1] == []


@pytest.mark.parametrize("spec", TEXTS)
def test_zero_shot_and_the_answer_scores_as_an_answer_should(spec: str) -> None:
    task = load_task(spec)
    for sample in hundred(spec, 5, 10):
        assert len(sample.turns) == 1 and sample.frame is None
        scores = score(sample, sample.answer, task.metrics)
        assert scores.pop("one_minus_bleu", 1.0) > 0.0  # no reference repeats the source
        assert set(scores.values()) == {1.0}
        assert set(score(sample, "", task.metrics).values()) <= {0.0}


@pytest.mark.parametrize("band", BANDS)
@pytest.mark.parametrize("count", range(1, 8))
def test_words_are_taken_from_the_sentence_and_shown_in_the_prompt(band: str, count: int) -> None:
    for sample in hundred(f"words_to_sentence/{band}:words={count}", 1, 20):
        words = sample.facts["words"]
        assert len(set(words)) == len(words) == count
        assert all(word in sample.answer.lower() for word in words)
        assert f" {join(words)}." in sample.turns[0].text


def test_words_come_in_any_order() -> None:
    orders = Counter(
        tuple(sorted(range(4), key=lambda i: sample.answer.lower().find(sample.facts["words"][i])))
        for sample in hundred("words_to_sentence/easy", 2, 200)
    )
    assert len(orders) == 24


def test_bands_say_how_words_belong_together() -> None:
    rare = {word for key in ("rare", "odd", "do") for word in table(SENTENCES)[key]}
    for sample in hundred("words_to_sentence/easy", 3):
        assert set.intersection(*(TOPICS_OF[word] for word in sample.facts["words"]))
    for sample in hundred("words_to_sentence/medium", 3):
        words = sample.facts["words"]
        assert not rare & set(words)
        assert any(all(TOPICS_OF[word] & {one, two} for word in words) for one in table(TOPICS) for two in table(TOPICS))
    hard = hundred("words_to_sentence/hard", 3)
    assert sum(len(rare & set(sample.facts["words"])) for sample in hard) > 200
    together = [set.intersection(*(TOPICS_OF.get(word, set()) for word in sample.facts["words"])) for sample in hard]
    assert not any(together)


def test_a_summary_tells_what_was_said() -> None:
    people, _ = names()
    times = table("dialogues.yaml")["tables"]["day"] + table("dialogues.yaml")["tables"]["time"]
    for sample in hundred("paraphrase_summarize/summarization", 4):
        source, references = sample.facts["source"], sample.facts["references"]
        turns = source.split("\n")
        speakers = [turn.partition(":")[0] for turn in turns]
        assert 4 <= len(turns) <= 6 and len(set(speakers)) == 2 and len(references) == 3 and references[0] == sample.answer
        said = set(re.findall(r"\w+", source))
        for summary in references:
            assert {word for word in re.findall(r"\w+", summary) if word in people} <= said
            assert all(time in source for time in times if time in summary)
            assert any(speaker in summary for speaker in speakers)


def test_paraphrases_are_other_sentences_about_the_same() -> None:
    for sample in hundred("paraphrase_summarize/paraphrasing", 4):
        source, references = sample.facts["source"], sample.facts["references"]
        assert len(references) >= 3 and references[0] == sample.answer
        assert len({source, *references}) == len(references) + 1
        topical = {word for word in re.findall(r"[a-z]+", source.lower()) if word in TOPICS_OF}
        for text in references:
            assert len(topical & set(re.findall(r"[a-z]+", text.lower()))) >= 2


def test_the_vocabulary_is_small_enough_for_a_small_model() -> None:
    first, _ = names()
    known = {name.lower() for name in first}
    found: set[str] = set()
    for spec in TEXTS:
        for sample in hundred(spec, 9, 150):
            found |= set(re.findall(r"[a-z]+", " ".join([sample.turns[0].text, *texts(sample)]).lower()))
    assert len(found - known) < 1500


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(TEXTS), st.integers(0, 2**41), st.integers(0, 10_000))
def test_any_seed_and_index_give_a_sample_that_fits_the_canvas(spec: str, seed: int, index: int) -> None:
    task = load_task(spec)
    sample = task.sample(seed, index)
    assert sample.answer and "{" not in sample.turns[0].text + sample.answer
    assert len(re.findall(r"\w+|[^\w\s]", sample.answer)) < task.max_new_tokens


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("words_to_sentence/easy:words=8", "less than or equal to 7"),
        ("words_to_sentence/easy:infill=true", "leave infill out"),
        ("words_to_sentence/simple", "did you mean"),
        ("long/story:words=[1]", "greater than or equal to 2"),
        ("long/dialogue_summary:events=[13]", "less than or equal to 12"),
        ("long/copy:lengths=[101]", "less than or equal to 100"),
    ],
)
def test_a_mistake_is_one_sentence(spec: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        load_task(spec)
    assert "\n" not in str(caught.value)


def test_spec_names_the_band_once() -> None:
    assert load_task("words_to_sentence/hard").spec == "words_to_sentence/hard"
    assert load_task("words_to_sentence/hard:words=6").spec == "words_to_sentence/hard:words=6"


def test_english_forms() -> None:
    assert [third(verb) for verb in ("bake", "carry", "play", "watch", "pass")] == [
        "bakes",
        "carries",
        "plays",
        "watches",
        "passes",
    ]
    assert [past(verb) for verb in ("bake", "carry", "trim", "throw")] == ["baked", "carried", "trimmed", "threw"]
    assert [participle(verb) for verb in ("bake", "study", "wear")] == ["baked", "studied", "worn"]
    assert [gerund(verb) for verb in ("bake", "see", "cut", "tie", "carry")] == [
        "baking",
        "seeing",
        "cutting",
        "tying",
        "carrying",
    ]
    assert [with_article(noun) for noun in ("artist", "baker", "uncle")] == ["an artist", "a baker", "an uncle"]
    assert [join(list(letters)) for letters in ("a", "ab", "abc")] == ["a", "a and b", "a, b, and c"]


def test_every_frame_of_every_table_makes_a_clean_sentence() -> None:
    rng = random.Random(0)
    kinds = [table(SENTENCES)[key] for key in ("one", "two", "cross", "strange")]
    frames = [frame for group in [*kinds, *table("paraphrases.yaml"), *table("stories.yaml").values()] for frame in group]
    assert len(frames) > 180
    for frame in frames:
        text = draw(rng, topics(rng, 3), {"hero": "Nora", "friend": "Leo"}).fill(frame)
        assert text[0].isupper() and text[-1] in ".?!" and "{" not in text
        assert check(text) == (), text


def test_tasks_are_in_the_registry() -> None:
    listed = set(TASKS.names())
    assert {spec.partition(":")[0] for spec in TEXTS} <= listed
    tasks: list[Task] = [load_task(name) for name in listed if name.startswith("long/")]
    assert len(tasks) == 12 and all(256 <= task.max_new_tokens <= 1024 for task in tasks)


@pytest.mark.parametrize("topic", sorted(table(TOPICS)))
def test_three_scenes_of_a_topic_are_found_however_the_first_two_fall(topic: str) -> None:
    for seed in range(200):
        words = draw(random.Random(seed), [topic] * 3).words
        plain = ("person", "verb", "object", "place", "quality")
        scenes = [word for field, word in words.items() if field.rstrip("23") in plain]
        assert len(scenes) == len(set(scenes)) == 15
