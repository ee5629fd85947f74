"""The number of commits per step of decoders that do not choose it themselves.

* k positions a step; or
* a number of `steps` for the whole canvas, distributed in one of two published ways (`transfer`, for the decoders that have
  it): evenly over the masks, as LLaDA does, or by Dream's rule, which takes a part of what is still masked (`quota.Dream`).
"""

from __future__ import annotations

from abc import ABC
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from parallelbench.decoding.decoder import Decoder
from parallelbench.decoding.quota import Dream, Fixed, Quota, Schedule
from parallelbench.decoding.state import State


class StepCount(Decoder, ABC):
    """k commits a step, or as many as `steps` forwards for the whole canvas need."""

    speed = {"k": "faster", "steps": "slower"}
    adaptive = False
    k: int | None = Field(None, ge=1, description="commits per step (default 1)")
    steps: int | None = Field(None, ge=1, description="forwards for the whole canvas, instead of k")

    @model_validator(mode="before")
    @classmethod
    def _one_a_step(cls, options: dict[str, object]) -> dict[str, object]:
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
        """How many steps the window takes; ask before the first of them."""
        if self.k is not None:
            return -(-len(state.eligible) // self.k)
        return Schedule(self.steps or 1).turns(state)


class Transfer(StepCount, ABC):
    """As `StepCount`, with a choice of how `steps` distributes the commits."""

    transfer: Literal["even", "dream"] = Field("even", description="how steps distributes commits: LLaDA's rule or Dream's")
    eps: float | None = Field(
        None, gt=-1, lt=1, description="transfer=dream: time at which the last step ends (default 0.001, Dream's)"
    )

    @model_validator(mode="after")
    def _dream_needs_steps(self) -> Self:
        if self.transfer == "dream" and self.steps is None:
            raise ValueError("transfer=dream needs steps; give for example steps=16")
        if self.transfer == "even" and self.eps is not None:
            raise ValueError("eps belongs to transfer=dream; give that as well, or leave eps out")
        return self

    def parameters(self) -> dict[str, Any]:
        """Its own parameters; `transfer` only where it is not the default."""
        return {key: value for key, value in super().parameters().items() if (key, value) != ("transfer", "even")}

    def max_forwards(self, width: int) -> int:
        """As many steps as were given, however short the canvas: Dream's rule may commit nothing in some of them."""
        return super().max_forwards(width) + (self.steps or 0)

    def quota(self) -> Quota:
        """The rule that says how many positions a step commits."""
        if self.transfer == "dream" and self.steps is not None:
            return Dream(self.steps, 1e-3 if self.eps is None else self.eps)
        return super().quota()
