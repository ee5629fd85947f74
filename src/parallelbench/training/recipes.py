"""Training recipes of the small models: for each its card, its hyperparameters, and its mixture of tasks."""

from __future__ import annotations

from dataclasses import replace

from parallelbench.models.cards import CARDS
from parallelbench.training.recipe_tiny2 import TINY2, TINY_AR2
from parallelbench.training.stages import Group, Recipe, Shipped, Stage


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

RECIPES = {shipped.card.name: shipped for shipped in (TINY, TINY2, TINY_TEXT)}
"""The masked diffusion models by name."""
CAUSAL_RECIPES = {"tiny-ar": TINY_AR, "tiny-ar2": TINY_AR2}
"""Their autoregressive counterparts by name."""
