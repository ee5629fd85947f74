"""The pace of a decoder that does not choose its own: k positions a step, or a number of steps for the whole canvas."""

from __future__ import annotations

from abc import ABC
from typing import Self

from pydantic import Field, model_validator

from parallelbench.decoding.decoder import Decoder
from parallelbench.decoding.quota import Fixed, Quota, Schedule
from parallelbench.decoding.state import State


class Paced(Decoder, ABC):
    """k commits a step, or as many as `steps` forwards for the whole canvas ask for."""

    speed = {"k": "faster", "steps": "slower"}
    adaptive = False
    k: int | None = Field(None, ge=1, description="commits per step (default 1)")
    steps: int | None = Field(None, ge=1, description="forwards for the whole canvas, instead of k")

    @model_validator(mode="before")
    @classmethod
    def _one_pace(cls, options: dict[str, object]) -> dict[str, object]:
        if options.get("k") is None and options.get("steps") is None:
            return {**options, "k": 1}
        return options

    @model_validator(mode="after")
    def _not_both(self) -> Self:
        if self.k is not None and self.steps is not None:
            raise ValueError("k and steps say the same thing twice; give one of them")
        return self

    def quota(self) -> Quota:
        """The rule that says how many positions a step commits."""
        return Fixed(self.k) if self.k is not None else Schedule(self.steps or 1)

    def turns(self, state: State) -> int:
        """How many steps the window takes at this pace; ask before the first of them."""
        if self.k is not None:
            return -(-len(state.eligible) // self.k)
        return Schedule(self.steps or 1).turns(state)
