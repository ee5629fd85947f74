"""Chats and their summaries: what is told or only implied, who knows what, and that a summary says no more."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from text_samples import WORD, samples

from parallelbench.metrics.rouge import words
from parallelbench.tasks.dialogues import CHATS, TABLES, Dialogue, draw_dialogue, kinds
from parallelbench.tasks.english import table
from parallelbench.tasks.phrases import Choice, Field, Phrase, Told, parse

EACH = pytest.mark.parametrize("kind", kinds(), ids=lambda kind: str(kind["kind"]))
SMALL_TALK = {
    "people",
    "hello",
    "sure",
    "agreed",
    "sorry",
    "deny",
    "oh",
    "alas",
    "thanks",
    "bye",
    "shall",
    "both_shall",
    "want",
}
REPORTING = Path(__file__).parent / "reporting_words.json"
DIALOGUES = [draw_dialogue(random.Random(seed), 1) for seed in range(600)]


def details(kind: Mapping[str, Any]) -> list[str]:
    """Every detail that a kind of event can have: days, places, things, reasons; the longest first."""
    templates = [*(say for _, _, say in kind["turns"]), *kind["summaries"]]
    names = {name.rstrip("23") for template in templates for name, _ in fields(parse(template))}
    rows = [row for key, rows in table(TABLES).items() if key not in SMALL_TALK for row in rows]
    found = {row[name] for row in rows if isinstance(row, dict) for name in names & row.keys()}
    plain = {row for name in names - SMALL_TALK for row in table(TABLES).get(name, ()) if isinstance(row, str)}
    return sorted(found | plain, key=len, reverse=True)


def facts(phrase: Phrase) -> Iterator[str]:
    """The facts that parts of a template depend on."""
    for node in phrase:
        if isinstance(node, Told):
            yield node.fact
            yield from facts(node.phrase)
        elif isinstance(node, Choice):
            for option in node.options:
                yield from facts(option)


def fields(phrase: Phrase, told: bool = False) -> Iterator[tuple[str, bool]]:
    """The fields of a template, and whether they are in a part that depends on a fact."""
    for node in phrase:
        if isinstance(node, Field):
            yield node.name, told
        elif isinstance(node, Told):
            yield from fields(node.phrase, True)
        elif isinstance(node, Choice):
            for option in node.options:
                yield from fields(option, told)


@EACH
def test_a_record_says_who_knows_each_fact_and_who_tells_it(kind: Mapping[str, Any]) -> None:
    told: set[str] = set()
    for speaker, tells, say in kind["turns"]:
        named = {fact.removeprefix("~") for fact in tells.split()}
        assert named <= set(kind["knows"]) and speaker in "ab"
        assert all(speaker in kind["knows"][fact] or fact in told for fact in named), named
        assert set(facts(parse(say))) <= set(kind.get("maybe", ()))
        told |= named
    assert set(kind.get("maybe", ())) <= told
    for summary in kind["summaries"]:
        assert set(facts(parse(summary))) <= set(kind.get("maybe", ()))


@EACH
def test_a_detail_of_a_summary_stands_in_a_turn_about_the_same_fact(kind: Mapping[str, Any]) -> None:
    always = {name for _, _, say in kind["turns"] for name, told in fields(parse(say)) if not told}
    ever = {name for _, _, say in kind["turns"] for name, _ in fields(parse(say))}
    for summary in kind["summaries"]:
        for name, told in fields(parse(summary)):
            plain = name[:1] if re.fullmatch(r"[abcd](_\w+)?", name) else name
            known = ever | {"a", "b"} if told else always | {"a", "b", *(name for name in ever if name in "cd")}
            assert plain in known | SMALL_TALK, (name, summary)


def test_a_summary_names_nobody_and_nothing_that_its_chat_does_not() -> None:
    people = {name for names in table(TABLES)["people"].values() for name in names}
    patterns = {
        kind["kind"]: re.compile(r"\b(" + "|".join(map(re.escape, details(kind))) + r")(?!\w)") for kind in kinds()
    }  # fmt: skip
    seen = 0
    for dialogue in DIALOGUES:
        said = dialogue.text
        for summary in dialogue.summaries:
            assert set(re.findall(r"[A-Z]\w+", summary)) & people <= set(re.findall(r"\w+", said))
            found = patterns[dialogue.events[0][0]].findall(summary)
            assert [detail for detail in found if detail.lower() not in said.lower()] == [], (said, summary)
            seen += len(found)
    assert seen > len(DIALOGUES)


def new_words() -> dict[str, set[str]]:
    """For each kind of event the words of more than three letters that a summary has and its chat has not, stems compared."""
    found: dict[str, set[str]] = {}
    for dialogue in DIALOGUES:
        said = set(words(dialogue.text))
        for summary in dialogue.summaries:
            plain = [word.removesuffix("'s") for word in WORD.findall(summary.lower())]
            new = {word for word in plain if len(word) > 3 and not set(words(word)) <= said}
            found.setdefault(dialogue.events[0][0], set()).update(new)
    return found


def test_every_other_word_of_a_summary_reports_what_is_said_or_implied() -> None:
    """The list was read by hand, kind by kind: verbs of reporting, grammar, and words for what the turns imply."""
    known = {kind: set(listed) for kind, listed in json.loads(REPORTING.read_text("utf-8")).items()}
    assert {kind: new - known[kind] for kind, new in new_words().items() if new - known[kind]} == {}


def test_optional_facts_are_told_in_about_half_of_the_chats() -> None:
    told, drawn = Counter[tuple[str, str]](), Counter[str]()
    for dialogue in DIALOGUES:
        for kind, known in dialogue.events:
            drawn[kind] += 1
            told.update((kind, fact.name) for fact in known)
    assert len(drawn) == len(kinds())
    for kind in kinds():
        for name in kind["knows"]:
            rate = told[kind["kind"], name] / drawn[kind["kind"]]
            optional = name in kind.get("maybe", ())
            assert 0.0 < rate < 1.0 if optional else rate in (0.0, 1.0), (kind["kind"], name, rate)


def test_what_is_implied_is_told_by_one_who_knows_it() -> None:
    implied = [fact for dialogue in DIALOGUES for _, known in dialogue.events for fact in known if fact.how == "implied"]
    assert len({fact.name for fact in implied}) >= 10 and all(fact.teller in fact.knew for fact in implied)


def test_a_chat_has_two_speakers_in_turns_of_several_kinds() -> None:
    for dialogue in DIALOGUES:
        speakers = [turn.partition(":")[0] for turn in dialogue.turns]
        assert 4 <= len(dialogue.turns) <= 6 and len(set(speakers)) == 2
        assert all(one != two for one, two in pairwise(speakers)), dialogue.text
        assert len(dialogue.summaries) == len(set(dialogue.summaries)) == 3
        assert any(speaker in summary for summary in dialogue.summaries for speaker in speakers)
    assert len(CHATS) == 4 and len(kinds()) >= 40


def test_the_sample_shows_the_chat_of_its_dialogue() -> None:
    for sample in samples("paraphrase_summarize/summarization", 4, 20):
        source, references = sample.facts["source"], sample.facts["references"]
        assert source in sample.turns[0].text and references[0] == sample.answer and len(references) == 3


def test_a_long_chat_tells_its_events_one_after_another() -> None:
    dialogue: Dialogue = draw_dialogue(random.Random(0), 6)
    assert len({kind for kind, _ in dialogue.events}) == 6 and len(dialogue.turns) >= 24
    assert all(len(re.findall(r"[.?!](?: |$)", summary)) >= 6 for summary in dialogue.summaries)
