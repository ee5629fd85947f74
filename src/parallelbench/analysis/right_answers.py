"""The right answers of one sample in the tokens of a model, and whether a partly written canvas can still become one of them.

Right answers are known where the sample's task has a law of them (lists, Latin squares, Sudokus). They are written out, or, for
shuffles of eight items or more, decided by matching items with slots. An answer counts here as the model's tokenizer cuts it:
the same text in other tokens is another canvas.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Sequence

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching

from parallelbench.schema import MASK_ITEM, Sample
from parallelbench.theory import Law, law_of_sample
from parallelbench.theory.base import SUPPORT_LIMIT

MASKED = -1
"""The value of a canvas position that is still masked."""
_END, _ANY = -2, -3  # the end of the answer; what follows it, which nobody reads
ENCODED_EACH = 5_040
"""Up to so many answers, each is tokenised as a whole; of more, the parts are tokenised, and joined if that is the same."""
CHECKED = 32

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Encode = Callable[[str], Sequence[int]]


class RightAnswers(ABC):
    """The set of right answers on a canvas of `length` tokens."""

    def __init__(self, length: int, end_ids: Collection[int]) -> None:
        self.length = length
        self._end_ids = np.array(sorted(end_ids), dtype=np.int64)

    def possible(self, canvases: npt.ArrayLike) -> Bools:
        """Return for each canvas [B, length] (token ids, `MASKED` where none is written) whether a right answer agrees: [B]."""
        rows = np.atleast_2d(np.asarray(canvases, dtype=np.int64))
        rows = np.where(np.isin(rows, self._end_ids), _END, rows)
        return np.array([self._agrees(row) for row in rows], dtype=np.bool_)

    @abstractmethod
    def _agrees(self, canvas: Ints) -> bool:
        """Whether a right answer agrees with one canvas, in which every end token is `_END`."""

    def _row(self, tokens: Sequence[int]) -> list[int]:
        """An answer as a row of the canvas: its tokens, an end, and then anything."""
        return [*tokens, _END, *[_ANY] * self.length][: self.length]


class Written(RightAnswers):
    """Answers that are written out, each as its token ids; those that are longer than the canvas are left out."""

    def __init__(self, answers: Iterator[Sequence[int]], length: int, end_ids: Collection[int]) -> None:
        super().__init__(length, end_ids)
        rows = [self._row(answer) for answer in answers if len(answer) <= length]
        self._columns = np.array(rows, dtype=np.int32).reshape(len(rows), length).T.copy()

    def _agrees(self, canvas: Ints) -> bool:
        alive = np.arange(self._columns.shape[1])
        for position in np.flatnonzero(canvas != MASKED):
            column = self._columns[position][alive]
            alive = alive[(column == canvas[position]) | (column == _ANY)]
        return len(alive) > 0


class Arranged(RightAnswers):
    """Every order of items that all have equally many tokens; with `must_differ` every order but the given one.

    A canvas can become an answer if each slot can be matched with an item of its own that agrees with it.
    """

    def __init__(
        self, pieces: Sequence[Sequence[int]], items: Sequence[Sequence[int]], must_differ: bool, length: int,
        end_ids: Collection[int],
    ) -> None:  # fmt: skip
        super().__init__(length, end_ids)
        self._items = np.array(items, dtype=np.int64)
        self._must_differ = must_differ
        row, slots = list(pieces[0]), []
        for piece in pieces[1:]:
            slots.append(np.arange(len(row), len(row) + self._items.shape[1]))
            row += [*[_ANY] * self._items.shape[1], *piece]
        self._has_room = len(row) <= length
        self._fixed = np.array(self._row(row), dtype=np.int64)
        self._slots = np.array(slots)

    def _agrees(self, canvas: Ints) -> bool:
        if not self._has_room or ((canvas != MASKED) & (self._fixed != _ANY) & (canvas != self._fixed)).any():
            return False
        seen = canvas[self._slots][:, None, :]
        allowed = ((seen == MASKED) | (seen == self._items)).all(axis=2)
        found = _matching(allowed)
        same = np.arange(len(self._items))
        if found is None or not self._must_differ or (found != same).any():
            return found is not None
        return any(_matching(allowed & ~((same[:, None] == place) & (same == place))) is not None for place in same)


def _matching(allowed: Bools) -> Ints | None:
    """An item for each slot, all different, or None; `allowed` [slots, items]."""
    found = maximum_bipartite_matching(csr_array(allowed.astype(np.int8)), perm_type="column")
    return None if (found < 0).any() else np.asarray(found, dtype=np.int64)


def right_answers(sample: Sample, encode: Encode, end_ids: Collection[int], length: int) -> RightAnswers | None:
    """Return the right answers of a sample, tokenised by `encode`, on a canvas of `length` tokens.

    None where there is no law of them, or where they are too many to be written out and no shuffle.
    """
    if sample.law is None or sample.frame is None:
        return None
    frame = sample.frame.split(MASK_ITEM)
    law = law_of_sample(sample.law, sample.facts)
    if law.support_size <= ENCODED_EACH:
        texts = (_text(frame, law, string) for string in law.support()[0])
        return Written((encode(text) for text in texts), length, end_ids)
    pieces, symbols = [encode(piece) for piece in frame], [encode(symbol) for symbol in law.alphabet]
    if not _joins(frame, law, encode, pieces, symbols):
        return None
    if sample.law == "shuffle" and len({len(symbol) for symbol in symbols}) == 1:
        return Arranged(pieces, symbols, not sample.facts.get("may_stay", False), length, end_ids)
    if law.support_size > SUPPORT_LIMIT:
        return None
    return Written((_joined(pieces, symbols, string) for string in law.support()[0].tolist()), length, end_ids)


def _text(frame: Sequence[str], law: Law, string: Sequence[int]) -> str:
    """An answer as text: the symbols of a string, written into the slots of a frame."""
    return frame[0] + "".join(law.alphabet[symbol] + piece for symbol, piece in zip(string, frame[1:], strict=True))


def _joined(pieces: Sequence[Sequence[int]], symbols: Sequence[Sequence[int]], string: Sequence[int]) -> list[int]:
    """An answer as token ids: those of its parts, in turn."""
    row = list(pieces[0])
    for symbol, piece in zip(string, pieces[1:], strict=True):
        row += [*symbols[symbol], *piece]
    return row


def _joins(
    frame: Sequence[str], law: Law, encode: Encode, pieces: Sequence[Sequence[int]], symbols: Sequence[Sequence[int]]
) -> bool:
    """Whether answers are cut into the tokens of their parts, tried on a few that are drawn."""
    strings = law.sample(np.random.default_rng(0), CHECKED).tolist()
    return all(list(encode(_text(frame, law, string))) == _joined(pieces, symbols, string) for string in strings)
