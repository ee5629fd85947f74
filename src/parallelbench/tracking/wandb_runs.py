"""Weights & Biases: one run for each run folder, in the group of its sweep. The key is read from the environment alone."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import Field

from parallelbench.errors import UserError
from parallelbench.specs import Options
from parallelbench.tracking.base import CellFacts, PlainName, RunFacts, Tracker, library

KEY, MODE, SERVER = "WANDB_API_KEY", "WANDB_MODE", "WANDB_BASE_URL"


class WandbOptions(Options):
    """`wandb:project=...,entity=...`."""

    project: PlainName = Field("parallelbench", description="the project")
    entity: PlainName | None = Field(None, description="the user or team; none: the default of the key")


class WandbTracker(Tracker):
    """Sends each cell as keys of the run's summary and as a row of its history, and at the end a table of all cells."""

    def __init__(self, options: WandbOptions) -> None:
        """Find the library and the key.

        Raises:
            MissingExtra: the package is not installed.
            UserError: the key is missing and the mode is not offline.
        """
        self._wandb = library("wandb")
        if not os.environ.get(KEY) and os.environ.get(MODE) not in ("offline", "disabled", "dryrun"):
            raise UserError(
                f"wandb needs a key in the environment: export {KEY}=..., or export {MODE}=offline to keep its files here."
            )
        self._options = options
        self._run: Any = None

    @property
    def place(self) -> str:
        return f"wandb {os.environ.get(SERVER, '')} {self._options.model_dump_json()}"

    def open(self, run: RunFacts) -> None:
        self._run = self._wandb.init(
            project=self._options.project,
            entity=self._options.entity,
            id=run.id,
            name=run.name,
            group=run.group,
            job_type="parallelbench",
            resume="allow",
            config={**run.config, "provenance": json.loads(json.dumps(run.provenance, default=str))},
            settings=self._wandb.Settings(console="off", silent=True, disable_git=True, save_code=False),
        )

    def cell(self, cell: CellFacts, known: bool) -> None:
        self._run.summary.update({f"{cell.id}/{name}": value for name, value in {**cell.names, **cell.numbers}.items()})
        if not known:  # last: an attempt that fails before adds no row
            self._run.log({**cell.names, **cell.numbers})

    def close(self, cells: Sequence[CellFacts], files: Sequence[Path], known: bool) -> None:
        names = list(dict.fromkeys(name for cell in cells for name in cell.numbers))
        if cells and not known:
            columns = [*cells[0].names, *names]
            rows = [[*cell.names.values(), *(cell.numbers.get(name) for name in names)] for cell in cells]
            self._run.log({"cells": self._wandb.Table(columns=columns, data=rows)})
        if files:
            artifact = self._wandb.Artifact(f"report-{self._run.id}", type="report")
            for path in files:
                artifact.add_file(str(path))
            self._run.log_artifact(artifact)
        self._run.finish()
