"""End-of-text truncation: once the text has ended, the rest is filled with end tokens without looking at it.

Runs another decoder, and after each of its steps asks whether an end token stands with everything before it filled. Then what
is open behind it can no longer matter, and gets the same end token. Where a frame goes on behind an end token the text does
too, so only an end behind the last given token stops. (Learn2PD, arXiv 2509.25188, owes most of its speed to such a rule; here
it is a decoder of its own, so that the speed of truncation is never taken for that of another rule.)

Forwards: those of `base` until the end; needs what `base` needs.
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
    """Another decoder, stopped where the text ends."""

    family: ClassVar[str] = "end_of_text"
    published: ClassVar[Published] = Published(
        state="text only", defaults="threshold as base is ours", difference="a rule of its own; Learn2PD predicts the end"
    )
    borders: ClassVar[Borders] = Borders(
        block="as its base; all that is open behind an end token is filled at once", canvas="as its base"
    )
    speed = {"base": "unknown"}
    base: str = Field(
        "threshold", validate_default=True, description="the decoder that is run; a semicolon stands between its keys"
    )
    _base: Decoder = PrivateAttr()

    @field_validator("base")
    @classmethod
    def _resolved(cls, base: str) -> str:
        return base if is_user_file(base) else load_decoder(base.replace(";", ",")).spec.replace(",", ";")

    def model_post_init(self, context: Any) -> None:
        """Make the base.

        Raises:
            UserError: there is no such decoder, it cannot be stopped, or it is given what this one gives it.
        """
        base = load_decoder(self.base.replace(";", ","))
        if base.needs or base.revises:
            raise UserError(f"end_of_text cannot stop {base.family}, which may change what stands; choose another base.")
        if common := sorted(base.model_fields_set & set(COMMON)):
            raise UserError(f"end_of_text gives its base its own {common[0]}; write {common[0]} after a comma, not in base.")
        self._base = base

    def parameters(self) -> dict[str, Any]:
        """Its base, a user's file by what it holds."""
        return {"base": self._base.spec.replace(",", ";")}

    @property
    def facts(self) -> DecoderFacts:
        """Those of its base: what sets the base's speed sets its speed too."""
        facts, base = super().facts, self._base.facts
        variant = {**facts.variant, "base": render(base.label, base.variant).replace(",", ";")}
        return replace(facts, variant=variant, adaptive=base.adaptive)

    def max_forwards(self, width: int) -> int:
        """As many as its base may make."""
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
    """Fill what is open behind a text that has ended with its end token; False where it has not."""
    filled = len(state.canvas) if not state.masked.any() else int(state.masked.argmax())
    given = np.flatnonzero(state.status == PROMPT)
    first = int(given[-1]) + 1 if given.size else 0
    ends = first + np.flatnonzero(np.isin(state.canvas[first:filled], state.info.end_ids))
    if not ends.size:
        return False
    state.write(np.flatnonzero(state.masked), state.canvas[ends[0]])
    return True
