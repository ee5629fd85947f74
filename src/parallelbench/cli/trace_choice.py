"""Which sample of a run `parallelbench trace` shows, and what is known of how its answer broke."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from parallelbench.errors import UserError

if TYPE_CHECKING:
    from parallelbench.analysis.collisions import Collision
    from parallelbench.analysis.examples import Example
    from parallelbench.contracts.handle import DenoiserHandle
    from parallelbench.report.trace_view import TraceView
    from parallelbench.runs.cell import Cell
    from parallelbench.runs.folder import StoredCell, StoredRun
    from parallelbench.schema import Sample

LOOKED_AT = 40
"""Wrong answers among which the most telling one is looked for."""
MOST_STATES = 20_000_000
"""Positions of the canvas times forwards of the largest answer that is shown."""
LOCAL = frozenset({"tiny", "tiny2", "tiny-text", "exact", "path"})
"""Models of which the tokenizer is on this machine for certain, so that nothing is downloaded to show a trace."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """A sample by its cell and index, and how many other cells have a sample that was named alike."""

    stored: StoredCell
    index: int
    others: int


class Explained(NamedTuple):
    """What the law says of a sample.

    `sample` is None where it cannot be made again, `collision` where none was found, and `unknown` then says why none could be
    looked for. `texts` are those of tokens that are no longer on the canvas.
    """

    sample: Sample | None
    collision: Collision | None
    unknown: str
    texts: Mapping[int, str]


def chosen(run: StoredRun, name: str | None) -> Chosen:
    """Find a sample by its index or id; without a name the most telling wrong answer, see `telling`.

    Raises:
        UserError: there is no such sample, or none at all.
    """
    if name is None:
        return telling(run)
    found = [(stored, index) for stored in run.cells if (index := _index_in(stored, name)) is not None]
    if not found:
        indices = sorted({record.index for stored in run.cells for record in stored.measurements()})
        known = f"its samples are {indices[0]} to {indices[-1]}" if indices else "it has no samples yet"
        raise UserError(f"{run.folders[0].path} has no sample {name!r:.80} in the chosen cells; {known}.")
    return Chosen(*found[0], len(found) - 1)


def _index_in(stored: StoredCell, name: str) -> int | None:
    """The index of a sample that is named by its index or id; None where the cell lacks it."""
    prefix = stored.cell.sample_prefix
    number = name.removeprefix(prefix)
    if not (number.isascii() and number.isdigit() and len(number) < 16):
        return None
    index = int(number)
    return index if any(index in folder.find(stored.cell, {index}) for folder in stored.folders) else None


def telling(run: StoredRun) -> Chosen:
    """Return the wrong answer that shows best how answers break.

    That is the first in which two writes of one forward collided, among the 40 shortest wrong ones; without one, the first in
    which anything is known; else the shortest wrong answer. A run without wrong answers shows its first sample.

    Raises:
        UserError: the run has no samples.
    """
    from parallelbench.analysis import frame

    table = frame.samples(run)
    if table.empty:
        raise UserError(f"{run.folders[0].path} has no samples yet; wait for the first, or run its command again.")
    wrong = table[table["accuracy"] < 1.0].sort_values(["content_tokens", "nfe"], kind="stable", na_position="last")
    cells = {stored.id: stored for stored in run.cells}
    rows = zip(wrong["cell"].head(LOOKED_AT), wrong["index"].head(LOOKED_AT), strict=True)
    candidates = [Chosen(cells[cell], int(index), 0) for cell, index in rows]
    best: Chosen | None = None
    for one in candidates:
        example = _read(one)
        collision = explain(run, one.stored, example).collision if _is_shown(example) else None
        if collision is not None and len(collision.positions) == 2:
            return one
        best = best or (one if collision is not None else None)
    first = table.iloc[0]
    return best or next(iter(candidates), Chosen(cells[str(first["cell"])], int(first["index"]), 0))


def view_of(run: StoredRun, one: Chosen) -> TraceView:
    """Read a sample and lay it out step by step.

    Raises:
        UserError: it has no history of writes; a file is damaged or missing.
    """
    example = _read(one)
    if not any(example.trace.history) or not example.trace.token_ids:
        raise UserError(
            f"{example.record.sample_id} has no steps to show: {one.stored.cell.model} does not say in which order it wrote "
            "its answer; choose a model that is decoded here."
        )
    return laid_out(run, one.stored, example)


def laid_out(run: StoredRun, stored: StoredCell, example: Example, with_law: bool = True) -> TraceView:
    """Lay a sample out step by step, with what the law of its right answers says, or without, which is much faster.

    Raises:
        UserError: its history is damaged or too long.
    """
    from parallelbench.report.trace_view import trace_view

    cell = stored.cell
    if any(example.trace.history) and not _is_shown(example):
        trace = example.trace
        raise UserError(
            f"the trace of {example.record.sample_id} is damaged or too long to show ({len(trace.history)} forwards of "
            f"{len(trace.token_ids)} tokens); choose another sample."
        )
    law = explain(run, stored, example) if with_law else Explained(None, None, "", {})
    right = example.scores.get(cell.metrics[0]) == 1.0
    question = law.sample.turns[-1].text if law.sample is not None else None
    return trace_view(
        cell, example.record, example.trace, scores=example.scores, question=question, texts=law.texts, unknown=law.unknown,
        collision=None if right else law.collision, reasons=_reasons(law.sample, example.record.text, example.labels),
    )  # fmt: skip


def _is_shown(example: Example) -> bool:
    """Whether the history is whole, within the canvas and not too long."""
    history, length = example.trace.history, len(example.trace.token_ids)
    inside = all(position < length for writes in history for position, *_ in writes)
    return inside and length > 0 and length * len(history) <= MOST_STATES


def _read(one: Chosen) -> Example:
    from parallelbench.analysis.examples import read_examples

    return next(read_examples(one.stored, {"wanted": one.index}))


def _reasons(sample: Sample | None, text: str, stored: Sequence[str]) -> list[str]:
    """The reasons why an answer is wrong, in words: those that are stored, else those of a list or puzzle, computed now."""
    from parallelbench.metrics.failures import LABELS, label

    if not stored and sample is not None and sample.law is not None:
        stored = label(sample, text, right=False, full=False)
    return [LABELS.get(name, name) for name in stored]


def explain(run: StoredRun, stored: StoredCell, example: Example) -> Explained:
    """Make the sample again and look for the collision; where something is missing, the reason is a sentence."""
    from parallelbench.experiments.scoring import load, sample_again

    try:
        sample = sample_again(load(run, stored), stored.cell, example.record)
    except UserError as error:
        return Explained(None, None, f"Its question cannot be made again here: {error}", {})
    try:
        return _collision(stored.cell, sample, example)
    except UserError as error:
        return Explained(sample, None, f"Its right answers cannot be compared with the canvas: {error}", {})


def _collision(cell: Cell, sample: Sample, example: Example) -> Explained:
    from parallelbench.analysis.collisions import find_collision, initial_canvas
    from parallelbench.analysis.right_answers import right_answers

    trace, handle = example.trace, _tokens(cell)
    if handle is None:
        return Explained(sample, None, "The tokenizer of its model is not at hand, so no write can be named that broke it.", {})
    codec, info = handle.codec_for(sample), handle.info
    gone = {token for writes in trace.history for _, token, _, _ in writes} - set(trace.token_ids)
    texts = {token: codec.decode([token]) for token in gone if token < info.vocab_size}
    if sample.law is None or sample.frame is None:
        return Explained(sample, None, "No law of its right answers is known, so no write can be named that broke it.", texts)
    right = right_answers(sample, codec.encode, info.end_ids, len(trace.token_ids))
    if right is None:
        return Explained(sample, None, "Its right answers are too many to be compared with the canvas.", texts)
    return Explained(sample, find_collision(trace.history, initial_canvas(example.record, trace), right), "", texts)


def _tokens(cell: Cell) -> DenoiserHandle | None:
    """The model of a cell as far as its tokens go; None where it cannot be described here, or has another tokenizer now."""
    from parallelbench.contracts.handle import DenoiserHandle
    from parallelbench.models import describe

    if cell.model_facts.spec.partition(":")[0] not in LOCAL:
        return None
    try:
        handle = describe(cell.model_facts.spec)
    except UserError:
        return None
    if not isinstance(handle, DenoiserHandle) or handle.info.tokenizer != cell.model_facts.tokenizer:
        return None
    return handle
