"""End-of-text truncation: once the text has ended, all remaining masks are filled with end tokens without further forwards.

Runs another decoder, `base`. After each of its steps it checks whether the canvas contains an end token without a mask before
it. If so, the remaining masks no longer change the text, and they are filled with the same end token. On an infill canvas only
end tokens after the last fixed token of the frame count, because the text goes on up to there. (Learn2PD, arXiv 2509.25188,
owes most of its speed to such a rule; here it is a separate decoder, so that the effect of truncation is measured by itself.)

Cost: the forwards of `base` until the end. `base` must need only the model's distribution and must never revise a token.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from pydantic import Field, PrivateAttr, field_validator

from parallelbench.decoding.decoder import COMMON, Decoder, ProgramDecoder, Run
from parallelbench.decoding.load import load_decoder
from parallelbench.decoding.published import Borders, Published
from parallelbench.decoding.state import PROMPT, State
from parallelbench.decoding.user_file import is_user_file
from parallelbench.errors import UserError
from parallelbench.schema import DecoderFacts
from parallelbench.specs import render


class EndOfText(ProgramDecoder):
    """Run another decoder until the text has ended."""

    family: ClassVar[str] = "end_of_text"
    published: ClassVar[Published] = Published(
        state="text only",
        defaults="our choice of threshold as base",
        difference="a separate decoder; Learn2PD predicts the end",
    )
    borders: ClassVar[Borders] = Borders(
        block="as its base; all masks after an end token are filled at once", canvas="as its base"
    )
    speed = {"base": "unknown"}
    base: str = Field(
        "threshold", validate_default=True, description="the decoder that is run, with semicolons between its keys"
    )
    _base: Decoder = PrivateAttr()

    @field_validator("base")
    @classmethod
    def _resolved(cls, base: str) -> str:
        return base if is_user_file(base) else load_decoder(base.replace(";", ",")).spec.replace(",", ";")

    def model_post_init(self, context: Any) -> None:
        """Load the base decoder.

        Raises:
            UserError: there is no such decoder; it revises tokens or needs more than the model's distribution; or `base` sets a
                common key (`COMMON`), which is taken from this decoder instead.
        """
        base = load_decoder(self.base.replace(";", ","))
        if base.needs or base.revises:
            raise UserError(
                f"end_of_text cannot stop {base.family}, which revises tokens or needs more than the model's distribution; "
                "choose another base."
            )
        if common := sorted(base.model_fields_set & set(COMMON)):
            raise UserError(f"end_of_text passes {common[0]} on to its base; write {common[0]} after a comma, not in base.")
        self._base = base

    def parameters(self) -> dict[str, Any]:
        """The parameters by which results name it; a base from a user's file is named with a hash of the file's content."""
        return {"base": self._base.spec.replace(",", ";")}

    @property
    def facts(self) -> DecoderFacts:
        """The facts for results; the base's speed parameters are left out of `variant`, and `adaptive` is the base's."""
        facts, base = super().facts, self._base.facts
        variant = {**facts.variant, "base": render(base.label, base.variant).replace(",", ";")}
        return replace(facts, variant=variant, adaptive=base.adaptive)

    def max_forwards(self, width: int) -> int:
        """The limit of its base."""
        return self._base.max_forwards(width)

    def run(self, state: State) -> Run:
        run = self._base.model_copy(update={key: getattr(self, key) for key in COMMON}).run(state)
        request = next(run, None)
        while request is not None:
            signals = yield request
            try:
                request = run.send(signals)
            except StopIteration:
                return
            if fill_after_end(state):
                return


def fill_after_end(state: State) -> bool:
    """Fill all remaining masks with the end token if the text has ended; return whether it has."""
    filled = len(state.canvas) if not state.masked.any() else int(state.masked.argmax())
    given = np.flatnonzero(state.status == PROMPT)
    first = int(given[-1]) + 1 if given.size else 0
    ends = first + np.flatnonzero(np.isin(state.canvas[first:filled], state.info.end_ids))
    if not ends.size:
        return False
    state.write(np.flatnonzero(state.masked), state.canvas[ends[0]])
    return True
