"""What a decoder is: a frozen, typed value that turns signals into writes. Three tiers, one engine path.

* `RankingDecoder` ranks positions; its quota says how many of the best are committed.
* `StepDecoder` has its own rule for each forward, and may remask or edit.
* `ProgramDecoder` is a generator that yields any forwards it likes: branches, probes, shadows.

Whatever the tier, the engine sees `run(state)`: a generator of `ForwardRequest` requests that receives `Signals`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Mapping, Sequence
from typing import Any, ClassVar, Literal, Self, cast

import numpy as np
import numpy.typing as npt
from pydantic import Field
from pydantic_core import PydanticUndefined

from parallelbench.contracts.forward import Ints
from parallelbench.contracts.info import ModelInfo, Need
from parallelbench.decoding.end_tokens import EndTokens
from parallelbench.decoding.published import Borders, Published
from parallelbench.decoding.quota import Quota
from parallelbench.decoding.ranking import checked, commit_first, is_elementwise, order_each
from parallelbench.decoding.signals import Extra, ForwardRequest, Sampling, Signals
from parallelbench.decoding.state import State, States
from parallelbench.schema import DecoderFacts, Effect
from parallelbench.specs import Options, render

Run = Generator[ForwardRequest, Signals, None]
COMMON = ("block", "temperature", "top_p", "ties", "end_tokens", "label")
NO_ANSWER = frozenset({"label"})
"""Common keys that change no answer, so that they are no part of a decoder's identity."""
SHOWN = tuple(key for key in COMMON if key not in NO_ANSWER)


class Decoder(Options, ABC):
    """Base of all decoders. The common keys are axes that combine with every one of them."""

    family: ClassVar[str]
    """The name under which the decoder is registered."""
    published: ClassVar[Published] = Published(state="own method", defaults="its author")
    """How it compares with the code that its authors published."""
    borders: ClassVar[Borders] = Borders()
    """What it does at the end of a block and of the canvas."""
    careful: ClassVar[Mapping[str, Any]] = {}
    """The parameters, beyond blocks of one position and k = 1, at which it commits one position a step."""
    needs: ClassVar[frozenset[Need]] = frozenset()
    """What a model must offer (`ModelInfo.offers`) for this decoder to run."""
    revises: ClassVar[bool] = False
    """True where it may remask or edit what it committed."""
    from_noise: ClassVar[bool] = False
    """True where it can start from a canvas of noise, without a mask."""
    fuses: ClassVar[bool] = False
    """True where its tokens come from the model's distribution mixed with something else."""
    joint: ClassVar[bool] = False
    """True where it draws tokens of several positions jointly from one row, so they collide less than independent draws."""
    forwards_per_token: ClassVar[int] = 4
    """How many forwards for each token of the canvas the engine lets it make before it is cut short."""
    speed: ClassVar[Mapping[str, Effect] | None] = None
    """The parameters that set the speed, and what raising each does: settings that differ in nothing else form one curve.
    Where a class declares none (None), every number among its own parameters counts, with an unknown effect."""
    adaptive: ClassVar[bool] = True
    """True where the number of tokens that a forward commits depends on what the model says."""
    source: ClassVar[str] = ""
    """What a command line names the class by where its family does not, `FILE.py:CLASS` with the path in quotes."""
    title: ClassVar[str] = ""
    """Its name in tables and figures, where that is not `family`."""

    block: int | None = Field(None, ge=1, description="semi-autoregressive block length in tokens; none: the whole canvas")
    temperature: float = Field(0.0, ge=0, le=10, description="0 takes the most probable token")
    top_p: float = Field(1.0, gt=0, le=1, description="nucleus that tokens are drawn from")
    ties: Literal["model", "first", "random"] = Field(
        "model", description="how exact ties are broken; model: at random on the exact model, else the first"
    )
    end_tokens: EndTokens = Field(
        "allow", description="end tokens: allowed, banned, only in the last block, or with confidence 0 (low)"
    )
    label: str | None = Field(
        None,
        min_length=1,
        max_length=60,
        description="name in tables and figures, in place of the decoder's; changes no answer",
    )

    @abstractmethod
    def run(self, state: State) -> Run:
        """Fill one sample's canvas: yield requests, receive signals, write."""

    def max_forwards(self, width: int) -> int:
        """Return the number of forwards after which the engine fills what is left of a canvas of `width` tokens."""
        return self.forwards_per_token * width

    def fixed_forwards(self, blocks: Sequence[int]) -> int | None:
        """Return the number of forwards that fill blocks with these numbers of masks, whatever the model says.

        None where it depends on the model or on random draws. Each of these forwards has one row.
        """
        return None

    def for_model(self, info: ModelInfo) -> Self:
        """Return this decoder with `ties` as it is on this model."""
        return self.model_copy(update={"ties": info.ties}) if self.ties == "model" else self

    @property
    def spec(self) -> str:
        """The decoder fully resolved: its own parameters, and the common ones that differ from their defaults."""
        return self.spec_of(self.facts)

    def spec_of(self, facts: DecoderFacts) -> str:
        """Write `spec` from this decoder's `facts`, for a caller that needs both."""
        return render(self.family, facts.parameters)

    @property
    def load_spec(self) -> str:
        """The text from which `load_decoder` makes it again; it differs from `spec` for a class of a user's file."""
        return self.source + render("_", self.facts.parameters)[1:] if self.source else self.spec

    @property
    def facts(self) -> DecoderFacts:
        """What a reader of results needs to know of it."""
        fields = type(self).model_fields
        common = {key: value for key in SHOWN if (value := getattr(self, key)) != fields[key].default}
        own = {key: value for key, value in self.parameters().items() if value is not None}
        unknown: Effect = "unknown"
        numbers = dict.fromkeys((key for key, value in own.items() if _is_number(value)), unknown)
        speed = numbers if self.speed is None else self.speed
        defaults = {key: value for key, value in self.own_defaults().items() if key in own}
        variant = {key: value for key, value in own.items() if key not in speed and value != defaults.get(key)}
        return DecoderFacts(
            family=self.family,
            label=self.label or self.title or self.family,
            parameters={**own, **common},
            speed={key: effect for key, effect in speed.items() if key in own},
            variant={**variant, **common},
            adaptive=self.adaptive,
            defaults={key: value for key, value in defaults.items() if key != next(iter(speed), None)},
        )

    @classmethod
    def own_defaults(cls) -> dict[str, Any]:
        """The default values of the parameters beyond the common ones, of those that have one other than None."""
        fields = ((key, field.default) for key, field in cls.model_fields.items() if key not in COMMON)
        return {key: value for key, value in fields if value is not None and value is not PydanticUndefined}

    @classmethod
    def omitted_defaults(cls) -> dict[str, Any]:
        """The default values that the short name of a setting leaves out: all but that of the first parameter of `speed`."""
        return {key: value for key, value in cls.own_defaults().items() if key != next(iter(cls.speed or ()), None)}

    def parameters(self) -> dict[str, Any]:
        """The parameters beyond the common ones, as `spec` writes them: whatever can change an answer must show in them."""
        return {key: getattr(self, key) for key in type(self).model_fields if key not in COMMON}

    @property
    def sampling(self) -> Sampling:
        """How candidates are drawn."""
        return Sampling(self.temperature, self.top_p, "random" if self.ties == "random" else "first")

    def best_first(self, scores: npt.ArrayLike, positions: Ints, state: State) -> npt.NDArray[np.intp]:
        """Return the order of falling score; ties go to the lowest position, or are drawn where `ties` is random."""
        falling = -np.asarray(scores, dtype=np.float64)
        if self.ties == "random":
            return np.lexsort((state.tie_order(positions), falling))
        return np.argsort(falling, kind="stable")

    def commit(self, passing: npt.NDArray[np.bool_], signals: Signals, state: State, least: int = 1) -> None:
        """Commit the positions that pass, in the order of falling confidence; where none passes, the `least` most confident."""
        order = self.best_first(signals.confidence, signals.positions, state)
        chosen = order[passing[order]] if passing.any() else order[:least]
        state.write(signals.positions[chosen], signals.token[chosen], signals.confidence[chosen])


class RankingDecoder(Decoder, ABC):
    """A decoder that ranks positions and commits the best, as many as its quota says."""

    extras: ClassVar[frozenset[Extra]] = frozenset()

    @abstractmethod
    def score(self, signals: Signals, state: State) -> npt.ArrayLike:
        """Return one number for each of `signals.positions`; the highest are committed first."""

    @abstractmethod
    def quota(self) -> Quota:
        """Return the rule that says how many positions a step commits."""

    def run(self, state: State) -> Run:
        quota = self.quota()
        request = ForwardRequest(extras=self.extras)
        while state.masked.any():
            signals = yield request
            self.commit_best(signals, [signals], States([state], [len(signals.positions)]), [quota])

    def fixed_forwards(self, blocks: Sequence[int]) -> int | None:
        return self.quota().forwards(blocks) if type(self).run is RankingDecoder.run else None

    @property
    def batched(self) -> bool:
        """True where the engine may decide for many samples at once: `run` and `best_first` are not overridden."""
        return type(self).run is RankingDecoder.run and type(self).best_first is Decoder.best_first

    @property
    def elementwise(self) -> bool:
        """True where `score` may be called once for the positions of several samples (`ranking.elementwise`)."""
        return is_elementwise(type(self).score)

    def commit_best(self, signals: Signals, each: Sequence[Signals], states: States, quotas: Sequence[Quota]) -> None:
        """Rank the positions of several samples, each sample by itself, and commit the best of each.

        `signals` hold the samples in turn; `each` are the same by sample (not read where the score is `elementwise`).
        """
        if self.elementwise:
            scores = checked(self.score(signals, cast(State, states)), signals.positions)
        else:
            pairs = zip(each, states.states, strict=True)
            scores = np.concatenate([checked(self.score(one, state), one.positions) for one, state in pairs])
        if len(states.states) == 1:
            order = self.best_first(scores, signals.positions, states.states[0])
        else:
            order = order_each(scores, signals.positions, states, self.ties)
        commit_first(order, signals, states, quotas)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


class StepDecoder(Decoder, ABC):
    """A decoder with a rule for what each forward writes."""

    def request(self, state: State) -> ForwardRequest:
        """Return what the next step wants to know."""
        return ForwardRequest()

    @abstractmethod
    def step(self, signals: Signals, state: State, memory: dict[str, Any]) -> None:
        """Write what follows from this forward. `memory` belongs to this sample and lasts as long as its run."""

    def run(self, state: State) -> Run:
        memory: dict[str, Any] = {}
        while state.masked.any():
            signals = yield self.request(state)
            self.step(signals, state, memory)


class ProgramDecoder(Decoder, ABC):
    """A decoder that steers its forwards itself: implement `run`."""
