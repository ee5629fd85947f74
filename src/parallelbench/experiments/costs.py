"""What served models cost: their prices, the expected cost of a plan, and a limit for a run.

Prices change, so each comes with its source and its date: from the options of the model (`price_in`, `price_out`), else from a
table of the user, else from the list prices of a few models in `list_prices.yaml`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import Field

from parallelbench.contracts.handle import GeneratorHandle
from parallelbench.errors import UserError
from parallelbench.experiments.forecast import CellForecast
from parallelbench.experiments.model_pool import ModelPool
from parallelbench.experiments.plan import PlannedCell
from parallelbench.experiments.progress import Silent
from parallelbench.files import read_yaml
from parallelbench.runs.cell import Cell
from parallelbench.runs.records import Record
from parallelbench.specs import Options, build

MILLION = 1e6
LIST_PRICES = Path(__file__).parent / "list_prices.yaml"
ADVICE = "write the keys date, source, currency and models, as docs/served.md shows"


class Price(Options):
    """The prices of one model."""

    price_in: float = Field(ge=0, description="price of a million prompt tokens")
    price_out: float = Field(ge=0, description="price of a million answer tokens")


class PriceTable(Options):
    """A file of prices."""

    date: str = Field(min_length=4, max_length=40, description="when the prices were read")
    source: str = Field(min_length=1, max_length=400, description="where")
    currency: str = Field("USD", min_length=1, max_length=12, description="in which currency")
    models: Mapping[str, Price] = Field(description="prices by the name of the model, without options")
    server: str | None = Field(None, min_length=1, description="the address that the prices hold for; none: any")

    def of(self, names: Sequence[str], address: str) -> Price | None:
        """Return the price of a model with one of these names at an address; None where the table has none."""
        if self.server not in (None, address):
            return None
        return next((self.models[name] for name in names if name in self.models), None)


class Cost(NamedTuple):
    """The expected cost of one model's cells, whether it is an upper bound, and where its prices come from."""

    model: str
    amount: float
    bound: bool
    prices: str


@dataclass(frozen=True, slots=True)
class Prices:
    """The prices of the models of a plan, by their keys; `origin` says where each comes from."""

    of: Mapping[str, Price]
    origin: Mapping[str, str]

    def cost_of(self, model: str, record: Record) -> float:
        """Return what a sample has cost; 0 where its tokens or prices are unknown."""
        reported = record.reported
        if reported is None:
            return 0.0
        if reported.cost is not None:
            return reported.cost
        price = self.of.get(model)
        if price is None or reported.prompt_tokens is None or reported.tokens is None:
            return 0.0
        return (price.price_in * reported.prompt_tokens + price.price_out * reported.tokens) / MILLION


def read_prices(path: Path) -> PriceTable:
    """Read a table of prices.

    Raises:
        UserError: the file cannot be read, or is no such table.
    """
    value = read_yaml(path, ADVICE)
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise UserError(f"{path} is no table of prices; {ADVICE}.")
    return _table(value, f"prices '{path}'")


def list_prices() -> list[PriceTable]:
    """Return the published prices that come with the package."""
    tables = read_yaml(LIST_PRICES, ADVICE)
    return [_table(table, "list prices") for table in tables]


def _table(value: Mapping[str, Any], label: str) -> PriceTable:
    return build(PriceTable, label, {key: str(one) if key == "date" else one for key, one in value.items()})  # YAML has dates


def prices_of(cells: Sequence[PlannedCell], pool: ModelPool, table: PriceTable | None) -> Prices:
    """Find the prices of the served models of a plan: in a model's options, else in the user's table, else list prices."""
    tables = [*([] if table is None else [table]), *list_prices()]
    found: dict[str, Price] = {}
    origin: dict[str, str] = {}
    for key in dict.fromkeys(one.model for one in cells):
        handle = pool.describe(key)
        if not isinstance(handle, GeneratorHandle) or handle.info.device != "remote":
            continue
        options = handle.load().details()  # a served model is described and loaded in one: nothing is connected
        given = [options.get(name) for name in ("price_in", "price_out")]
        names = (key.partition(",")[0], handle.info.name)
        if given[0] is not None and given[1] is not None:
            found[key], origin[key] = Price(price_in=given[0], price_out=given[1]), "the model's options"
            continue
        for one in tables:
            price = one.of(names, handle.info.revision)
            if price is not None:
                found[key], origin[key] = price, f"{one.source}, {one.date}, in {one.currency}"
                break
    return Prices(found, origin)


def expected_costs(cells: Sequence[CellForecast], prices: Prices) -> list[Cost]:
    """Return the expected cost of each model with a price.

    The tokens of a sample are the mean of its records. Without records they are bounded: a prompt by the bytes of its text
    (every token has at least one), an answer by its longest length.
    """
    amounts: dict[str, tuple[float, bool]] = {}
    for one in cells:
        price = prices.of.get(one.planned.model)
        if price is None:
            continue
        known = one.prompt_tokens is not None and one.tokens is not None
        tokens_in = one.prompt_tokens if one.prompt_tokens is not None else _bytes_of_prompt(one.planned)
        tokens_out = one.tokens if one.tokens is not None else one.planned.cell.canvas_length
        amount, bound = amounts.get(one.planned.model, (0.0, False))
        amount += one.missing * (price.price_in * tokens_in + price.price_out * tokens_out) / MILLION
        amounts[one.planned.model] = amount, bound or (one.missing > 0 and not known)
    return [Cost(model, amount, bound, prices.origin[model]) for model, (amount, bound) in amounts.items()]


def _bytes_of_prompt(one: PlannedCell) -> float:
    """The mean number of bytes of the prompts of a cell's first samples, and 16 for the marks of each turn."""
    samples = [one.task.sample(one.cell.seed, index, one.cell.shots) for index in one.indices[:8]]
    sizes = [sum(len(turn.text.encode(errors="replace")) + 16 for turn in sample.turns) for sample in samples]
    return sum(sizes) / max(1, len(sizes))


def check_costs(costs: Sequence[Cost], most: float) -> None:
    """Refuse a plan that will cost more than the user allows.

    An upper bound above the limit is no reason to refuse: the run stops when it has spent the limit (`CostLimit`).

    Raises:
        UserError: no model has a price, or the expected cost is above the limit.
    """
    if not costs:
        raise UserError(
            "--max-cost needs prices, and no model here has any; write price_in=...,price_out=... behind the model, or name a "
            "file with --prices."
        )
    expected = sum(one.amount for one in costs if not one.bound)
    if expected > most:
        raise UserError(
            f"the expected cost is {expected:.4g}, more than the {most:g} of --max-cost; take fewer samples or raise it."
        )


class CostLimit(Silent):
    """Watches a run and ends it when the samples that it has decoded have cost as much as allowed."""

    def __init__(self, prices: Prices, models: Mapping[str, str], most: float) -> None:
        """Begin at 0; `models` are the keys of the models by the ids of their cells."""
        self.spent = 0.0
        self._prices, self._models, self._most = prices, models, most

    def sample_done(self, cell: Cell, record: Record) -> None:
        """Add what the sample has cost.

        Raises:
            UserError: the limit is reached.
        """
        self.spent += self._prices.cost_of(self._models[record.cell], record)
        if self.spent >= self._most:
            raise UserError(
                f"the run has cost {self.spent:.4g} of the {self._most:g} of --max-cost; every finished sample is kept, and "
                "the same command with a larger limit goes on."
            )
