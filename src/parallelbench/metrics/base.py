"""Metrics: named functions of a sample and a text. The registry of all metrics, and `score`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from parallelbench.errors import UserError
from parallelbench.metrics.extra import require
from parallelbench.registry import Entry, Registry
from parallelbench.schema import Sample
from parallelbench.specs import parse

_MODULE = "parallelbench.metrics"


def _fixed_rules() -> str:
    return "rules 1"


@dataclass(frozen=True, slots=True)
class Metric:
    """A score in [0, 1]; `function` never raises on any text and takes time linear in it.

    `chance` is the expected score of random guessing in the right format and length, where every free slot gets an item of
    the prompt, drawn uniformly and independently of the other slots; None where that is not defined.
    `backend` says what computes the score and in which version: two scores may be compared only where it is the same.
    `needs` are the facts that a sample must have. `explain` names the rules that a text breaks and where, for metrics that
    can: (rule, start, end) in characters. `remote` is true where the work is done elsewhere, so that threads suffice.
    `libraries` are the optional modules that `function` imports. `runs_code` is true where it runs what the model wrote, which
    the user must allow (`sandbox.allow_code`).
    """

    name: str
    function: Callable[[Sample, str], float]
    chance: Callable[[Sample], float] | None = None
    backend: Callable[[], str] = _fixed_rules
    needs: tuple[str, ...] = ()
    explain: Callable[[str], list[tuple[str, int, int]]] | None = None
    remote: bool = False
    libraries: tuple[str, ...] = ()
    runs_code: bool = False


_SUMMARIES = {
    "lists:list_exact": "the list is the expected one",
    "lists:list_shuffle": "the list is a permutation of the list in the prompt, and not that list itself",
    "lists:list_random_insert": "removing the new item restores the list in the prompt",
    "lists:list_random_remove": "exactly one item is missing, the rest keeps its order",
    "lists:list_random_replace": "exactly one slot became the new item",
    "puzzles:latin_square": "every row and every column holds each symbol once",
    "puzzles:sudoku": "the grid is the puzzle's one solution",
}


def _entries(target: str, summary: str) -> dict[str, Entry]:
    module, _, name = target.partition(":")
    return {
        name: Entry(f"{_MODULE}.{module}:{name.upper()}", f"{summary}; lenient about format"),
        f"{name}_strict": Entry(f"{_MODULE}.{module}:{name.upper()}_STRICT", f"{summary}; in exactly the required format"),
    }


_ANSWERS = {
    "answer_exact": "the answer is the expected text",
    "answer_text": "the answer is the expected text, case, spaces and marks at its ends aside",
    "answer_contains": "the answer contains the expected words",
    "answer_number": "the answer is the expected number",
    "answer_choice": "the answer is the letter or the text of the expected choice",
    "answer_math": "the answer is the expected formula, in any equal form",
}


def _of_answers() -> dict[str, Entry]:
    found = {}
    for name, summary in _ANSWERS.items():
        found[name] = Entry(f"{_MODULE}.answers:{name.upper()}", f"{summary}; found anywhere in the text")
        found[f"{name}_strict"] = Entry(f"{_MODULE}.answers:{name.upper()}_STRICT", f"{summary}; in the required place")
    return found


_CODE = {
    "pass_1": ("code:PASS_1", "the program passes all tests; the code is found anywhere in the text (needs --allow-code)"),
    "pass_1_strict": ("code:PASS_1_STRICT", "the program passes all tests; in a closed code block (needs --allow-code)"),
}
_TEXT = {
    "grammar": ("grammar:GRAMMAR", "no rule of the embedded checker objects; 1 or 0"),
    "grammar_languagetool": ("grammar.languagetool:make", "LanguageTool finds nothing; needs url=... or jars=..."),
    "inclusion": ("inclusion:INCLUSION", "every required word occurs in the text"),
    "words_in_order": ("inclusion:WORDS_IN_ORDER", "the required words occur in the required order"),
    "rouge_1": ("rouge:ROUGE_1", "words in common with a reference, F1 with stemming"),
    "rouge_2": ("rouge:ROUGE_2", "pairs of words in common with a reference, F1 with stemming"),
    "rouge_l": ("rouge:ROUGE_L", "longest common subsequence with a reference, F1 with stemming"),
    "bleu": ("bleu:BLEU", "n-grams in common with the references, orders 1 to 4, unsmoothed"),
    "one_minus_bleu": ("bleu:ONE_MINUS_BLEU", "how far from a copy of the source: 1 - BLEU against it"),
    "bertscore_f1": ("bertscore:make_reference", "similarity to the source by RoBERTa-large, layer 17"),
    "bertscore_minilm": ("bertscore:MINILM", "similarity to the source by MiniLM, layer 4; another scale than bertscore_f1"),
    "combined": ("combined:COMBINED", "the reference's product of quality and grammar, with the embedded parts"),
    "combined_reference": ("combined:make_reference", "the same with LanguageTool and RoBERTa-large"),
}

METRICS = Registry(
    "metric",
    {k: v for target, summary in _SUMMARIES.items() for k, v in _entries(target, summary).items()}
    | _of_answers()
    | {name: Entry(f"{_MODULE}.{target}", summary) for name, (target, summary) in {**_CODE, **_TEXT}.items()},
)


def resolve(spec: str) -> Metric:
    """Return the metric of a name; some take options: `grammar_languagetool:url=http://127.0.0.1:8081`.

    Raises:
        UnknownName: there is none; the message offers the nearest.
        UserError: an option is unknown or missing.
        MissingExtra: a library that it needs is not installed.
    """
    name, options = parse(spec)
    made: Metric | Callable[..., Metric] = METRICS.get(name).load()
    if isinstance(made, Metric) and options:
        raise UserError(f"metric '{name}' takes no options; write {name}.")
    metric = made if isinstance(made, Metric) else made(options)
    require(f"metric '{name}'", metric.libraries)
    return metric


def backends(names: Iterable[str]) -> dict[str, str]:
    """Return what computes each of these metrics, and in which version."""
    return {name: resolve(name).backend() for name in names}


def score(sample: Sample, text: str, names: Iterable[str]) -> dict[str, float]:
    """Score a text under several metrics, in the order of `names`.

    Raises:
        UnknownName: one of the names is no metric.
    """
    return {name: resolve(name).function(sample, text) for name in names}
