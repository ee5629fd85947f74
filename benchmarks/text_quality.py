"""How varied and how clean our texts are: distinct-2 in 1,000 words, and how many right answers the grammar checker flags.

    python benchmarks/text_quality.py                       # the tables of docs/text.md
    python benchmarks/text_quality.py --samples 60 --seed 7  # the samples of docs/text_samples.md, to be read

Distinct-2 is the fraction of different ones among the pairs of adjacent words within the texts of a seed, cut
after 1,000 words.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from itertools import islice, pairwise
from statistics import mean

from parallelbench.metrics.grammar import check
from parallelbench.schema import Sample
from parallelbench.tasks import load_task

WORD = re.compile(r"[a-z']+|\d+")
SUMMARIES, PARAPHRASES = "paraphrase_summarize/summarization", "paraphrase_summarize/paraphrasing"
SENTENCES = tuple(f"words_to_sentence/{band}" for band in ("easy", "medium", "hard"))


def distinct_2(texts: list[str], words: int = 1000) -> float:
    """The fraction of different pairs of adjacent words in the first `words` words."""
    pairs: list[tuple[str, str]] = []
    left = words
    for text in texts:
        found = WORD.findall(text.lower())[:left]
        left -= len(found)
        pairs += pairwise(found)
    return len(set(pairs)) / len(pairs)


def samples(name: str, seed: int, count: int) -> list[Sample]:
    """The first samples of a seed."""
    task = load_task(name)
    return [task.sample(seed, index) for index in range(count)]


def table(seeds: int) -> None:
    """Print distinct-2, mean and least of the seeds, and the flagged share of all right answers."""
    answer: Callable[[Sample], str] = lambda sample: sample.answer  # noqa: E731
    source: Callable[[Sample], str] = lambda sample: str(sample.facts["source"])  # noqa: E731
    print("| texts | distinct-2 | least of the seeds | flagged by the checker |\n|---|---|---|---|")
    rows = [(name, "answers", answer) for name in (*SENTENCES, SUMMARIES, PARAPHRASES)]
    for name, part, read in (*rows, (SUMMARIES, "chats", source), (PARAPHRASES, "sources", source)):
        texts = [[read(sample) for sample in samples(name, seed, 110)] for seed in range(seeds)]
        found = [distinct_2(drawn) for drawn in texts]
        flagged = "" if part == "chats" else f"{mean(bool(check(text)) for drawn in texts for text in drawn):.1%}"
        print(f"| {name}, {part} | {mean(found):.3f} | {min(found):.3f} | {flagged} |")


def shown(sample: Sample) -> str:
    """A sample as a line of Markdown."""
    facts = sample.facts
    before = ", ".join(facts["words"]) if "words" in facts else str(facts["source"]).replace("\n", " / ")
    return f"{before} -> **{sample.answer}**"


def main() -> None:
    """Print what the arguments ask for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--samples", type=int, default=0, help="print so many samples of each kind instead")
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    if not options.samples:
        table(options.seeds)
        return
    for title, names in (("Sentences", SENTENCES), ("Chats and summaries", (SUMMARIES,)), ("Paraphrases", (PARAPHRASES,))):
        each = [samples(name, options.seed, options.samples // len(names)) for name in names]
        print(f"\n## {title}\n")
        for number, sample in enumerate(islice((one for drawn in each for one in drawn), options.samples), 1):
            print(f"{number}. {shown(sample)}")


if __name__ == "__main__":
    main()
