"""Training batches: prompts and right answers of the tasks, from random seeds that no benchmark run uses."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from itertools import pairwise, takewhile
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from parallelbench.decoding.prompts import framed_canvas
from parallelbench.models.cards import Card
from parallelbench.models.codec import ChatCodec, special_id
from parallelbench.rng import stream
from parallelbench.schema import Sample
from parallelbench.tasks import Task, load_task
from parallelbench.tasks.lists import last_name
from parallelbench.training.masks import Order, draw_mask, draw_mask_in_order, units
from parallelbench.training.stages import Group, Shipped
from parallelbench.training.tokenizer import END, MASK, PAD

Row = tuple[list[int], list[int], list[bool]]

TRAINING_SEEDS = range(1 << 40, 1 << 41)  # benchmark seeds are smaller, so their samples come from other streams


@dataclass(frozen=True, slots=True)
class Batch:
    """The rows of one training step: token ids without masks [B, L], valid positions [B, L], the columns of the canvas [B, A],
    which of these may be masked (`free`) and which are masked, [B, A]."""

    ids: Tensor
    attend: Tensor
    columns: Tensor
    free: Tensor
    masked: Tensor

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """Its tensors, in the order of its fields."""
        return self.ids, self.attend, self.columns, self.free, self.masked

    @property
    def visible(self) -> Tensor:
        """Which position may attend to which, [B, 1, L, L]: each to all valid ones."""
        return self.attend[:, None, None, :].expand(-1, 1, self.attend.shape[1], -1)

    def to(self, device: torch.device) -> Batch:
        """Copy it to a device."""
        return Batch(*(tensor.to(device) for tensor in self.tensors))

    def split(self, parts: int) -> list[Batch]:
        """Split the rows into at most `parts` batches of equal size (the last may be smaller)."""
        return [Batch(*part) for part in zip(*(tensor.chunk(parts) for tensor in self.tensors), strict=True)]


class Encoder:
    """Converts samples to rows: the prompt, then the canvas, which is the answer and then end tokens.

    Only free positions may be masked: the slots of the frame with `infill`, tokens with a letter or a digit with `words`, else
    the whole canvas.
    """

    def __init__(self, tokenizer: Tokenizer, card: Card) -> None:
        self.codec = ChatCodec(tokenizer, card)
        self.pad, self.mask, self.end = (special_id(tokenizer, token, card) for token in (PAD, MASK, END))
        texts = [tokenizer.decode([token]) for token in range(tokenizer.get_vocab_size())]
        self.words = {token for token, text in enumerate(texts) if any(map(str.isalnum, text))}
        self.breaks = {token for token, text in enumerate(texts) if "\n" in text}

    def row(self, sample: Sample, canvas: int, infill: bool, words: bool = False) -> Row:
        """Return prompt ids, canvas ids, and which canvas positions may be masked."""
        prompt, _ = self.codec.encode_chat(sample.turns)
        answer = self.codec.encode(sample.answer)
        if infill:
            slots = framed_canvas(self.codec, sample, self.mask)
            return prompt, answer, [token == self.mask for token in slots]
        answer += [self.end] * (canvas - len(answer))
        return prompt, answer, [not words or token in self.words for token in answer]

    def batch(self, rows: Sequence[Row], group: Group, generator: torch.Generator) -> Batch:
        """Pad rows and canvases to the lengths of the group (`padded`), and draw the masks."""
        ids, attend, columns, free = padded(rows, group.length, group.canvas, self.pad)
        return Batch(ids, attend, columns, free, self._masked(ids.gather(1, columns), free, group, generator))

    def _masked(self, target: Tensor, free: Tensor, group: Group, generator: torch.Generator) -> Tensor:
        """Draw the masks of a batch, [B, A]; `target` are the tokens of its canvases."""
        if not group.orders:
            return draw_mask(target, free, generator, group.words)
        names: tuple[Order, ...] = ("slots", "rows", "columns")
        parts = zip(*(units(*self._kinds(canvas)) for canvas in target.tolist()), strict=True)
        numbered: dict[Order, Tensor] = {name: torch.tensor(part) for name, part in zip(names, parts, strict=True)}
        return draw_mask_in_order({**numbered, "tokens": target}, free, group.orders, generator)

    def _kinds(self, canvas: Sequence[int]) -> tuple[list[bool], list[bool], list[bool]]:
        """Which tokens of a canvas are words, line breaks and end tokens."""
        known = (self.words, self.breaks, {self.end})
        words, breaks, ends = ([token in kind for token in canvas] for kind in known)
        return words, breaks, ends


def padded(rows: Sequence[Row], length: int, width: int, pad: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Pad rows to `length` tokens and their canvases to `width` columns.

    Returns:
        Token ids [B, length], valid positions [B, length], the columns of the canvas [B, width], and which of these may be
        masked [B, width]. A canvas that is shorter than `width` repeats its last column; the repeated columns are not free.
    """
    ids = torch.full((len(rows), length), pad)
    attend = torch.zeros(len(rows), length, dtype=torch.bool)
    columns = torch.empty(len(rows), width, dtype=torch.long)
    free = torch.zeros(len(rows), width, dtype=torch.bool)
    for at, (prompt, canvas, slots) in enumerate(rows):
        end = len(prompt) + len(canvas)
        ids[at, :end] = torch.tensor(prompt + canvas)
        attend[at, :end] = True
        columns[at] = torch.arange(len(prompt), len(prompt) + width).clamp(max=end - 1)
        free[at, : len(slots)] = torch.tensor(slots)
    return ids, attend, columns, free


def held_out(sample: Sample) -> bool:
    """True where the question or a demonstration has one of a fifth of the 288 solved Sudokus.

    No training uses these, so that results on them are not memorised.
    """
    shown = [turn.text for turn in sample.turns if turn.role == "assistant"]
    return "solution" in sample.facts and any(sha256(grid.encode()).digest()[0] < 51 for grid in (sample.answer, *shown))


class Batches(Dataset[tuple[str, Batch]]):
    """The batch of every step of a training, with the name of its group; a function of (seed, step) alone.

    Args:
        steps: the number of steps of the first stage (None: that of the recipe); each stage has its mixture of tasks.
    """

    def __init__(self, tokenizer: Tokenizer, seed: int, shipped: Shipped, steps: int | None = None) -> None:
        self.encoder = Encoder(tokenizer, shipped.card)
        self.seed, self.shipped = seed, shipped
        self.steps = steps or shipped.recipe.steps

    def __getitem__(self, step: int) -> tuple[str, Batch]:
        stage = self.shipped.stages[self.shipped.stage(self.steps, step)]
        rng = stream("training", self.seed, step)
        group = rng.choices(stage.mixture, [group.share for group in stage.mixture])[0]
        chosen = rng.choices(list(group.tasks), list(group.tasks.values()), k=int(group.batch * stage.rows))
        seeds = [rng.randrange(TRAINING_SEEDS.start, TRAINING_SEEDS.stop) for _ in chosen]
        tasks = [task_of_row(rng, name, group) for name in chosen]
        shots = rng.choices(list(group.shots), list(group.shots.values()), k=len(chosen)) if len(group.shots) > 1 else None
        shown = shots or [*group.shots] * len(chosen)
        rows = [_draw(self.encoder, *row, group) for row in zip(tasks, seeds, shown, strict=True)]
        return group.name, self.encoder.batch(rows, group, torch.Generator().manual_seed(self.seed * 1_000_003 + step))

    def from_step(self, first: int, last: int, workers: int = 0) -> Iterator[tuple[str, Batch]]:
        """Yield the batches of steps `first` to `last` - 1 (see `batches_from`)."""
        return batches_from(self, first, last, workers)


def batches_from(source: Dataset[tuple[str, Batch]], first: int, last: int, workers: int) -> Iterator[tuple[str, Batch]]:
    """Yield the batches of steps `first` to `last` - 1, drawn ahead by `workers` processes (0: drawn here, when needed)."""
    if not workers:
        return map(source.__getitem__, range(first, last))
    ahead = DataLoader(
        source, batch_size=None, sampler=range(first, last), num_workers=workers, prefetch_factor=4, collate_fn=_unchanged
    )
    return iter(ahead)


def _unchanged(item: Any) -> Any:
    return item


def task_of_row(rng: random.Random, name: str, group: Group) -> Task:
    """The task of a row, with values drawn for the options of its group."""
    drawn = {key: rng.choices(list(values), list(values.values()))[0] for key, values in group.options.items()}
    return _task(name, tuple(drawn.items()))


@cache
def _task(name: str, options: tuple[tuple[str, Any], ...]) -> Task:
    return load_task(name, **dict(options))


def _draw(encoder: Encoder, task: Task, seed: int, shots: int, group: Group) -> Row:
    """Draw a row: of `group.closest` samples the one with the most similar neighbours (`_shared_by_neighbours`).

    A sample that is held out, or longer than the rows of the group, is replaced by those of the next seeds.
    """
    index = seed % 5040
    while True:
        near = (task.sample(seed + number, index, shots) for number in range(group.closest))
        sample = max(near, key=_shared_by_neighbours)
        if not held_out(sample):
            row = encoder.row(sample, task.max_new_tokens, task.infill, group.words)
            if len(row[0]) + len(row[1]) <= group.length:
                return row
        seed += group.closest


def _shared_by_neighbours(sample: Sample) -> int:
    """The length in letters of the longest common prefix of the last names of two neighbours in the right answer."""
    names = [last_name(name) for name in sample.facts.get("expected", ())]
    return max((shared_start(*pair) for pair in pairwise(names)), default=0)


def shared_start(one: str, two: str) -> int:
    """The length in letters of the common prefix of two words."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, two, strict=False)))
