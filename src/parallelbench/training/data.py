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

SAME_WORD = 1e-4  # how far apart the keys of the same word are, of keys in 0 to 1

TRAINING_SEEDS = range(1 << 40, 1 << 41)  # benchmark seeds are small; these streams share nothing with them


@dataclass(frozen=True, slots=True)
class Batch:
    """One step's rows: clean ids [B, L], valid positions [B, L], canvas columns [B, A], which of these may be masked and which
    are [B, A]."""

    ids: Tensor
    attend: Tensor
    columns: Tensor
    free: Tensor
    masked: Tensor

    def __len__(self) -> int:
        return len(self.ids)

    def split(self, parts: int) -> list[Batch]:
        """Cut the rows into at most so many parts of one size (the last may be smaller)."""
        tensors = (self.ids, self.attend, self.columns, self.free, self.masked)
        return [Batch(*part) for part in zip(*(tensor.chunk(parts) for tensor in tensors), strict=True)]


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
            slots = self.codec.encode_markup((sample.frame or "").replace(MASK_ITEM, MASK))
            return prompt, answer, [token == self.mask for token in slots]
        answer += [self.end] * (canvas - len(answer))
        return prompt, answer, [not words or token in self.words for token in answer]

    def batch(self, rows: Sequence[Row], group: Group, generator: torch.Generator) -> Batch:
        """Pad rows and canvases and mask; a canvas shorter than its group's repeats its last column, which is then not free."""
        length, width = group.length, group.canvas
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
        return Batch(ids, attend, columns, free, draw_mask(ids.gather(1, columns), free, generator, group.words))


def draw_mask(target: Tensor, free: Tensor, generator: torch.Generator, word_by_word: bool = False) -> Tensor:
    """Mask n ~ U{1..A} of each row's A free canvas positions, [B, A].

    With `word_by_word`, every other row masks all places of one word of `target` [B, A] before any of the next.
    """
    count = (torch.rand(len(free), 1, generator=generator) * free.sum(1, keepdim=True)).floor() + 1
    keys = torch.rand(free.shape, generator=generator)
    if word_by_word:
        of_words = torch.rand(len(target), int(target.max()) + 1, generator=generator).gather(1, target)
        keys[::2] = (of_words + keys * SAME_WORD)[::2]
    return keys.masked_fill(~free, 2.0).argsort(1).argsort(1) < count


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
        yield group.name, encoder.batch(rows, group, torch.Generator().manual_seed(seed * 1_000_003 + step))
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
