"""One sample's canvas, as a decoder sees and changes it.

Positions are counted from the start of the canvas. `status` records which positions are masked. It is set at the start and
changed by writes; it is not derived from the tokens again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from parallelbench.contracts.forward import Ints
from parallelbench.contracts.info import ModelInfo
from parallelbench.decoding.signals import ORDER
from parallelbench.errors import ParallelBenchError
from parallelbench.rng import Draws, uniform_each

PROMPT, MASKED, COMMITTED = 0, 1, 2
Write = tuple[int, int, float | None, str]


class DecoderFault(ParallelBenchError):
    """A decoder did something that the decoder contract forbids; the message says what."""


class State:
    """Canvas, status of each position, block being filled (`window`), history and random draws of one sample.

    Attributes:
        canvas: token ids [W].
        status: PROMPT (fixed text around the slots of an infill canvas, the frame), MASKED or COMMITTED, [W].
        prompt: the prompt's ids.
        history: one list of writes (position, token, confidence, action) for each forward that the sample took part in; an
            unknown confidence is None. It is the only counter of forwards.
    """

    __slots__ = ("_before", "block", "canvas", "draws", "history", "info", "prompt", "status")

    def __init__(self, canvas: Ints, prompt: tuple[int, ...], info: ModelInfo, draws: Draws, block: int | None) -> None:
        self.canvas = canvas
        self.status = (canvas == info.mask_id).view(np.uint8)  # True is MASKED, False is PROMPT
        self.prompt = prompt
        self.info = info
        self.draws = draws
        self.block = block or len(canvas)
        self._before = len(prompt) % self.block if info.attention == "block_causal" else 0
        self.history: list[list[Write]] = []

    @property
    def forwards(self) -> int:
        """The index of this sample's last forward, from 0; random draws depend on it."""
        return max(0, len(self.history) - 1)

    @property
    def done(self) -> bool:
        """True when no position is masked."""
        return MASKED not in self.status.tobytes()

    @property
    def masked(self) -> npt.NDArray[np.bool_]:
        """True at the masked positions, [W]."""
        masked: npt.NDArray[np.bool_] = self.status == MASKED
        return masked

    @property
    def window(self) -> tuple[int, int]:
        """The block being filled: the first that holds a mask, as (start, end); (W, W) when none is left.

        Blocks are counted from the start of the canvas; under block-causal attention from the start of the prompt, so that the
        first block may contain the last tokens of the prompt.
        """
        width = len(self.canvas)
        at = int((self.status == MASKED).argmax())
        if self.status[at] != MASKED:
            return width, width
        start = (at + self._before) // self.block * self.block - self._before
        return max(0, start), min(start + self.block, width)

    @property
    def blocks(self) -> int:
        """The number of blocks that contain at least one canvas position."""
        return int(self.block_of(len(self.canvas) - 1)) + 1

    def block_of(self, positions: npt.ArrayLike) -> Ints:
        """The number of the block of each position, from 0."""
        return np.asarray(np.add(positions, self._before) // self.block)

    @property
    def eligible(self) -> Ints:
        """Masked positions of the window, ascending."""
        masked: Ints = (self.status == MASKED).nonzero()[0]
        if self.block >= len(self.canvas) + self._before or not len(masked):
            return masked
        end = ((int(masked[0]) + self._before) // self.block + 1) * self.block - self._before
        return masked[: int(masked.searchsorted(end))]

    def is_eligible(self, positions: Ints) -> npt.NDArray[np.bool_]:
        """True for each of these canvas positions that is `eligible`."""
        start, end = self.window
        found: npt.NDArray[np.bool_] = (self.status[positions] == MASKED) & (positions >= start) & (positions < end)
        return found

    def editable(self, start: int, end: int) -> Ints:
        """Positions of [start, end) that are not fixed by the frame, masked or committed, ascending."""
        return start + np.flatnonzero(self.status[start:end] != PROMPT)

    def uniform(self, positions: npt.ArrayLike, lane: int) -> npt.NDArray[np.float64]:
        """Draw one number in (0, 1) for each position at this forward; equal arguments give equal numbers."""
        return self.draws.uniform(self.forwards, positions, lane)

    def tie_order(self, positions: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Draw one number for each position that is the same at every forward, so that ties fall as they fell before.

        Which positions go first is then as random as with new numbers at every forward. But what a decoder expects of its next
        forward is what it finds there, which speculation needs.
        """
        return self.draws.uniform(0, positions, ORDER)

    def write(self, positions: npt.ArrayLike, tokens: npt.ArrayLike, confidences: npt.ArrayLike = np.nan) -> None:
        """Write tokens at positions: a token into a mask commits, the mask id remasks, another token edits.

        Raises:
            DecoderFault: a position is outside the canvas or fixed by the frame, a token is not in the vocabulary, or
                there was no forward yet.
        """
        where = np.ravel(positions).tolist()
        self.write_each(where, _one_each(tokens, len(where)), _one_each(confidences, len(where)))

    def write_each(self, positions: Sequence[int], tokens: Sequence[int], confidences: Sequence[float]) -> None:
        """The same as `write`, for sequences of Python numbers with one entry for each position."""
        if not self.history:
            raise DecoderFault("a write must follow a forward; no forward of this sample has run yet")
        canvas, status, mask_id, writes = self.canvas, self.status, self.info.mask_id, self.history[-1]
        width, size = len(canvas), self.info.vocab_size
        for position, token, confidence in zip(positions, tokens, confidences, strict=True):
            if not 0 <= position < width or not 0 <= token < size or (before := status.item(position)) == PROMPT:
                raise DecoderFault(self._refused(position, token))
            if token == mask_id:
                if before == MASKED:
                    continue
                action, after = "remask", MASKED
            elif before == MASKED:
                action, after = "commit", COMMITTED
            elif canvas[position] != token:
                action, after = "edit", COMMITTED
            else:
                continue
            canvas[position] = token
            status[position] = after
            writes.append((position, token, confidence if confidence == confidence else None, action))

    def _refused(self, position: int, token: int) -> str:
        """Why this token cannot be written at this position."""
        if not 0 <= position < len(self.canvas):
            return f"position {position} is outside the canvas of {len(self.canvas)}"
        if self.status[position] == PROMPT:
            return f"position {position} is given by the frame and cannot be written"
        return f"token {token} is outside the vocabulary of {self.info.vocab_size}"

    def remask(self, positions: npt.ArrayLike) -> None:
        """Turn committed positions back into masks."""
        self.write(positions, self.info.mask_id)


def _one_each(values: npt.ArrayLike, count: int) -> list[Any]:
    """The values as a list; a single value is repeated `count` times."""
    found: list[Any] = np.ravel(values).tolist()
    return found * count if len(found) == 1 else found


class States:
    """The states of several samples, for decoding rules that are applied to all of them at once.

    Attributes:
        states: one for each sample.
        counts: how many positions each sample has in the arrays of this step; the arrays hold one sample after another.
        sample: the number of the sample to which each entry of the arrays belongs, [N].
    """

    def __init__(self, states: Sequence[State], counts: Sequence[int]) -> None:
        self.states = states
        self.counts = counts
        self.sample = np.repeat(np.arange(len(states)), counts)

    def uniform(self, positions: npt.ArrayLike, lane: int) -> npt.NDArray[np.float64]:
        """Draw one number in (0, 1) for each of N positions: those that `State.uniform` draws for each sample."""
        where = np.asarray(positions, dtype=np.int64)
        return uniform_each([one.draws for one in self.states], [one.forwards for one in self.states], self.counts, where, lane)

    def tie_order(self, positions: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Draw one number for each of N positions: those that `State.tie_order` draws for each sample."""
        where = np.asarray(positions, dtype=np.int64)
        return uniform_each([one.draws for one in self.states], [0] * len(self.states), self.counts, where, ORDER)
