"""What a step is trained on: the tasks' own prompts and answers, from streams that no benchmark run draws from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise, takewhile

import torch
from tokenizers import Tokenizer
from torch import Tensor

from parallelbench.models.cards import Card
from parallelbench.models.codec import ChatCodec, special_id
from parallelbench.rng import stream
from parallelbench.schema import MASK_ITEM, Sample
from parallelbench.tasks import Task, load_task
from parallelbench.tasks.lists import last_name
from parallelbench.training.recipes import TINY, Group, Shipped
from parallelbench.training.tokenizer import END, MASK, PAD

Row = tuple[list[int], list[int], list[bool]]

TRAINING_SEEDS = range(1 << 40, 1 << 41)  # benchmark seeds are small; these streams share nothing with them


@dataclass(frozen=True, slots=True)
class Batch:
    """One step's rows: clean ids [B, L], valid positions [B, L], canvas columns [B, A], which of these may be masked [B, A].

    With `word_by_word`, every other row masks all places of one word before any of the next.
    """

    ids: Tensor
    attend: Tensor
    columns: Tensor
    free: Tensor
    word_by_word: bool = False


class Encoder:
    """Turns samples into rows: the prompt, then the canvas: the answer, then end tokens.

    In a frame only the slots are free; where only words are asked for, only tokens with a letter or a digit are.
    """

    def __init__(self, tokenizer: Tokenizer, card: Card) -> None:
        self.codec = ChatCodec(tokenizer, card)
        self.pad, self.mask, self.end = (special_id(tokenizer, token, card) for token in (PAD, MASK, END))
        self.words = {token for token in range(tokenizer.get_vocab_size()) if any(map(str.isalnum, tokenizer.decode([token])))}

    def row(self, sample: Sample, canvas: int, infill: bool, words: bool = False) -> Row:
        """Return prompt ids, canvas ids, and which canvas positions may be masked."""
        prompt, _ = self.codec.encode_chat(sample.turns)
        answer = self.codec.encode(sample.answer)
        if infill:
            slots = self.codec.encode((sample.frame or "").replace(MASK_ITEM, MASK))
            return prompt, answer, [token == self.mask for token in slots]
        answer += [self.end] * (canvas - len(answer))
        return prompt, answer, [not words or token in self.words for token in answer]

    def batch(self, rows: Sequence[Row], length: int, width: int, word_by_word: bool = False) -> Batch:
        """Pad rows and canvases; a canvas shorter than `width` repeats its last column, which is then not free."""
        ids = torch.full((len(rows), length), self.pad)
        attend = torch.zeros(len(rows), length, dtype=torch.bool)
        columns = torch.empty(len(rows), width, dtype=torch.long)
        free = torch.zeros(len(rows), width, dtype=torch.bool)
        for i, (prompt, canvas, slots) in enumerate(rows):
            end = len(prompt) + len(canvas)
            ids[i, :end] = torch.tensor(prompt + canvas)
            attend[i, :end] = True
            columns[i] = torch.arange(len(prompt), len(prompt) + width).clamp(max=end - 1)
            free[i, : len(slots)] = torch.tensor(slots)
        return Batch(ids, attend, columns, free, word_by_word)


def held_out(sample: Sample) -> bool:
    """A fifth of the 288 solved Sudokus is never trained on, so that solving can be told from remembering."""
    return "solution" in sample.facts and sha256(sample.answer.encode()).digest()[0] < 51


def batches(
    tokenizer: Tokenizer, seed: int, start: int = 0, shipped: Shipped = TINY, steps: int | None = None
) -> Iterator[tuple[str, Batch]]:
    """Yield (group, batch) for step `start`, `start + 1`, ...; each step's batch is a function of (seed, step) alone.

    The first stage has `steps` (None: as many as the recipe says); each stage is drawn from its own mixture.
    """
    encoder = Encoder(tokenizer, shipped.card)
    tasks = {name: load_task(name) for name in shipped.tasks}
    step = start
    while True:
        mixture = shipped.stages[shipped.stage(steps or shipped.recipe.steps, step)].mixture
        rng = stream("training", seed, step)
        group = rng.choices(mixture, [group.share for group in mixture])[0]
        chosen = rng.choices(list(group.tasks), list(group.tasks.values()), k=group.batch)
        seeds = [rng.randrange(TRAINING_SEEDS.start, TRAINING_SEEDS.stop) for _ in chosen]
        rows = [_draw(encoder, tasks[name], given, group) for name, given in zip(chosen, seeds, strict=True)]
        yield group.name, encoder.batch(rows, group.length, group.canvas, group.words)
        step += 1


def _draw(encoder: Encoder, task: Task, seed: int, group: Group) -> Row:
    """Draw a row; one that is held out or longer than its group's rows gives way to the next seed's."""
    index = seed % 5040
    while True:
        sample = max((task.sample(seed + number, index, shots=0) for number in range(group.closest)), key=_likeness)
        if not held_out(sample):
            row = encoder.row(sample, task.max_new_tokens, task.infill, group.words)
            if len(row[0]) + len(row[1]) <= group.length:
                return row
        seed += group.closest


def _likeness(sample: Sample) -> int:
    """How many letters the two neighbours of a right answer share whose last names begin most alike."""
    names = [last_name(name) for name in sample.facts.get("expected", ())]
    return max((shared_start(*pair) for pair in pairwise(names)), default=0)


def shared_start(one: str, two: str) -> int:
    """How many letters two words begin with alike."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, two, strict=False)))
