"""The text tasks: words come from the sentence, texts are clean and varied, and every table makes sentences."""

from __future__ import annotations

import random
import re
from collections import Counter
from statistics import mean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from text_samples import BANDS, TEXTS, WORD, distinct_2, right_texts, samples

from parallelbench.errors import UserError
from parallelbench.metrics import score
from parallelbench.metrics.grammar import check
from parallelbench.tasks import TASKS, Task, load_task
from parallelbench.tasks.english import gerund, join, participle, past, plural, table, third, with_article
from parallelbench.tasks.lists import names
from parallelbench.tasks.paraphrase_summarize import PARAPHRASES
from parallelbench.tasks.phrases import write
from parallelbench.tasks.scenes import Values, draw_scene
from parallelbench.tasks.topics import topics
from parallelbench.tasks.words_to_sentence import LONGEST


@pytest.mark.parametrize("spec", TEXTS)
def test_every_text_is_clean(spec: str) -> None:
    """At most 2 % of the right answers are flagged, all of them by a checker that errs on rare words."""
    texts = [text for sample in samples(spec, 11, 15 if spec.startswith("long") else 50) for text in right_texts(sample)]
    flagged = [text for text in texts if check(text)]
    assert len(flagged) <= 0.02 * len(texts), flagged


@pytest.mark.parametrize("spec", TEXTS)
def test_a_hundred_samples_share_no_text(spec: str) -> None:
    owners = Counter(text for sample in samples(spec, 0) for text in right_texts(sample))
    assert [text for text, count in owners.items() if count > 1] == []


DISTINCT = [
    *((f"words_to_sentence/{band}", "answer") for band in BANDS),
    ("paraphrase_summarize/summarization", "answer"),
    ("paraphrase_summarize/summarization", "source"),
    ("paraphrase_summarize/paraphrasing", "answer"),
    ("paraphrase_summarize/paraphrasing", "source"),
]


@pytest.mark.parametrize(("spec", "part"), DISTINCT)
def test_texts_hardly_repeat_pairs_of_words(spec: str, part: str) -> None:
    """Distinct-2 of 1,000 words, mean of ten draws: the texts of the paper have .89 to .92, our first ones had .61 to .73."""
    found = []
    for seed in range(10):
        drawn = samples(spec, seed, 110)
        found.append(distinct_2([sample.answer if part == "answer" else sample.facts["source"] for sample in drawn]))
    assert mean(found) >= (0.84 if spec.endswith("hard") else 0.845) and min(found) >= 0.81


def test_sentences_of_the_three_bands_hardly_repeat_pairs_of_words() -> None:
    found = []
    for seed in range(10):
        drawn = zip(*(samples(f"words_to_sentence/{band}", seed, 40) for band in BANDS), strict=True)
        found.append(distinct_2([sample.answer for three in drawn for sample in three]))
    assert mean(found) >= 0.85


@pytest.mark.parametrize("spec", TEXTS)
def test_zero_shot_and_the_answer_scores_as_an_answer_should(spec: str) -> None:
    task = load_task(spec)
    for sample in samples(spec, 5, 10):
        assert len(sample.turns) == 1 and sample.frame is None
        scores = score(sample, sample.answer, task.metrics)
        assert scores.pop("one_minus_bleu", 1.0) > 0.0  # no reference repeats the source
        assert set(scores.values()) == {1.0}
        assert set(score(sample, "", task.metrics).values()) <= {0.0}


@pytest.mark.parametrize("band", BANDS)
@pytest.mark.parametrize("count", range(1, 8))
def test_words_are_taken_from_the_sentence_and_shown_in_the_prompt(band: str, count: int) -> None:
    for sample in samples(f"words_to_sentence/{band}:words={count}", 1, 20):
        words = sample.facts["words"]
        assert len(set(words)) == len(words) == count
        assert all(word in sample.answer.lower() for word in words)
        assert f" {join(words)}." in sample.turns[0].text
        assert 3 <= len(sample.answer.split()) <= LONGEST


def test_words_come_in_any_order() -> None:
    orders = Counter(
        tuple(sorted(range(4), key=lambda i: sample.answer.lower().find(sample.facts["words"][i])))
        for sample in samples("words_to_sentence/easy", 2, 200)
    )
    assert len(orders) == 24


def test_paraphrases_are_other_sentences_about_the_same() -> None:
    lexical = 0
    for sample in samples("paraphrase_summarize/paraphrasing", 4):
        source, references = sample.facts["source"], sample.facts["references"]
        assert len(references) == 3 and references[0] == sample.answer
        assert len({source, *references}) == len(references) + 1
        shared = [set(WORD.findall(source.lower())) & set(WORD.findall(text.lower())) for text in references]
        assert all(len(words) >= 2 for words in shared)
        lexical += len(set(WORD.findall(sample.answer.lower())) - set(WORD.findall(source.lower()))) >= 3
    assert lexical >= 80  # of 100 answers have three words and more that their source has not


def test_the_vocabulary_is_small_enough_for_a_small_model() -> None:
    first, _ = names()
    known = {name.lower() for name in first}
    found: set[str] = set()
    for spec in TEXTS:
        for sample in samples(spec, 9, 150):
            found |= set(re.findall(r"[a-z]+", " ".join([sample.turns[0].text, *right_texts(sample)]).lower()))
    assert len(found - known) < 5000


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
    nouns = ("artist", "baker", "hourglass", "unicorn")
    assert [with_article(noun) for noun in nouns] == ["an artist", "a baker", "an hourglass", "a unicorn"]
    assert [plural(noun) for noun in ("cherry tree", "berry", "knife", "torch", "child")] == [
        "cherry trees",
        "berries",
        "knives",
        "torches",
        "children",
    ]
    assert [join(list(letters)) for letters in ("a", "ab", "abc")] == ["a", "a and b", "a, b, and c"]


def test_every_frame_makes_a_clean_sentence() -> None:
    rng = random.Random(0)
    kinds = [table("sentences.yaml")[key] for key in ("one", "two", "cross")]
    frames = [frame for group in [*kinds, *table(PARAPHRASES), *table("stories.yaml").values()] for frame in group]
    flagged = []
    for frame in frames:
        one, two = rng.sample(topics(), 2)
        values = Values(draw_scene(rng, one, two))
        values.update(hero="Nora", friend="Leo")
        text = write(frame, rng, values)
        assert text[0].isupper() and text[-1] in ".?!" and not set("{}[]<>|+~") & set(text), text
        flagged += [text] if check(text) else []
    assert len(frames) > 250 and len(flagged) <= 0.02 * len(frames), flagged


def test_tasks_are_in_the_registry() -> None:
    listed = set(TASKS.names())
    assert {spec.partition(":")[0] for spec in TEXTS} <= listed
    tasks: list[Task] = [load_task(name) for name in listed if name.startswith("long/")]
    assert len(tasks) == 12 and all(256 <= task.max_new_tokens <= 1024 for task in tasks)


@pytest.mark.parametrize("topic", topics(), ids=lambda topic: topic.name)
def test_two_deeds_of_a_topic_share_no_word_but_their_place(topic: object) -> None:
    assert topic in topics()
    for seed in range(60):
        scene = draw_scene(random.Random(seed), topic)  # type: ignore[arg-type]
        one, two = scene.deeds
        assert one.place == two.place and one.words & two.words <= {one.place.split()[-1]}
