"""Training recipes of the small models that ship: for each its card, its hyperparameters, and its mixture of tasks."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Literal

from pydantic import Field, model_validator
from tokenizers import Tokenizer

from parallelbench.models.cards import CARDS, Card
from parallelbench.specs import Options
from parallelbench.training.tokenizer import build_tokenizer

Precision = Literal["float32", "bfloat16"]


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
    muon_rate: float = Field(default=0.01, description="learning rate of Muon, for matrices inside the blocks")
    adam_rate: float = Field(default=2e-3, description="learning rate of Adam, for embedding and norms")
    threads: int = Field(default=2, ge=1, description="threads; each computes a part of the rows of a batch")
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
    """

    name: str
    share: float
    tasks: dict[str, float]
    length: int
    canvas: int
    batch: int
    closest: int = 1
    words: bool = False


@dataclass(frozen=True, slots=True)
class Stage:
    """A part of a training.

    Attributes:
        mixture: the groups that its batches are drawn from.
        share: its number of steps as a fraction of `Recipe.steps`.
        rate: the factor of the learning rates at its beginning.
        hold: the fraction of its steps before the learning rates begin to fall to zero.
        layers: how many layers are added on top of the model when it begins.
    """

    mixture: tuple[Group, ...]
    share: float = 1.0
    rate: float = 1.0
    hold: float = 0.0
    layers: int = 0


@dataclass(frozen=True, slots=True)
class Shipped:
    """A model that ships: its card, the defaults of its recipe, and the stages of its training.

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


def _lists(share: float, **weights: float) -> Group:
    named = {f"waiting_line/{name}": weight for name, weight in weights.items()}
    return Group("lists", share, named, length=96, canvas=32, batch=64)


def _puzzles(share: float, latin: float, sudoku: float) -> Group:
    named = {"puzzle/latin_square_n4": latin, "puzzle/sudoku_n4_12": sudoku}
    return Group("puzzles", share, named, length=128, canvas=64, batch=48)


def _operations(share: float, replace_index: float) -> Group:
    weights = {"shuffle": 1.0, "replace_random": 1.0, "copy": 0.3, "replace_index": replace_index}
    named = {f"list_ops/{name}": weight for name, weight in weights.items()}
    return Group("operations", share, named, length=97, canvas=33, batch=40)


# Weights follow difficulty: sorting and the random operations need the most, copying the least.
_ALL_LISTS = {
    "sort": 4.0, "shuffle": 2.0, "insert_random": 2.0, "replace_random": 2.0, "remove_random": 1.2, "insert_index": 1.2,
    "replace_index": 1.2, "remove_index": 0.6, "reverse": 0.5, "copy": 0.3,
}  # fmt: skip

_SORT_AND_INDEX = {
    "sort": 4.0, "replace_index": 2.0, "insert_index": 1.2, "remove_index": 1.2, "shuffle": 0.8, "replace_random": 0.6,
    "insert_random": 0.5, "remove_random": 0.5, "reverse": 0.2, "copy": 0.2,
}  # fmt: skip


def _words(group: Group) -> Group:
    """The group with `words`: half of a puzzle's canvas is end tokens, and squares are not learned if these are masked too."""
    return replace(group, name=f"words_{group.name}", words=True)


def _similar_names(group: Group) -> Group:
    """The group with `closest`: the last errors on Sort concern names such as Farrell and Ferrari, rare in one random list."""
    return replace(group, name="alike", closest=32)


_EVERYTHING = (
    _lists(0.30, **_ALL_LISTS),
    _words(_lists(0.33, **_ALL_LISTS)),
    _puzzles(0.09, latin=2.2, sudoku=1.0),
    _words(_puzzles(0.20, latin=3.0, sudoku=1.0)),
    _operations(0.08, replace_index=0.5),
)

_SQUARES = (
    _lists(0.15, **_SORT_AND_INDEX),
    _words(_lists(0.20, **_SORT_AND_INDEX)),
    _words(_similar_names(_lists(0.12, sort=1.0))),
    _puzzles(0.15, latin=2.5, sudoku=1.0),
    _words(_puzzles(0.33, latin=4.0, sudoku=1.0)),
    _operations(0.05, replace_index=0.7),
)

_LAST_ERRORS = (
    _lists(0.10, **_SORT_AND_INDEX),
    _words(_lists(0.20, **_SORT_AND_INDEX)),
    _similar_names(_lists(0.08, sort=1.0)),
    _words(_similar_names(_lists(0.20, sort=1.0))),
    _puzzles(0.09, latin=3.0, sudoku=1.0),
    _words(_puzzles(0.30, latin=4.0, sudoku=1.0)),
    _operations(0.03, replace_index=0.7),
)

TINY = Shipped(CARDS["tiny"], Recipe(precision="bfloat16"), (
    Stage(_EVERYTHING, hold=0.4),
    Stage(_SQUARES, share=8 / 9, rate=0.6, layers=1),
    Stage(_LAST_ERRORS, share=5 / 9, rate=0.4),
))  # fmt: skip


def _sentences(weights: dict[str, float], canvas: int) -> dict[str, float]:
    """Words to sentence with 1 to 7 words: four, the default, as often as all other numbers together."""
    return {
        f"words_to_sentence/{band}:words={count},max_new_tokens={canvas}": weight * (6.0 if count == 4 else 1.0)
        for band, weight in weights.items()
        for count in range(1, 8)
    }


# Prompts are padded to a multiple of 32 tokens. A sentence has at most 25, so most batches of sentences have a canvas of 32,
# and a smaller part has the default canvas of 64, with its many end tokens.
TINY_TEXT = Shipped(
    CARDS["tiny-text"],
    Recipe(steps=4_000, hidden_size=160, layers=4, heads=5, mlp_size=432),
    (Stage((
        Group("sentences", 0.45, _sentences({"easy": 2.0, "medium": 1.0, "hard": 1.0}, 32), length=64, canvas=32, batch=64),
        Group("sentences_64", 0.20, {
            "words_to_sentence/easy": 2.0, "words_to_sentence/medium": 1.0, "words_to_sentence/hard": 1.0,
        }, length=96, canvas=64, batch=48),
        Group("summaries", 0.25, {"paraphrase_summarize/summarization": 1.0}, length=192, canvas=64, batch=32),
        Group("paraphrases", 0.10, {"paraphrase_summarize/paraphrasing": 1.0}, length=128, canvas=64, batch=40),
    ), hold=0.4),),
    words_from=(
        "words_to_sentence/easy", "words_to_sentence/easy:words=7", "words_to_sentence/medium",
        "words_to_sentence/medium:words=7", "words_to_sentence/hard", "paraphrase_summarize/summarization",
        "paraphrase_summarize/paraphrasing",
    ),
    samples_per_task=4_000,
)  # fmt: skip

# The autoregressive model is trained on every token of an answer in each step, so it needs fewer steps.
TINY_AR = replace(TINY, recipe=TINY.recipe.model_copy(update={"steps": 4_500}))

SHIPPED = {shipped.card.name: shipped for shipped in (TINY, TINY_TEXT)}
