"""Chain of thought: steps are asked for and shown, and the answer is what follows the marker."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parallelbench.contracts.thoughts import split_thought
from parallelbench.errors import UserError
from parallelbench.metrics import score
from parallelbench.tasks import load_task
from parallelbench.tasks.lists import OPERATIONS
from parallelbench.tasks.steps import CANVAS, MARKER, steps_of


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_demonstration_shows_steps_that_end_in_a_right_answer(operation: str) -> None:
    task = load_task(f"waiting_line/{operation}:chain_of_thought=true")
    plain = load_task(f"waiting_line/{operation}")
    for index in range(40):
        sample = task.sample(3, index)
        asked, shown, _ = sample.turns
        people = asked.text.splitlines()[1]
        answer, thought = split_thought(shown.text, marker=sample.marker)
        assert thought and all(name in thought for name in people.strip('["]').split('", "'))
        assert "  " not in thought and "{" not in thought
        assert shown.text == f"{thought}\n{MARKER} {answer}" and MARKER in asked.text
        assert sample.answer == plain.sample(3, index).answer, "the same questions as without steps"
        assert (
            score(sample, split_thought(f"{MARKER} {sample.answer}", marker=MARKER).answer, task.metrics)[task.metrics[0]]
            == 1.0
        )


@given(st.lists(st.sampled_from("ABCDEFGH"), min_size=2, max_size=6, unique=True), st.data())
def test_steps_name_the_position_that_changes(people: list[str], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(people)))
    inserted = [*people[:at], "New", *people[at:]]
    assert f"New comes to position {at}" in steps_of("insert_index", people, inserted)
    at = min(at, len(people) - 1)
    removed = [*people[:at], *people[at + 1 :]]
    assert f"position {at}, which is taken by {people[at]}" in steps_of("remove_random", people, removed)
    replaced = [*people[:at], "New", *people[at + 1 :]]
    assert f"Position {at} is taken by {people[at]}. New comes" in steps_of("replace_index", people, replaced)


@pytest.mark.parametrize(
    ("text", "answer", "thought"),
    [
        ('first this\nAnswer: ["a"]', '["a"]', "first this"),
        ('["b"] is wrong. Answer: ["b"]? No. Answer: ["a"]', '["a"]', '["b"] is wrong. Answer: ["b"]? No.'),
        ('["a"]', "", '["a"]'),
        ("Answer:", "", ""),
        ("", "", ""),
        ('<think>x</think>so Answer: ["a"]', '["a"]', "x\nso"),
        ('<think>Answer: ["a"]', "", 'Answer: ["a"]'),
        ('answer: ["a"]', "", 'answer: ["a"]'),
    ],
)
def test_only_what_follows_the_last_marker_is_the_answer(text: str, answer: str, thought: str) -> None:
    assert split_thought(text, marker=MARKER) == (answer, thought)
    assert split_thought('["a"] Answer: ["b"]') == ('["a"] Answer: ["b"]', None), "a task without steps has no marker"


def test_the_canvas_has_room_unless_another_is_chosen() -> None:
    assert load_task("waiting_line/shuffle:chain_of_thought=true").max_new_tokens == CANVAS == 256
    assert load_task("waiting_line/shuffle:chain_of_thought=true,max_new_tokens=128").max_new_tokens == 128
    assert load_task("waiting_line/shuffle:chain_of_thought=false").max_new_tokens == 32
    steps, plain = (load_task(f"waiting_line/shuffle:chain_of_thought={on}") for on in ("true", "false"))
    assert steps.fingerprint and not plain.fingerprint, "the texts of the steps are part of a cell, and no other cell changes"
    assert plain.spec.partition(":")[0] == steps.spec.partition(":")[0] == "waiting_line/shuffle"


def test_what_steps_do_not_go_with_is_refused() -> None:
    for option in ("wording=polite", "infill=true"):
        with pytest.raises(UserError, match="one wording and no frame"):
            load_task(f"waiting_line/copy:chain_of_thought=true,{option}")
    with pytest.raises(UserError, match="chain_of_thought"):
        load_task("waiting_line/copy:chain_of_thought=yes please")
    task = load_task("waiting_line/copy:chain_of_thought=true")
    assert task.law is None and task.sample(0, 0).law is None, "so it has no exact model"
