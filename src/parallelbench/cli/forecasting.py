"""What `run` and `sweep` say of a plan before it runs, and the limit of its cost."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from parallelbench.cli.run_options import RunOptions
    from parallelbench.experiments.costs import Prices
    from parallelbench.experiments.model_pool import ModelPool
    from parallelbench.experiments.plan import PlannedCell
    from parallelbench.experiments.plan_forecast import PlanForecast
    from parallelbench.experiments.progress import Progress
    from parallelbench.experiments.spec import Sweep


def forecast(
    sweep: Sweep, cells: Sequence[PlannedCell], pool: ModelPool, folder: Path, options: RunOptions
) -> tuple[PlanForecast, Prices]:
    """Forecast a plan, and find the prices of its models.

    Raises:
        UserError: it will cost more than the user allows, or an option of the forecast cannot be used.
    """
    from parallelbench.experiments.costs import check_costs, prices_of, read_prices
    from parallelbench.experiments.plan_forecast import forecast_plan

    prices = prices_of(cells, pool, None if options.prices is None else read_prices(options.prices))
    made = forecast_plan(cells, pool, folder, sweep.batch_size, prices, options.measured or (), options.speed or ())
    if options.max_cost is not None:
        check_costs(made.costs, options.max_cost)
    return made, prices


def cost_limit(
    sweep: Sweep, cells: Sequence[PlannedCell], pool: ModelPool, folder: Path, options: RunOptions
) -> list[Progress]:
    """Return the listener that ends a run at its largest cost; none where the user has set no limit.

    Raises:
        UserError: as `forecast`.
    """
    if options.max_cost is None:
        return []
    from parallelbench.experiments.costs import CostLimit

    _, prices = forecast(sweep, cells, pool, folder, options)
    return [CostLimit(prices, {one.cell.id: one.model for one in cells}, options.max_cost)]
