"""MLflow: one experiment for each sweep, one run for each run folder, and in it one nested run for each cell."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from pydantic import Field, field_validator

from parallelbench.specs import Options
from parallelbench.tracking.base import CellFacts, RunFacts, Tracker, library

ID, CELL = "parallelbench.id", "parallelbench.cell"
PARENT, NAME = "mlflow.parentRunId", "mlflow.runName"
LONGEST = 500
"""Characters of a parameter, which every store of MLflow takes."""

SCHEMES = frozenset({"http", "https", "sqlite", "postgresql", "mysql", "mssql", "file", "databricks", "databricks-uc", "uc"})
"""Kinds of stores that MLflow brings; a package adds one through the entry point `PLUGINS`."""
PLUGINS = "mlflow.tracking_store"


class MlflowOptions(Options):
    """`mlflow:uri=...`."""

    uri: str | None = Field(None, min_length=1, description="the tracking server or store; none: MLFLOW_TRACKING_URI")

    @field_validator("uri")
    @classmethod
    def _names_a_store(cls, uri: str | None) -> str | None:
        """MLflow itself says so only when it is first used."""
        scheme, colon, _ = (uri or "").partition(":")
        kind = scheme.partition("+")[0].lower()  # postgresql+psycopg names a driver, too
        if colon and len(kind) > 1 and kind not in SCHEMES and kind not in {one.name for one in entry_points(group=PLUGINS)}:
            raise ValueError(f"no store of MLflow has the kind {kind!r}; write http://HOST:PORT or sqlite:///FILE")
        return uri


class MlflowTracker(Tracker):
    """Sends cells as nested runs with parameters and metrics, so that MLflow can filter and compare them."""

    def __init__(self, options: MlflowOptions) -> None:
        """Find the library.

        Raises:
            MissingExtra: the package is not installed.
        """
        self._mlflow = library("mlflow")
        self._options = options
        self._client: Any = None
        self._experiment = self._run = ""

    @property
    def place(self) -> str:
        return f"mlflow {self._options.model_dump_json()}"

    def open(self, run: RunFacts) -> None:
        self._client = self._mlflow.MlflowClient(tracking_uri=self._options.uri)
        found = self._client.get_experiment_by_name(run.group)
        self._experiment = found.experiment_id if found is not None else self._client.create_experiment(run.group)
        self._run = self._found_or_made({ID: run.id}, run.name)
        self._client.update_run(self._run, status="RUNNING")
        params = {key: json.dumps(value, default=str)[:LONGEST] for key, value in run.config.items()}
        known = self._client.get_run(self._run).data.params  # a parameter cannot be changed once it is there
        self._send(self._run, {key: value for key, value in params.items() if key not in known}, {})
        self._client.log_dict(self._run, json.loads(json.dumps(run.provenance, default=str)), "provenance.json")

    def cell(self, cell: CellFacts, known: bool) -> None:
        nested = self._found_or_made({ID: f"{self._run}/{cell.id}", CELL: cell.id, PARENT: self._run}, cell.id)
        there = self._client.get_run(nested).data.params
        params = {key: value[:LONGEST] for key, value in cell.names.items() if key not in there}
        self._send(nested, params, cell.numbers)
        self._client.set_terminated(nested)

    def close(self, cells: Sequence[CellFacts], files: Sequence[Path], known: bool) -> None:
        rows = [{**cell.names, **cell.numbers} for cell in cells]
        self._client.log_dict(self._run, {"cells": rows}, "cells.json")
        accuracies = [cell.numbers["accuracy"] for cell in cells if "accuracy" in cell.numbers]
        if accuracies:
            means = {"cells": float(len(cells)), "mean_accuracy": sum(accuracies) / len(accuracies)}
            self._send(self._run, {}, means)
        for path in files:
            self._client.log_artifact(self._run, str(path))
        self._client.set_terminated(self._run)

    def _found_or_made(self, tags: Mapping[str, str], name: str) -> str:
        """The id of the run with this value of the tag `ID`, which is made where there is none."""
        found = self._client.search_runs([self._experiment], f"tags.`{ID}` = '{tags[ID]}'", max_results=1)
        if found:
            return str(found[0].info.run_id)
        return str(self._client.create_run(self._experiment, tags={**tags, NAME: name}).info.run_id)

    def _send(self, run: str, params: Mapping[str, str], numbers: Mapping[str, float]) -> None:
        """Send parameters and metrics in as many batches as MLflow's limit of 100 parameters needs."""
        entities: Any = import_module("mlflow.entities")
        items = [entities.Param(key, value) for key, value in params.items()]
        at = time.time_ns() // 1_000_000  # of several values at one step MLflow shows that of the latest time
        metrics = [entities.Metric(key, value, at, 0) for key, value in numbers.items()]
        for start in range(0, len(items), 100):
            self._client.log_batch(run, params=items[start : start + 100])
        if metrics:
            self._client.log_batch(run, metrics=metrics)
