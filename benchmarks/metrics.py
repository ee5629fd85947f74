"""Texts per second of every metric. `python benchmarks/metrics.py [--texts 2000] [--jobs 1 2]`

The bar: grammar, embedded, at least 1,000 sentences a second on one core.

The texts are answers of the summarization, paraphrasing and words-to-sentence tasks, each with one word doubled in every other
text, so that no text comes twice. Each metric is measured in this process (one core) and in `--jobs` processes as
`parallelbench score` starts them: the first half of the texts warms dictionaries, the second half is timed. The last line
is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence

from parallelbench.errors import UserError
from parallelbench.experiments.judging import Question, judging
from parallelbench.metrics import resolve
from parallelbench.metrics.grammar import check
from parallelbench.metrics.grammar.words import sentences
from parallelbench.rng import stream
from parallelbench.tasks import load_task

BAR = 1000.0
METRICS = ("grammar", "inclusion", "rouge_1", "rouge_2", "rouge_l", "bleu", "one_minus_bleu", "bertscore_minilm", "failures")
TASKS = ("paraphrase_summarize/summarization", "paraphrase_summarize/paraphrasing", "words_to_sentence/hard")


def questions(name: str, texts: int) -> list[Question]:
    """Answers with their samples, of the tasks that have the facts the metric reads; no text twice."""
    needs = () if name == "failures" else resolve(name).needs
    found: dict[str, Question] = {}
    for seed in range(1 + texts // 20):
        for task in map(load_task, TASKS):
            for index in range(20):
                sample = task.sample(seed, index)
                words = sample.answer.split()
                if seed % 2:
                    at = stream("benchmark", seed, index).randrange(len(words))
                    words.insert(at, words[at])
                if all(need in sample.facts for need in needs):
                    found.setdefault(" ".join(words), Question(sample, " ".join(words), False, False))
        if len(found) >= texts:
            break
    return list(found.values())[:texts]


def rate(name: str, asked: Sequence[Question], jobs: int) -> float:
    """Texts a second, warm."""
    metric = None if name == "failures" else resolve(name)
    with judging(name, metric, jobs) as judge:
        check.cache_clear()
        half = len(asked) // 2
        list(judge(asked[:half]))
        started = time.perf_counter()
        done = sum(1 for _ in judge(asked[half:]))
        return done / (time.perf_counter() - started)


def sentences_each(texts: int) -> float:
    """Mean number of sentences of the timed texts of the grammar metric."""
    timed = questions("grammar", texts)[texts // 2 :]
    return sum(1 for question in timed for _ in sentences(question.text)) / len(timed)


def main() -> None:
    parser = argparse.ArgumentParser(description="Texts per second of every metric.")
    parser.add_argument("--texts", type=int, default=2000, help="how many")
    parser.add_argument("--jobs", type=int, nargs="+", default=[1, 2], help="processes")
    parser.add_argument("--metrics", nargs="+", default=list(METRICS), help="which")
    options = parser.parse_args()
    rates: dict[str, dict[str, float]] = {}
    for name in options.metrics:
        asked = questions(name, options.texts if name != "bertscore_minilm" else min(options.texts, 300))
        try:
            rates[name] = {str(jobs): rate(name, asked, jobs) for jobs in options.jobs}
        except UserError as error:
            print(f"{name:<18} left out: {error}")
            continue
        shown = "  ".join(f"{jobs:>3} {value:8.0f}/s" for jobs, value in rates[name].items())
        print(f"{name:<18} {len(asked):>5} texts  {shown}", flush=True)
    each = sentences_each(options.texts)
    grammar = {jobs: value * each for jobs, value in rates.get("grammar", {}).items()}
    result = {"benchmark": "metrics", "texts": options.texts, "texts_per_s": rates, "grammar_sentences_per_s": grammar}
    print(json.dumps({**result, "within": grammar["1"] >= BAR if "1" in grammar else None}))


if __name__ == "__main__":
    main()
