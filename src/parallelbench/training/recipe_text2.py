"""The recipe of the second generation of `tiny-text`: sentences, summaries and paraphrases in three wordings.

Sentences have at most 25 words, so most of them are learned on canvases of 32 tokens, and on the default canvas of 64 with its
many end tokens later. Where only words are masked, the end tokens stand as a decoder leaves them that commits them first.
"""

from __future__ import annotations

from collections.abc import Mapping

from parallelbench.models.cards import CARDS
from parallelbench.tasks.wordings import WORDINGS
from parallelbench.training.masks import Order
from parallelbench.training.stages import Group, Recipe, Shipped, Stage

WORDED = {"plain": 2.0, "polite": 1.0, "task_first": 1.0}
BANDS = {"easy": 2.0, "medium": 1.5, "hard": 1.5}
ORDERS: Mapping[Order, float] = {"positions": 4.0, "left_to_right": 1.0, "tokens": 1.0}
SUMMARIES, PARAPHRASES = ("paraphrase_summarize/summarization", "paraphrase_summarize/paraphrasing")


def _group(
    name: str, share: float, tasks: dict[str, float], length: int, canvas: int, batch: int, words: bool = False, shots: int = 0
) -> Group:
    name = f"{'words_' * words}{name}{'_shown' * bool(shots)}"
    options = {"wording": WORDED}
    return Group(name, share, tasks, length, canvas, batch, words=words, options=options, shots={shots: 1.0}, orders=ORDERS)


def _sentences(share: float, words: bool = False, shots: int = 0) -> Group:
    """Words to sentence with 1 to 7 words: four, the default, as often as all other numbers together."""
    tasks = {
        f"words_to_sentence/{band}:words={count},max_new_tokens=32": weight * (6.0 if count == 4 else 1.0)
        for band, weight in BANDS.items()
        for count in range(1, 8)
    }
    return _group("sentences", share, tasks, 160 if shots else 96, 32, 48 if shots else 64, words, shots)


def _sentences_64(share: float) -> Group:
    """Words to sentence on the canvas that the tasks have."""
    return _group("sentences_64", share, {f"words_to_sentence/{band}": weight for band, weight in BANDS.items()}, 128, 64, 48)


def _summaries(share: float, words: bool = False, shots: int = 0) -> Group:
    return _group("summaries", share, {SUMMARIES: 1.0}, 352 if shots else 192, 64, 16 if shots else 32, words, shots)


def _paraphrases(share: float, words: bool = False, shots: int = 0) -> Group:
    return _group("paraphrases", share, {PARAPHRASES: 1.0}, 192 if shots else 128, 64, 32 if shots else 40, words, shots)


_FIRST = (
    _sentences(0.26), _sentences(0.22, words=True), _sentences_64(0.08), _summaries(0.14), _summaries(0.08, words=True),
    _paraphrases(0.12), _paraphrases(0.10, words=True),
)  # fmt: skip

_EVERYTHING = (
    _sentences(0.16), _sentences(0.14, words=True), _sentences(0.05, words=True, shots=1), _sentences_64(0.14),
    _summaries(0.15), _summaries(0.10, words=True), _summaries(0.04, shots=1),
    _paraphrases(0.11), _paraphrases(0.07, words=True), _paraphrases(0.04, shots=1),
)  # fmt: skip

_VOCABULARY = (
    *(f"words_to_sentence/{band}:words={count},wording={wording}" for band, wording in zip(BANDS, WORDINGS, strict=True)
      for count in (4, 7)),
    *(f"{name}:wording={wording}" for name in (SUMMARIES, PARAPHRASES) for wording in WORDINGS),
)  # fmt: skip

TINY_TEXT2 = Shipped(
    CARDS["tiny-text2"],
    Recipe(steps=6_000, hidden_size=192, layers=5, heads=6, mlp_size=512, precision="bfloat16", reach=416),
    (Stage(_FIRST, hold=0.4), Stage(_EVERYTHING, rate=0.6, hold=0.2, layers=1)),
    words_from=_VOCABULARY,
    samples_per_task=1_500,
)
