"""The names that the project page of the paper uses for tasks and models, and our names for the same.

A published checkpoint has here the name that results are listed under: its card's name (`parallelbench list models`), or, where
it has no card, that of its repository on the hub, which `-m hf:ORG/NAME` runs.
"""

from __future__ import annotations

from typing import NamedTuple

MEAN = "mean"
"""The task of a published mean over all 17 tasks."""

TASKS: dict[str, str] = {
    **{
        f"waitingline-{name}": f"waiting_line/{name}"
        for name in (
            "copy", "reverse", "sort", "shuffle", "replace_index", "replace_random", "insert_index", "insert_random",
            "remove_index", "remove_random",
        )
    },
    "textwriting-paraphrasing": "paraphrase_summarize/paraphrasing",
    "textwriting-summarization": "paraphrase_summarize/summarization",
    **{f"textwriting-w2s_{band}": f"words_to_sentence/{band}" for band in ("easy", "medium", "hard")},
    "puzzles-latin_square": "puzzle/latin_square_n4",
    "puzzles-sudoku": "puzzle/sudoku_n4_12",
    "avg": MEAN,
}  # fmt: skip
"""Published name of each task: our name."""

SAME_TASK: dict[str, str] = {
    "paraphrase_summarize/samsum": "paraphrase_summarize/summarization",
    "paraphrase_summarize/chatgpt-paraphrases": "paraphrase_summarize/paraphrasing",
}
"""Tasks of the suites `official` and `hf` with names of their own: the task of `TASKS` that they are."""


def samples_of(task: str) -> int:
    """Return the number of samples behind a published accuracy: 100, and 108 for Sudoku."""
    return 108 if task.startswith("puzzle/sudoku") else 100


class Model(NamedTuple):
    """A published model.

    Attributes:
        name: the name that our results list it under.
        label: its name in tables and figures.
        block: the block length, in tokens, of a block-causal model; None for full attention.
    """

    name: str
    label: str
    block: int | None = None


MODELS: dict[str, Model] = {
    "llada10": Model("llada-8b-instruct", "LLaDA 1.0 8B"),
    "llada15": Model("llada-1.5", "LLaDA 1.5 8B"),
    "dream": Model("dream-v0-instruct", "Dream 7B"),
    "diffucoder": Model("diffucoder-7b-instruct", "DiffuCoder 7B"),
    "dparallel-llada": Model("dParallel-LLaDA-8B-instruct", "dParallel LLaDA 8B"),
    "dparallel-dream": Model("dParallel_Dream_7B_Instruct", "dParallel Dream 7B"),
    "llada-moe": Model("llada-moe-7b-a1b-instruct", "LLaDA-MoE 7B"),
    "llada-moe-td": Model("LLaDA-MoE-7B-A1B-Instruct-TD", "LLaDA-MoE-TD 7B"),
    "llada20-mini": Model("llada2.0-mini", "LLaDA2.0 mini", 32),
    "llada20-mini-cap": Model("LLaDA2.0-mini-CAP", "LLaDA2.0 mini CAP", 32),
    "llada21-mini": Model("llada2.1-mini", "LLaDA2.1 mini", 32),
    "sdar-1.7b": Model("sdar-1.7b-chat", "SDAR 1.7B", 4),
    "sdar-4b": Model("sdar-4b-chat", "SDAR 4B", 4),
    "sdar-8b": Model("sdar-8b-chat", "SDAR 8B", 4),
    "sdar-trado-4b": Model("trado-4b-instruct", "TraDo 4B", 4),
    "sdar-trado-8b": Model("trado-8b-instruct", "TraDo 8B", 4),
}
"""Published name of each model: ours."""
