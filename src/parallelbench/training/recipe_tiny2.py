"""The recipe of the second generation of `tiny`, and of its autoregressive counterpart.

Lists of 2 to 12 items, and some of up to 20; people of both pools, letters, words and numbers; with one demonstration and
without; three wordings; with and without the frame of the answer. Short rows come first, because a step costs in proportion to
its tokens and what is learned on short rows is not learned anew on long ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from parallelbench.models.cards import CARDS
from parallelbench.tasks.lists import OPERATIONS
from parallelbench.tasks.wordings import WORDINGS
from parallelbench.training.masks import Order
from parallelbench.training.stages import Group, Recipe, Shipped, Stage

WORDED = {"plain": 2.0, "polite": 1.0, "task_first": 1.0}
PEOPLE = {"wording": WORDED, "names": {"standard": 1.0, "wide": 1.0}}
ITEMS = {"wording": WORDED, "items": {"letters": 2.0, "numbers": 2.0, "words": 1.0}}
LIST_ORDERS: Mapping[Order, float] = {"positions": 3.0, "slots": 2.0, "left_to_right": 1.0}
PUZZLE_ORDERS: Mapping[Order, float] = {"positions": 2.0, "tokens": 3.0, "rows": 2.0, "columns": 1.0, "left_to_right": 1.0}

# Weights follow difficulty, as for the first generation: sorting needs the most, copying the least.
ALL = {
    "sort": 4.0, "shuffle": 2.0, "insert_random": 2.0, "replace_random": 2.0, "remove_random": 1.2, "insert_index": 1.5,
    "replace_index": 1.5, "remove_index": 1.0, "reverse": 0.7, "copy": 0.4,
}  # fmt: skip
SORT_AND_INDEX = {
    "sort": 4.0, "replace_index": 2.0, "insert_index": 1.5, "remove_index": 1.5, "shuffle": 1.0, "replace_random": 0.8,
    "insert_random": 0.8, "remove_random": 0.6, "reverse": 0.4, "copy": 0.2,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Size:
    """Rows of one size: the lengths of their lists, their demonstrations, and the tokens of a row and of its canvas.

    A prompt has a multiple of 32 tokens, and a batch about 6,000 tokens, so that a step of any size takes about as long.
    """

    name: str
    lengths: range
    shots: int
    length: int
    canvas: int
    batch: int

    def task(self, name: str, more: str = "") -> str:
        """The name of a task with these lengths and this canvas."""
        return f"{name}:lengths=[{','.join(map(str, self.lengths))}],max_new_tokens={self.canvas}{more}"


SHORT = Size("short", range(2, 7), 0, length=96, canvas=32, batch=64)
MIDDLE = Size("middle", range(7, 13), 0, length=160, canvas=64, batch=40)
LONG = Size("long", range(13, 21), 0, length=224, canvas=96, batch=28)
SHORT_SHOWN = Size("short_shown", range(2, 7), 1, length=192, canvas=32, batch=32)
MIDDLE_SHOWN = Size("middle_shown", range(7, 13), 1, length=288, canvas=64, batch=22)
LONG_SHOWN = Size("long_shown", range(13, 21), 1, length=416, canvas=96, batch=15)


def _lines(share: float, size: Size, words: bool = False, weights: Mapping[str, float] = ALL) -> Group:
    """Waiting lines of one size; with `words` only words are masked, as where a decoder has written the marks first."""
    named = {size.task(f"waiting_line/{name}"): weight for name, weight in weights.items()}
    name = f"{'words_' * words}lines_{size.name}"
    return _group(name, share, named, size, PEOPLE, words)


def _items(share: float, size: Size, words: bool = False, weights: Mapping[str, float] = ALL) -> Group:
    """List operations of one size on an empty canvas."""
    named = {size.task(f"list_ops/{name}", ",infill=false"): weight for name, weight in weights.items()}
    return _group(f"{'words_' * words}items_{size.name}", share, named, size, ITEMS, words)


def _frames(share: float, size: Size) -> Group:
    """List operations of one size in the frame of their answer."""
    named = {size.task(f"list_ops/{name}"): weight for name, weight in ALL.items()}
    return _group(f"frames_{size.name}", share, named, size, ITEMS)


def _line_frames(share: float, size: Size) -> Group:
    """Waiting lines of one size in the frame of their answer."""
    named = {size.task(f"waiting_line/{name}", ",infill=true"): weight for name, weight in ALL.items()}
    return _group(f"line_frames_{size.name}", share, named, size, PEOPLE)


def _similar_names(share: float, size: Size) -> Group:
    """Sort on names such as Farrell and Ferrari: the last errors of the first generation, rare in one random list."""
    return replace(_lines(share, size, True, {"sort": 1.0}), name=f"alike_{size.name}", closest=32 if size is SHORT else 8)


def _group(
    name: str, share: float, named: dict[str, float], size: Size, options: Mapping[str, Mapping[str, float]],
    words: bool = False,
) -> Group:  # fmt: skip
    return Group(
        name, share, named, size.length, size.canvas, size.batch, words=words, options=options, shots={size.shots: 1.0},
        orders=LIST_ORDERS,
    )  # fmt: skip


def _puzzles(share: float, latin: float, sudoku: float, words: bool = False, shown: bool = False) -> Group:
    """Latin squares and Sudokus; half of their canvas is end tokens, and squares are not learned if these are masked too."""
    named = {"puzzle/latin_square_n4": latin, "puzzle/sudoku_n4_12": sudoku}
    name = f"{'words_' * words}puzzles{'_shown' * shown}"
    length, batch = (224, 28) if shown else (128, 48)
    return Group(
        name, share, named, length, canvas=64, batch=batch, words=words, options={"wording": WORDED},
        shots={int(shown): 1.0}, orders=PUZZLE_ORDERS,
    )  # fmt: skip


_FIRST = (
    _lines(0.20, SHORT), _lines(0.24, SHORT, words=True),
    _items(0.08, SHORT), _items(0.10, SHORT, words=True), _frames(0.03, SHORT), _line_frames(0.03, SHORT),
    _puzzles(0.09, latin=2.2, sudoku=1.0), _puzzles(0.23, latin=3.0, sudoku=1.0, words=True),
)  # fmt: skip

_WIDER = (
    _lines(0.07, SHORT), _lines(0.08, SHORT, words=True), _items(0.06, SHORT, words=True),
    _lines(0.06, SHORT_SHOWN), _lines(0.07, SHORT_SHOWN, words=True), _items(0.07, SHORT_SHOWN),
    _lines(0.09, MIDDLE), _lines(0.14, MIDDLE, words=True), _items(0.05, MIDDLE), _items(0.08, MIDDLE, words=True),
    _frames(0.03, MIDDLE), _line_frames(0.02, MIDDLE),
    _puzzles(0.04, latin=2.5, sudoku=1.0), _puzzles(0.10, latin=4.0, sudoku=1.0, words=True),
    _puzzles(0.04, latin=2.0, sudoku=1.0, words=True, shown=True),
)  # fmt: skip

_EVERYTHING = (
    _lines(0.04, SHORT, weights=SORT_AND_INDEX), _lines(0.06, SHORT, True, SORT_AND_INDEX), _items(0.04, SHORT),
    _lines(0.04, SHORT_SHOWN), _lines(0.05, SHORT_SHOWN, True, SORT_AND_INDEX), _items(0.04, SHORT_SHOWN, words=True),
    _lines(0.06, MIDDLE, weights=SORT_AND_INDEX), _lines(0.10, MIDDLE, True, SORT_AND_INDEX), _items(0.06, MIDDLE, words=True),
    _lines(0.05, MIDDLE_SHOWN), _lines(0.07, MIDDLE_SHOWN, words=True), _items(0.06, MIDDLE_SHOWN),
    _lines(0.05, LONG), _items(0.03, LONG), _lines(0.02, LONG_SHOWN), _items(0.01, LONG_SHOWN),
    _frames(0.03, MIDDLE), _frames(0.01, MIDDLE_SHOWN), _line_frames(0.02, MIDDLE_SHOWN),
    _puzzles(0.03, latin=2.5, sudoku=1.0), _puzzles(0.08, latin=4.0, sudoku=1.0, words=True),
    _puzzles(0.02, latin=2.5, sudoku=1.0, shown=True), _puzzles(0.05, latin=3.0, sudoku=1.0, words=True, shown=True),
)  # fmt: skip

_LAST_ERRORS = (
    _lines(0.05, SHORT, weights=SORT_AND_INDEX), _similar_names(0.08, SHORT), _similar_names(0.06, SHORT_SHOWN),
    _lines(0.05, SHORT_SHOWN, True, SORT_AND_INDEX), _items(0.05, SHORT_SHOWN, weights=SORT_AND_INDEX),
    _lines(0.08, MIDDLE, True, SORT_AND_INDEX), _similar_names(0.12, MIDDLE), _items(0.06, MIDDLE, True, SORT_AND_INDEX),
    _lines(0.07, MIDDLE_SHOWN, True, SORT_AND_INDEX), _similar_names(0.06, MIDDLE_SHOWN), _items(0.04, MIDDLE_SHOWN, True),
    _lines(0.04, LONG, True, SORT_AND_INDEX), _items(0.02, LONG, True), _lines(0.02, LONG_SHOWN, True, SORT_AND_INDEX),
    _puzzles(0.03, latin=3.0, sudoku=1.0), _puzzles(0.10, latin=4.0, sudoku=1.0, words=True),
    _puzzles(0.07, latin=4.0, sudoku=1.0, words=True, shown=True),
)  # fmt: skip

_VOCABULARY = (
    *(f"waiting_line/{name}:names=wide,wording={wording}" for name in OPERATIONS for wording in WORDINGS),
    *(f"list_ops/{name}:items=words,wording={wording}" for name in OPERATIONS for wording in WORDINGS),
    *(f"puzzle/{name}:wording={wording}" for name in ("latin_square_n4", "sudoku_n4_12") for wording in WORDINGS),
)

TINY2 = Shipped(
    CARDS["tiny2"],
    Recipe(steps=10_000, precision="bfloat16", reach=416),
    (
        Stage(_FIRST, hold=0.4, rows=2),
        Stage(_WIDER, share=1.1, rate=0.7, hold=0.3, layers=1, rows=2),
        Stage(_EVERYTHING, share=1.2, rate=0.6, hold=0.2, layers=1, rows=2),
        Stage(_LAST_ERRORS, share=0.5, rate=0.4, rows=2),
    ),
    words_from=_VOCABULARY,
    samples_per_task=60,
)

# The autoregressive model is trained on every token of an answer in each step, so it needs fewer steps.
TINY_AR2 = replace(TINY2, recipe=TINY2.recipe.model_copy(update={"steps": 5_000}))
