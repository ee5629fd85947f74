"""What a plan will cost before it runs: forwards and rows, time, memory and money. Loads no weights.

The number of forwards of a cell has one of three bases. It is exact where the decoder's number follows from the canvas alone
(`Decoder.fixed_forwards`); else it is the mean of the records that exist for this decoder and task; else it is an upper bound.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from parallelbench.decoding.decoder import Decoder, ProgramDecoder
from parallelbench.experiments.measured import Measurements
from parallelbench.experiments.plan import PlannedCell

Basis = Literal["exact", "records", "bound"]
BASES: tuple[Basis, ...] = ("exact", "records", "bound")


@dataclass(frozen=True, slots=True)
class CellForecast:
    """What one cell will cost.

    Attributes:
        planned: the cell.
        missing: samples that are still to be decoded.
        basis: where the number of forwards comes from.
        forwards: of a sample, as a mean or a bound; None where nothing is known, as for a server.
        rows: the same for rows; None also where a decoder may compute several rows a forward and has no records.
        seconds: of a sample; None where no speed is known.
        prompt_tokens, tokens: of a sample of a generator, as a mean of records; None without them.
    """

    planned: PlannedCell
    missing: int
    basis: Basis
    forwards: float | None
    rows: float | None
    seconds: float | None
    prompt_tokens: float | None = None
    tokens: float | None = None


def forecast(
    cells: Sequence[PlannedCell],
    stored: Mapping[str, int],
    measured: Measurements,
    speeds: Mapping[str, float],
    attention_blocks: Mapping[str, int | None],
) -> list[CellForecast]:
    """Forecast the cells of a plan.

    Args:
        cells: the plan.
        stored: how many samples of a cell are on disk, by its id.
        measured: what records say.
        speeds: rows a second by the key of the model in the plan; "" holds for every other model. They count more than
            measured ones.
        attention_blocks: the block length of each block-causal model, by its key; None for other models.
    """
    fixed: dict[tuple[str, int, int | None], int | None] = {}
    found = []
    for one in cells:
        missing = max(0, len(one.indices) - stored.get(one.cell.id, 0)) if stored else len(one.indices)
        found.append(_forecast(one, missing, _fixed(one, attention_blocks.get(one.model), fixed), measured, speeds))
    return found


def _forecast(
    one: PlannedCell, missing: int, fixed: int | None, measured: Measurements, speeds: Mapping[str, float]
) -> CellForecast:
    """Forecast a cell; `fixed` is its number of forwards where that follows from the canvas."""
    known = measured.nearest(one.cell)
    speed = speeds.get(one.model, speeds.get(""))
    basis: Basis
    forwards: float | None
    rows: float | None
    if fixed is not None:
        basis, forwards, rows = "exact", float(fixed), float(fixed)
    elif known is not None and known.forwards is not None:
        basis, forwards, rows = "records", known.forwards, known.rows
    else:
        basis, forwards = "bound", _most(one)
        rows = None if isinstance(one.decoder, ProgramDecoder) else forwards
    same_model = known is not None and known.cell.model == one.cell.model
    seconds = known.seconds if known is not None and same_model and speed is None else None
    speed = speed or measured.rows_per_second(one.cell.model)
    if seconds is None and rows is not None and speed is not None:
        seconds = rows / speed
    tokens = (known.prompt_tokens, known.tokens) if known is not None and same_model else (None, None)
    return CellForecast(one, missing, basis, forwards, rows, seconds, *tokens)


def block_sizes(decoder: Decoder, width: int) -> list[int]:
    """Return the sizes of the blocks in which a decoder fills an empty canvas of `width` tokens."""
    block = decoder.block or width
    return [min(block, width - start) for start in range(0, width, block)]


def _fixed(one: PlannedCell, attention_block: int | None, known: dict[tuple[str, int, int | None], int | None]) -> int | None:
    """The number of forwards of a cell where that follows from the canvas alone.

    It does not where a frame fills a part of the canvas, where a cache repeats forwards, and where blocks begin in the prompt
    (block-causal attention) and another beginning would change the number.
    """
    decoder, width = one.decoder, one.cell.canvas_length
    if decoder is None or one.task.infill or "compat" in one.cell.cache:
        return None
    key = one.cell.decoder, width, attention_block
    if key not in known:
        if attention_block is None:
            known[key] = decoder.fixed_forwards(block_sizes(decoder, width))
        else:
            counts = {decoder.fixed_forwards(sizes) for sizes in _shifted(decoder.block or attention_block, width)}
            known[key] = counts.pop() if len(counts) == 1 else None
    return known[key]


def _shifted(block: int, width: int) -> list[list[int]]:
    """The sizes of blocks for every number of prompt tokens in the first one."""
    return [
        [min(block - start, width), *(min(block, width - at) for at in range(block - start, width, block))]
        for start in range(block)
    ]


def _most(one: PlannedCell) -> float | None:
    """The largest number of forwards of a sample: one for each token, unless the decoder may take back what it wrote.

    A decode that the engine stops at its limit takes one more forward. For a generator on a server no bound is known.
    """
    width = one.cell.canvas_length
    if one.decoder is None:
        return None if one.cell.dtype == "unknown" else float(width)
    plain = not isinstance(one.decoder, ProgramDecoder) and not one.decoder.revises
    return float(width if plain else one.decoder.max_forwards(width) + 1)
