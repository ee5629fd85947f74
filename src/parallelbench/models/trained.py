"""What a small model was trained for: tasks, and the values of their options."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any


@dataclass(frozen=True, slots=True)
class Trained:
    """Tasks that a model was trained for, and what they were trained with.

    Attributes:
        tasks: patterns of names of our tasks.
        options: for an option of these tasks the values that it was trained with; any other option had its default.
        shots: the numbers of demonstrations that it was trained with.
    """

    tasks: tuple[str, ...]
    options: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    shots: tuple[int, ...] = (0,)

    def holds(self, task: str) -> bool:
        """Whether a task is one of these."""
        return any(fnmatchcase(task, pattern) for pattern in self.tasks)

    def described(self) -> str:
        """The tasks, the numbers of demonstrations and the options as a line for people."""
        shots = f"{_values(self.shots)} demonstration{'s' * (self.shots != (1,))}"
        options = [f"{key} {_values(values)}" for key, values in self.options.items()]
        return f"{', '.join(self.tasks)}: {'; '.join([shots, *options])}"


_PUZZLES = ("puzzle/latin_square_n4", "puzzle/sudoku_n4_12")
_WORDINGS = ("plain", "polite", "task_first")
_WIDER = {
    "lengths": tuple(range(2, 21)),
    "wording": _WORDINGS,
    "infill": (False, True),
    "max_new_tokens": (32, 64, 96),
}

LISTS_AND_PUZZLES = (
    Trained(("waiting_line/*",), {"lengths": (3, 4, 5, 6), "wording": ("plain",)}),
    Trained(
        ("list_ops/copy", "list_ops/shuffle", "list_ops/replace_index", "list_ops/replace_random"),
        {"lengths": (6, 8, 10, 12, 14, 16), "items": ("letters",), "wording": ("plain",)},
    ),
    Trained(_PUZZLES, {"wording": ("plain",)}),
)
WIDER = (
    Trained(("waiting_line/*",), {**_WIDER, "names": ("standard", "wide")}),
    Trained(("list_ops/*",), {**_WIDER, "items": ("letters", "words", "numbers")}),
    Trained(_PUZZLES, {"wording": _WORDINGS}),
)
TEXTS = (
    Trained(("words_to_sentence/*",), {"words": (1, 2, 3, 4, 5, 6, 7)}),
    Trained(("paraphrase_summarize/*",)),
)


def _values(values: tuple[Any, ...]) -> str:
    """Values as text; whole numbers without a gap as a range."""
    whole = all(isinstance(value, int) and not isinstance(value, bool) for value in values)
    if whole and len(values) > 2 and list(values) == list(range(values[0], values[-1] + 1)):
        return f"{values[0]} to {values[-1]}"
    texts = [str(value).lower() if isinstance(value, bool) else str(value) for value in values]
    return " or ".join(texts) if len(texts) < 3 else f"{', '.join(texts[:-1])} or {texts[-1]}"
