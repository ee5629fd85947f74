"""Rows of a fine-tuning: prompts and right answers of tasks in the tokens of any model, from seeds that no run uses."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor
from torch.utils.data import Dataset

from parallelbench.contracts.denoiser import Codec
from parallelbench.contracts.info import ModelInfo
from parallelbench.decoding.prompts import framed_canvas
from parallelbench.errors import UserError
from parallelbench.models.templates import TEMPLATES
from parallelbench.rng import stream
from parallelbench.schema import Sample, Turn
from parallelbench.tasks import Task, load_task
from parallelbench.training.data import TRAINING_SEEDS, Batch, Row, held_out, padded
from parallelbench.training.finetune.options import FineTuning
from parallelbench.training.masks import draw_mask

CHECKED = 64
"""Samples of a task that are checked before training: their answers must have tokens and fit."""
STEP = 32
"""A canvas that is made longer is a multiple of this, as in a run."""
VALIDATION = TRAINING_SEEDS.start + (1 << 39)
"""Validation samples have seeds from here on, which training samples never reach."""
NOT_ANSWERS = frozenset({"samples", "shots", "max_new_tokens", "infill"})


class Rows(Dataset[tuple[str, Batch]]):
    """The batch of every step; a function of the options and the step alone.

    Args:
        codec: that of the base; a checkpoint has one for all samples.
        info: what the base is.
        tasks: each sample is of one of them, in turn.
        options: seed, batch size and number of samples.

    Raises:
        UserError: a task has no samples to train on, or the base cannot write or hold its answers.
    """

    def __init__(self, codec: Codec, info: ModelInfo, tasks: Sequence[Task], options: FineTuning) -> None:
        self.codec, self.info, self.options = codec, info, options
        self.tasks = [self._with_room(task) for task in tasks]
        self._closing = closing_token(codec, info)
        for number in range(len(tasks)):
            self._row(number)  # a task that does not fit is refused before anything is trained

    def __getitem__(self, step: int) -> tuple[str, Batch]:
        options = self.options
        numbers = range(step * options.batch, (step + 1) * options.batch)
        places = [divmod(number, options.samples) for number in numbers]
        rows = [self._row(_order(options.seed, epoch, options.samples)[place]) for epoch, place in places]
        return "answers", self._batch(rows, torch.Generator().manual_seed(options.seed * 1_000_003 + step))

    def validation(self) -> list[Batch]:
        """Batches of other samples, with masks that are always the same."""
        size, count = self.options.rows or self.options.batch, self.options.validation
        numbers = range(VALIDATION - TRAINING_SEEDS.start, VALIDATION - TRAINING_SEEDS.start + count)
        parts = [numbers[first : first + size] for first in range(0, count, size)]
        return [self._batch([self._row(at) for at in part], torch.Generator().manual_seed(part.start)) for part in parts]

    def _with_room(self, task: Task) -> Task:
        """The task with a canvas that holds its right answers, by the rule of a run, after its answers were looked at."""
        name = self.info.name
        longest = too_long = 0
        for number in range(CHECKED):
            sample = _sample(task, number)
            text = _text(task, sample)
            ids = self.codec.encode(text)
            if self.codec.decode(ids) != text:
                raise UserError(f"{name} has no tokens for the answer {text!r:.60} of {task.name}; take another base.")
            longest, too_long = max(longest, len(ids)), too_long + (len(ids) > task.max_new_tokens)
        changed = task.model_fields_set - NOT_ANSWERS - task.preset_keys
        if task.infill or too_long <= (0 if changed else CHECKED // 2):
            return task
        needed = -(-(longest + 1) // STEP) * STEP
        if "max_new_tokens" in task.model_fields_set:
            raise UserError(
                f"{too_long} of {CHECKED} right answers of {task.name} do not fit in {task.max_new_tokens} tokens of {name}; "
                f"write max_new_tokens={needed}."
            )
        return task.model_copy(update={"max_new_tokens": needed})

    def _row(self, number: int) -> Row:
        """Row `number`; a sample that is held out or does not fit is replaced by that of a later seed.

        Raises:
            UserError: no sample fits.
        """
        task = self.tasks[number % len(self.tasks)]  # all of them with all sizes, which a sample's number sets
        for attempt in range(CHECKED):
            sample = _sample(task, number // len(self.tasks) + (attempt << 33), self.info.shots)
            if not held_out(sample) and (row := self._encode(task, sample)) is not None:
                return row
        raise UserError(
            f"no prompt and answer of {task.name} fit in the {self.info.context_length} tokens of {self.info.name}; use "
            "shorter lists, fewer shots or a smaller max_new_tokens."
        )

    def _encode(self, task: Task, sample: Sample) -> Row | None:
        """Prompt ids, canvas ids, and which canvas positions may be masked; None where they do not fit."""
        codec, info = self.codec, self.info
        prompt, _ = codec.encode_chat(sample.turns)
        answer = codec.encode(_text(task, sample))
        if task.infill:
            free = [token == info.mask_id for token in framed_canvas(codec, sample, info.mask_id)]
        else:
            size = task.max_new_tokens
            if info.attention == "block_causal":
                size += -(len(prompt) + size) % (info.block or 1)
            if len(answer) > size:
                return None
            answer = [*answer, self._closing, *[info.end_ids[0]] * size][:size]
            free = [True] * size
        return None if len(prompt) + len(answer) > info.context_length else (prompt, answer, free)

    def _batch(self, rows: Sequence[Row], generator: torch.Generator) -> Batch:
        """Pad rows to the longest of the batch and draw the masks."""
        width = max(len(canvas) for _, canvas, _ in rows)
        length = max(len(prompt) + len(canvas) for prompt, canvas, _ in rows)
        ids, attend, columns, free = padded(rows, length, width, self.info.pad_id)
        open_ = free if self.info.attention != "block_causal" else one_block(columns, free, self.info.block or 1, generator)
        return Batch(ids, attend, columns, free, draw_mask(ids.gather(1, columns), open_, generator))


def one_block(columns: Tensor, free: Tensor, block: int, generator: torch.Generator) -> Tensor:
    """The free positions [B, A] of one block of each row: that of a position that is drawn uniformly.

    A block-causal model denoises a block when all blocks before it are known; what follows it is not seen.
    """
    chosen = torch.multinomial(free.float(), 1, generator=generator)
    return free & (columns // block == columns.gather(1, chosen) // block)


def closing_token(codec: Codec, info: ModelInfo) -> int:
    """The end token that follows an answer: the one by which the chat template closes a turn, else the first."""
    pieces = TEMPLATES[info.template]((Turn("user", ""), Turn("assistant", ""), Turn("user", "")))
    markup = "".join(piece.text for piece in pieces if piece.markup)
    return next((token for token in info.end_ids if codec.decode([token]) in markup), info.end_ids[0])


def load_tasks(specs: Sequence[str]) -> list[Task]:
    """Load the tasks of a fine-tuning.

    Raises:
        UserError: a name or an option is unknown.
    """
    return [load_task(spec) for spec in specs]


def _text(task: Task, sample: Sample) -> str:
    """What is to be written: the answer, with chain of thought after its steps."""
    return task.written_answer(sample) if sample.marker else sample.answer


def _sample(task: Task, number: int, shots: int | None = None) -> Sample:
    return task.sample(TRAINING_SEEDS.start + number, number % 5040, shots)


@lru_cache(maxsize=2)
def _order(seed: int, epoch: int, samples: int) -> list[int]:
    """The order of the samples in an epoch."""
    rng: random.Random = stream("finetune", seed, epoch)
    return rng.sample(range(samples), samples)
