"""The forecast of a whole plan: every cell, the memory of each model, and the cost of each priced one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from parallelbench.contracts.handle import DenoiserHandle
from parallelbench.errors import UserError
from parallelbench.experiments.costs import Cost, Prices, expected_costs
from parallelbench.experiments.forecast import BASES, Basis, CellForecast, forecast
from parallelbench.experiments.measured import read_measurements
from parallelbench.experiments.memory import Memory, memory_of
from parallelbench.experiments.model_pool import ModelPool
from parallelbench.experiments.plan import PlannedCell
from parallelbench.runs.folder import RUN, read_run
from parallelbench.runs.state import rows_on_disk
from parallelbench.schema import BatchSize


@dataclass(frozen=True, slots=True)
class PlanForecast:
    """What a plan will cost: its cells, the memory of its models, and the costs of those with a price."""

    cells: tuple[CellForecast, ...]
    memory: tuple[Memory, ...]
    costs: tuple[Cost, ...]

    @property
    def missing(self) -> int:
        """Samples that are still to be decoded."""
        return sum(one.missing for one in self.cells)

    def forwards(self, basis: Basis) -> float:
        """The forwards of single samples over all cells of one basis."""
        return sum(one.missing * (one.forwards or 0.0) for one in self.cells if one.basis == basis)

    def count(self, basis: Basis) -> int:
        """The cells of one basis with a known number of forwards."""
        return sum(one.basis == basis and one.forwards is not None for one in self.cells)

    @property
    def expected(self) -> float:
        """The forwards of single samples over all cells; cells of which nothing is known count as none."""
        return sum(self.forwards(basis) for basis in BASES)

    @property
    def rows(self) -> float:
        """The rows over all cells where they are known."""
        return sum(one.missing * one.rows for one in self.cells if one.rows is not None)

    @property
    def seconds(self) -> float:
        """The time of all cells with a known speed."""
        return sum(one.missing * one.seconds for one in self.cells if one.seconds is not None)

    @property
    def without_time(self) -> int:
        """Samples with an unknown time."""
        return sum(one.missing for one in self.cells if one.seconds is None)

    @property
    def without_forwards(self) -> int:
        """Samples with an unknown number of forwards."""
        return sum(one.missing for one in self.cells if one.forwards is None)


def forecast_plan(
    cells: Sequence[PlannedCell],
    pool: ModelPool,
    out: Path,
    batch_size: BatchSize,
    prices: Prices,
    measured: Sequence[Path] = (),
    speeds: Sequence[str] = (),
) -> PlanForecast:
    """Forecast a plan; reads no weights and writes nothing.

    Args:
        cells: the plan.
        pool: describes its models.
        out: the folder of the run, which may not exist yet; its records are measurements too.
        batch_size: samples in flight at once.
        prices: of its served models.
        measured: further run folders with measurements.
        speeds: rows a second, as `N` for every model or `MODEL=N` for one.

    Raises:
        UserError: a folder holds no run, or a speed is none.
        DamagedRun: a file is damaged.
    """
    begun = (out / RUN).is_file()
    stored = {one.id: rows_on_disk(one.folders[0]) for one in read_run(out).cells} if begun else {}
    folders = dict.fromkeys([*([out] if begun else []), *measured])
    found = read_measurements(tuple(folders), [one.cell for one in cells])
    blocks = {key: _attention_block(pool, key) for key in dict.fromkeys(one.model for one in cells)}
    made = forecast(cells, stored, found, _speeds(speeds), blocks)
    return PlanForecast(tuple(made), tuple(memory_of(cells, pool, batch_size)), tuple(expected_costs(made, prices)))


def _attention_block(pool: ModelPool, key: str) -> int | None:
    handle = pool.describe(key)
    return handle.info.block if isinstance(handle, DenoiserHandle) and handle.info.attention == "block_causal" else None


def _speeds(texts: Sequence[str]) -> dict[str, float]:
    """Read `N` and `MODEL=N`; "" is the key of a speed for every model.

    Raises:
        UserError: one is no positive number.
    """
    found: dict[str, float] = {}
    for text in texts:
        model, _, number = text.rpartition("=")
        try:
            value = float(number)
        except ValueError:
            value = math.nan
        if not 0 < value < math.inf:
            raise UserError(f"--speed {text!r:.100} is no speed; write rows a second, as 120 or tiny=120.")
        found[model.strip()] = value
    return found
