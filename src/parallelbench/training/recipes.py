"""What is trained: for each small model that ships, its card, its numbers, and its mixture of tasks."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import Field, model_validator
from tokenizers import Tokenizer

from parallelbench.models.cards import CARDS, Card
from parallelbench.specs import Options
from parallelbench.training.tokenizer import build_tokenizer


class Recipe(Options):
    """Everything that decides the weights, together with the package's version and the machine's arithmetic."""

    seed: int = 0
    steps: int = Field(default=9_000, ge=1)
    warmup: int = 100
    cooldown: float = Field(default=0.6, ge=0, le=1, description="share of the steps over which the rate falls to zero")
    polish: float = Field(default=0, ge=0, le=1, description="as share of the steps: more of them, on what is still wrong")
    polish_rate: float = Field(default=0.4, gt=0, le=1, description="share of the rates that polishing begins with")
    hidden_size: int = Field(default=128, description="at least 32 for each head")
    layers: int = Field(default=4, ge=2)
    heads: int = Field(default=4, ge=3, description="the first weights hold circuits of three")
    mlp_size: int = Field(default=352, ge=1)
    rope_theta: float = 10_000.0
    muon_rate: float = Field(default=0.01, description="matrices inside the blocks")
    adam_rate: float = Field(default=2e-3, description="embedding and norms")
    threads: int = 2

    @property
    def all_steps(self) -> int:
        """Steps and polish."""
        return self.steps + round(self.polish * self.steps)

    def rate(self, step: int) -> float:
        """Share of the rates at a step: warm-up, constant, linear to zero; once more from `polish_rate` to zero."""
        if step >= self.steps:
            return self.polish_rate * (self.all_steps - step) / (self.all_steps - self.steps)
        return min(1.0, (step + 1) / self.warmup, (self.steps - step) / max(1.0, self.cooldown * self.steps))

    @model_validator(mode="after")
    def _heads_have_room(self) -> Recipe:
        if self.hidden_size % (2 * self.heads) or self.hidden_size < 32 * self.heads:
            raise ValueError(f"hidden_size must be {self.heads} heads times an even number of at least 32")
        return self


@dataclass(frozen=True, slots=True)
class Group:
    """Tasks that are batched together, with their shares; `length` and `canvas` are what rows and canvases are padded to."""

    name: str
    share: float
    tasks: dict[str, float]
    length: int
    canvas: int
    batch: int


@dataclass(frozen=True, slots=True)
class Shipped:
    """A model that ships: its card, the defaults of its recipe, its mixture, the mixture that it is polished with (the same
    tasks or fewer), and what its tokenizer takes its words from: so many samples of each of `words_from` (empty: of each task
    of the mixture)."""

    card: Card
    recipe: Recipe
    mixture: tuple[Group, ...]
    polish: tuple[Group, ...] = ()
    words_from: tuple[str, ...] = ()
    samples_per_task: int = 200

    @property
    def tasks(self) -> list[str]:
        """The tasks of the mixture, with their options."""
        return [name for group in self.mixture for name in group.tasks]

    def tokenizer(self) -> Tokenizer:
        """Make its tokenizer."""
        return build_tokenizer(self.words_from or self.tasks, self.samples_per_task)


# Shares follow what is hard: sorting and the random operations need the most, copying the least.
TINY = Shipped(CARDS["tiny"], Recipe(polish=1 / 3), (
    Group("lists", 0.63, {
        "waiting_line/sort": 4.0, "waiting_line/shuffle": 2.0, "waiting_line/insert_random": 2.0,
        "waiting_line/replace_random": 2.0, "waiting_line/remove_random": 1.2, "waiting_line/insert_index": 1.2,
        "waiting_line/replace_index": 1.2, "waiting_line/remove_index": 0.6, "waiting_line/reverse": 0.5,
        "waiting_line/copy": 0.3,
    }, length=96, canvas=32, batch=64),
    Group("puzzles", 0.27, {"puzzle/latin_square_n4": 2.2, "puzzle/sudoku_n4_12": 1.0}, length=128, canvas=64, batch=48),
    Group("operations", 0.10, {
        "list_ops/shuffle": 1.0, "list_ops/replace_random": 1.0, "list_ops/copy": 0.3, "list_ops/replace_index": 0.5,
    }, length=97, canvas=33, batch=40),
), polish=(
    Group("lists", 0.54, {
        "waiting_line/sort": 3.0, "waiting_line/replace_index": 3.0, "waiting_line/insert_index": 2.0,
        "waiting_line/remove_index": 2.0, "waiting_line/shuffle": 0.5, "waiting_line/insert_random": 0.4,
        "waiting_line/replace_random": 0.5, "waiting_line/remove_random": 0.4, "waiting_line/reverse": 0.2,
        "waiting_line/copy": 0.2,
    }, length=96, canvas=32, batch=64),
    Group("puzzles", 0.40, {"puzzle/latin_square_n4": 12.0, "puzzle/sudoku_n4_12": 1.0}, length=128, canvas=64, batch=48),
    Group("operations", 0.06, {
        "list_ops/shuffle": 1.0, "list_ops/replace_random": 1.0, "list_ops/copy": 0.3, "list_ops/replace_index": 0.7,
    }, length=97, canvas=33, batch=40),
))  # fmt: skip


def _sentences(weights: dict[str, float], canvas: int) -> dict[str, float]:
    """Words to sentence with 1 to 7 words: four, the default, as often as all other numbers together."""
    return {
        f"words_to_sentence/{band}:words={count},max_new_tokens={canvas}": weight * (6.0 if count == 4 else 1.0)
        for band, weight in weights.items()
        for count in range(1, 8)
    }


# Prompts are filled up to a multiple of 32 tokens. A sentence has at most 25, so most are learned on half a canvas, and the
# whole one, with its many end tokens, only now and then.
TINY_TEXT = Shipped(
    CARDS["tiny-text"],
    Recipe(steps=4_000, hidden_size=160, layers=4, heads=5, mlp_size=432),
    (
        Group("sentences", 0.45, _sentences({"easy": 2.0, "medium": 1.0, "hard": 1.0}, 32), length=64, canvas=32, batch=64),
        Group("sentences_64", 0.20, {
            "words_to_sentence/easy": 2.0, "words_to_sentence/medium": 1.0, "words_to_sentence/hard": 1.0,
        }, length=96, canvas=64, batch=48),
        Group("summaries", 0.25, {"paraphrase_summarize/summarization": 1.0}, length=192, canvas=64, batch=32),
        Group("paraphrases", 0.10, {"paraphrase_summarize/paraphrasing": 1.0}, length=128, canvas=64, batch=40),
    ),
    words_from=(
        "words_to_sentence/easy", "words_to_sentence/easy:words=7", "words_to_sentence/medium",
        "words_to_sentence/medium:words=7", "words_to_sentence/hard", "paraphrase_summarize/summarization",
        "paraphrase_summarize/paraphrasing",
    ),
    samples_per_task=4_000,
)  # fmt: skip

SHIPPED = {shipped.card.name: shipped for shipped in (TINY, TINY_TEXT)}
