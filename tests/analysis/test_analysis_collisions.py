"""The marked writes of a wrong answer are the first ones that leave no right answer, as going through all of them finds too."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, permutations, product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import parallelbench as pb
from parallelbench.analysis.collisions import Collision, canvases, find_collision, initial_canvas
from parallelbench.analysis.right_answers import MASKED, Arranged, RightAnswers, Written, right_answers
from parallelbench.experiments.scoring import load, sample_again
from parallelbench.models import describe
from parallelbench.runs.folder import read_run
from parallelbench.runs.records import Record, Trace
from parallelbench.schema import Sample

END = 9
Canvas = dict[int, int]


def all_right(sample: Sample) -> list[str]:
    """Every right answer as text, from the facts alone, written out without `theory`."""
    facts = sample.facts
    if sample.law == "latin_square":
        rows = list(permutations(facts["symbols"]))
        squares = product(rows, repeat=len(facts["symbols"]))
        return ["\n".join(map(",".join, one)) for one in squares if all(len(set(c)) == len(c) for c in zip(*one, strict=True))]
    items, places = list(facts["items"]), range(len(facts["items"]))
    found: dict[str, Any] = {
        "shuffle": lambda: [list(one) for one in permutations(items) if list(one) != items],
        "replace_random": lambda: [[*items[:r], facts["word"], *items[r + 1 :]] for r in places],
        "insert_random": lambda: [[*items[:r], facts["word"], *items[r:]] for r in range(len(items) + 1)],
        "remove_random": lambda: [items[:r] + items[r + 1 :] for r in places],
    }
    return ['["' + '", "'.join(one) + '"]' for one in found[str(sample.law)]()]


def agrees(answer: Sequence[int], canvas: Canvas, ends: Sequence[int]) -> bool:
    return all(
        (token == answer[at]) if at < len(answer) else (at > len(answer) or token in ends) for at, token in canvas.items()
    )


def brute_force(trace: Trace, right: list[list[int]], ends: Sequence[int]) -> tuple[int, tuple[int, ...]]:
    """The first forward after which no answer is left, and its fewest writes: all single ones, then all twos, and so on."""
    canvas: Canvas = {}
    for forward, writes in enumerate(trace.history):
        after = canvas | {position: token for position, token, _, _ in writes}
        if not any(agrees(answer, after, ends) for answer in right):
            tokens = {position: token for position, token, _, _ in writes}
            for count in range(1, len(writes) + 1):
                for group in sorted(combinations(sorted(tokens), count), key=lambda one: one[::-1]):
                    if not any(agrees(answer, canvas | {at: tokens[at] for at in group}, ends) for answer in right):
                        return forward, group
        canvas = after
    raise AssertionError("a right answer is left")


def wrong_answers(out: Path) -> Iterator[tuple[Sample, Record, Trace, int]]:
    """Every wrong answer of a run, with the number of its cell."""
    run = read_run(out)
    for number, stored in enumerate(run.cells):
        task = load(run, stored)
        for folder, record in stored.records():
            if record.scores[stored.cell.metrics[0]] == 0.0:
                yield sample_again(task, stored.cell, record), record, folder.trace(record), number


def compared(model: str, tasks: list[str], decoders: list[str], limit: int, out: Path) -> list[int]:
    """Compare every wrong answer with brute force; return how many writes each was marked with."""
    handle = describe(model)
    pb.run(model, tasks, decoders, limit=limit, out=out, progress=False)
    counts = []
    for sample, record, trace, _ in wrong_answers(out):
        codec, ends = handle.codec_for(sample), handle.info.end_ids
        right = right_answers(sample, codec.encode, ends, len(trace.token_ids))
        found = right and find_collision(trace.history, initial_canvas(record, trace), right)
        assert isinstance(found, Collision)
        forward, positions = brute_force(trace, [codec.encode(text) for text in all_right(sample)], ends)
        assert found.forward == forward
        if len(positions) <= 2:
            assert found.positions == positions
        else:
            assert len(found.positions) > 2 and needed(found, initial_canvas(record, trace), trace, right)
        counts.append(len(positions))
    return counts


def needed(found: Collision, start: Any, trace: Trace, right: RightAnswers) -> bool:
    """Whether no right answer has all the marked writes, and leaving out any one of them leaves some."""
    canvas = canvases(trace.history, start)[found.forward]
    tokens = {position: token for position, token, _, _ in trace.history[found.forward]}
    left_out = []
    for gone in (None, *found.positions):
        row = canvas.copy()
        for position in found.positions:
            if position != gone:
                row[position] = tokens[position]
        left_out.append(row)
    return right.possible(left_out).tolist() == [False] + [True] * len(found.positions)


FREE = ["shuffle", "replace_random", "insert_random", "remove_random"]


def test_few_wrong_answers_are_marked_as_brute_force_marks_them(tmp_path: Path) -> None:
    tasks = [f"waiting_line/{name}:lengths=[3,4],max_new_tokens=16" for name in FREE]
    counts = compared("exact", tasks, ["random:k=[3,8],temperature=1"], 12, tmp_path / "out")
    assert len(counts) >= 15 and counts.count(2) >= 10


@pytest.mark.slow
@pytest.mark.parametrize("model", ["exact", "exact:tokenizer=tiny"])
def test_200_wrong_answers_are_marked_as_brute_force_marks_them(model: str, tmp_path: Path) -> None:
    tasks = [f"waiting_line/{name}" for name in FREE] + ["puzzle/latin_square_n3"]
    decoders = ["random:k=[2,3,4,5,6,7,8],temperature=1", "confidence:k=[2,4,8]"]
    counts = compared(model, tasks, decoders, 16, tmp_path / "out")
    assert len(counts) >= 200 and counts.count(2) > counts.count(1)


ITEMS = [[10 + i, 20 + i % 2] for i in range(4)]
PIECES = [[1], [2], [2], [2], [3]]


def joined(order: Sequence[int]) -> list[int]:
    row = list(PIECES[0])
    for item, piece in zip(order, PIECES[1:], strict=True):
        row += ITEMS[item] + piece
    return row


LENGTH = len(joined(range(4))) + 2
TOKENS = st.sampled_from([MASKED, MASKED, MASKED, 1, 2, 3, END, *range(10, 14), 20, 21])


@settings(max_examples=40)
@given(st.permutations(range(4)), st.lists(st.booleans(), min_size=LENGTH, max_size=LENGTH), st.data(), st.booleans())
def test_matching_items_with_slots_decides_as_all_orders_written_out_do(
    order: list[int], masked: list[bool], data: st.DataObject, must_differ: bool
) -> None:
    orders = [one for one in permutations(range(4)) if not must_differ or one != (0, 1, 2, 3)]
    written = Written(map(joined, orders), LENGTH, [END])
    arranged = Arranged(PIECES, ITEMS, must_differ, LENGTH, [END])
    canvas = np.array([*joined(order), END, 7])
    canvas[masked] = MASKED
    at = data.draw(st.integers(0, LENGTH - 1))
    changed = canvas.copy()
    changed[at] = data.draw(TOKENS)
    assert written.possible([canvas, changed]).tolist() == arranged.possible([canvas, changed]).tolist()


def two_answers() -> RightAnswers:
    return Written(iter([[1, 2, 3], [4, 5, 6]]), 5, [END])


def commits(*tokens: tuple[int, int]) -> tuple[tuple[int, int, float | None, str], ...]:
    return tuple((position, token, None, "commit") for position, token in tokens)


EMPTY = np.full(5, MASKED)


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        ([commits((0, 1), (2, 6))], Collision(0, (0, 2))),
        ([commits((0, 1)), commits((1, 2)), commits((2, 6))], Collision(2, (2,))),  # an error of the model
        ([commits((0, 1), (1, 7), (2, 6))], Collision(0, (1,))),  # found before the two that exclude each other
        ([commits((0, 1), (3, 1))], Collision(0, (3,))),  # text where the answer must end
        ([commits((0, 1)), commits((1, END))], Collision(1, (1,))),  # the end where text must stand
        ([commits((0, 1), (1, 2), (2, 3), (3, END), (4, 8))], None),  # what follows the end is not read
        ([commits((0, 1), (2, 6)), ((2, 0, None, "remask"),), commits((2, 6))], Collision(2, (2,))),  # broken, mended, broken
        ([commits((0, 1), (2, 6)), ((2, 3, 0.5, "edit"),)], None),
        ([commits((0, 1)), ((0, 4, 0.5, "edit"), (2, 3, None, "commit"))], Collision(1, (0, 2))),
    ],
)
def test_what_is_marked(history: Any, expected: Collision | None) -> None:
    assert find_collision(history, EMPTY, two_answers()) == expected


def test_three_writes_of_which_any_two_are_possible_are_marked_together() -> None:
    right = Written(iter([[1, 1, 0], [1, 0, 1], [0, 1, 1]]), 3, [END])
    found = find_collision([commits((0, 1), (1, 1), (2, 1))], np.full(3, MASKED), right)
    assert found == Collision(0, (0, 1, 2))


def test_an_answer_for_which_the_canvas_is_too_short_has_no_collision() -> None:
    right = Written(iter([[1, 2, 3]]), 2, [END])
    assert find_collision([commits((0, 7))], np.full(2, MASKED), right) is None


def test_shuffles_that_cannot_be_written_out_are_decided() -> None:
    task = pb.load_task("waiting_line/shuffle:lengths=[12],shots=0,max_new_tokens=64")
    sample = task.sample(0, 0)
    codec = describe("tiny2").codec_for(sample)
    right = right_answers(sample, codec.encode, [0], 64)
    assert isinstance(right, Arranged)
    answer = np.full(64, MASKED)
    ids = codec.encode(sample.answer)
    answer[: len(ids)] = ids
    same = codec.encode('["' + '", "'.join(sample.facts["items"]) + '"]')
    given = np.full(64, MASKED)
    given[: len(same)] = same
    assert right.possible([answer, given]).tolist() == [True, False]
