"""The reference's combined score: quality times grammar, by kind of text (its first release; the paper's figures show grammar).

    words to sentence  inclusion * grammar
    paraphrasing       (1 - BLEU) * BERTScore * grammar
    summarization      ROUGE-L * grammar

The fact `kind` says which it is ("sentence", "paraphrase", "summary"); a sample without it is of the first kind where it has
`words`, of the second where its task is named after "paraphras", else of the third.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from parallelbench.metrics import bertscore
from parallelbench.metrics.base import Metric
from parallelbench.metrics.bleu import ONE_MINUS_BLEU
from parallelbench.metrics.grammar import GRAMMAR, languagetool
from parallelbench.metrics.inclusion import INCLUSION
from parallelbench.metrics.rouge import ROUGE_L
from parallelbench.schema import Sample


def _kind(sample: Sample) -> str:
    if "kind" in sample.facts:
        return str(sample.facts["kind"])
    if "words" in sample.facts:
        return "sentence"
    return "paraphrase" if "paraphras" in sample.task.rpartition("/")[2] else "summary"


def _factors(sample: Sample, similarity: Metric) -> tuple[Metric, ...]:
    kinds = {"paraphrase": (ONE_MINUS_BLEU, similarity), "summary": (ROUGE_L,)}
    return kinds.get(_kind(sample), (INCLUSION,))


def _combine(grammar: Metric, similarity: Metric) -> Callable[[Sample, str], float]:
    def function(sample: Sample, text: str) -> float:
        value = grammar.function(sample, text)
        for factor in _factors(sample, similarity):
            value = value and value * factor.function(sample, text)
        return value

    return function


def _metric(name: str, grammar: Metric, similarity: Metric, remote: bool) -> Metric:
    parts = (grammar, ROUGE_L, ONE_MINUS_BLEU, similarity, INCLUSION)
    return Metric(
        name,
        _combine(grammar, similarity),
        backend=lambda: "; ".join(f"{part.name}: {part.backend()}" for part in parts),
        remote=remote,
        libraries=tuple(dict.fromkeys(name for part in parts for name in part.libraries)),
    )


def make_reference(options: Mapping[str, Any]) -> Metric:
    """Make the combined score of LanguageTool and RoBERTa-large; takes the options of both, `path` being the model's.

    Raises:
        UserError: an option is unknown or missing.
    """
    encoder = {key: value for key, value in options.items() if key == "path"}
    rest = {key: value for key, value in options.items() if key != "path"}
    return _metric("combined_reference", languagetool.make(rest), bertscore.make_reference(encoder), remote=True)


COMBINED = _metric("combined", GRAMMAR, bertscore.MINILM, remote=False)
