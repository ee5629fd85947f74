"""What a training consists of: hyperparameters, stages, and in each stage groups of tasks that are batched together."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any, Literal

from pydantic import Field, model_validator
from tokenizers import Tokenizer

from parallelbench.models.cards import Card
from parallelbench.specs import Options
from parallelbench.training.initialise import FAR, NEAR
from parallelbench.training.masks import Order
from parallelbench.training.tokenizer import build_tokenizer

Precision = Literal["float32", "bfloat16"]
Device = Literal["cpu", "cuda"]


class Recipe(Options):
    """Hyperparameters; with the version of the package and the arithmetic of the machine they determine the weights."""

    seed: int = 0
    steps: int = Field(default=9_000, ge=1, description="of the first stage; each later stage has a fraction of this number")
    warmup: int = Field(default=100, ge=1)
    hidden_size: int = Field(default=128, description="at least 32 for each head")
    layers: int = Field(default=4, ge=2)
    heads: int = Field(default=4, ge=3, description="at least 3, which the initial weights use")
    mlp_size: int = Field(default=352, ge=1)
    rope_theta: float = 10_000.0
    reach: int = Field(
        default=NEAR, ge=1, le=FAR, description="tokens over which the initial weights tell the answer from the prompt"
    )
    muon_rate: float = Field(default=0.01, description="learning rate of Muon, for matrices inside the blocks")
    adam_rate: float = Field(default=2e-3, description="learning rate of Adam, for embedding and norms")
    threads: int = Field(default=2, ge=1, description="threads; each computes a part of the rows of a batch")
    device: Device = Field(default="cpu", description="a GPU takes larger batches in far less time")
    precision: Precision = Field(default="float32", description="of matrix products; bfloat16 takes two thirds of the time")

    @model_validator(mode="after")
    def _heads_have_room(self) -> Recipe:
        if self.hidden_size % (2 * self.heads) or self.hidden_size < 32 * self.heads:
            raise ValueError(f"hidden_size must be {self.heads} heads times an even number of at least 32")
        return self


@dataclass(frozen=True, slots=True)
class Group:
    """Tasks that are batched together, with their weights; `share` is the weight of the group among those of its stage.

    Rows are padded to `length` tokens, canvases to `canvas`, and a batch has `batch` rows. A row is the sample, of `closest`
    ones, in which the last names of two neighbours of the right answer have the longest common prefix. With `words` only words
    and numbers are masked, while brackets, commas and end tokens stay visible; in every second row all positions of one token
    are masked before those of the next, as on the canvas of a decoder that commits all fours of a square before all sevens.

    Of each row the values of `options`, the number of demonstrations (`shots`) and the order in which a decoder fills its
    canvas (`orders`, see `masks`) are drawn, each with the weights that are said here. Without `orders` masks are as above.
    """

    name: str
    share: float
    tasks: dict[str, float]
    length: int
    canvas: int
    batch: int
    closest: int = 1
    words: bool = False
    options: Mapping[str, Mapping[Any, float]] = field(default_factory=dict)
    shots: Mapping[int, float] = field(default_factory=lambda: {0: 1.0})
    orders: Mapping[Order, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stage:
    """A part of a training.

    Attributes:
        mixture: the groups that its batches are drawn from.
        share: its number of steps as a fraction of `Recipe.steps`.
        rate: the factor of the learning rates at its beginning.
        hold: the fraction of its steps before the learning rates begin to fall to zero.
        layers: how many layers are added on top of the model when it begins.
        rows: how many times as many rows as their groups say its batches have.
    """

    mixture: tuple[Group, ...]
    share: float = 1.0
    rate: float = 1.0
    hold: float = 0.0
    layers: int = 0
    rows: float = 1.0


@dataclass(frozen=True, slots=True)
class Shipped:
    """A model that ships or is to ship: its card, the defaults of its recipe, and the stages of its training.

    The vocabulary of its tokenizer is made from `samples_per_task` samples of each task of `words_from` (empty: of each task
    of the first stage).
    """

    card: Card
    recipe: Recipe
    stages: tuple[Stage, ...]
    words_from: tuple[str, ...] = ()
    samples_per_task: int = 200

    @property
    def groups(self) -> list[Group]:
        """The groups of all stages, in order."""
        return [group for stage in self.stages for group in stage.mixture]

    @property
    def tasks(self) -> list[str]:
        """The tasks of all stages, with their options."""
        return list(dict.fromkeys(name for group in self.groups for name in group.tasks))

    def ends(self, steps: int) -> list[int]:
        """For each stage the number of the step after its last, if the first stage has `steps` steps."""
        return list(accumulate(round(stage.share * steps) for stage in self.stages))

    def stage(self, steps: int, step: int) -> int:
        """The number of the stage that a step belongs to; steps after the end belong to the last."""
        return min(bisect_right(self.ends(steps), step), len(self.stages) - 1)

    def rate(self, recipe: Recipe, step: int) -> float:
        """The factor of the learning rates at a step: a warm-up, then in each stage constant, then linear to zero."""
        ends = [0, *self.ends(recipe.steps)]
        number = self.stage(recipe.steps, step)
        stage, length = self.stages[number], ends[number + 1] - ends[number]
        falling = (ends[number + 1] - step) / max(1.0, (1 - stage.hold) * length)
        return stage.rate * min(1.0, (step + 1) / recipe.warmup, falling)

    def layers(self, recipe: Recipe, step: int) -> int:
        """How many layers the model has at a step."""
        return recipe.layers + sum(stage.layers for stage in self.stages[: self.stage(recipe.steps, step) + 1])

    def tokenizer(self) -> Tokenizer:
        """Make its tokenizer."""
        first = [name for group in self.stages[0].mixture for name in group.tasks]
        return build_tokenizer(self.words_from or first, self.samples_per_task)
