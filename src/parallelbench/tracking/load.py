"""From `wandb:project=...`, `mlflow:uri=...`, `trackio` to a tracker."""

from __future__ import annotations

from importlib import import_module

from parallelbench.errors import UnknownName
from parallelbench.specs import build, parse
from parallelbench.tracking.base import Tracker

TRACKERS = {
    "wandb": ("wandb_runs", "WandbTracker", "WandbOptions"),
    "mlflow": ("mlflow_runs", "MlflowTracker", "MlflowOptions"),
    "trackio": ("trackio_runs", "TrackioTracker", "TrackioOptions"),
}
"""The module, the class and the options of each."""


def load_tracker(spec: str) -> Tracker:
    """Make a tracker; connects to nothing.

    Raises:
        UserError: the name or an option is unknown, its package is not installed, or its key is not in the environment.
    """
    name, options = parse(spec)
    if name not in TRACKERS:
        raise UnknownName("tracker", name[:100], TRACKERS)
    module, tracker, kind = TRACKERS[name]
    found = import_module(f"parallelbench.tracking.{module}")
    made: Tracker = getattr(found, tracker)(build(getattr(found, kind), f"tracker '{name}'", options))
    return made
