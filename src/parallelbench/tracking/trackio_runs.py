"""Trackio: one run for each run folder, kept on this machine or in a Space of the hub."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import Field, field_validator

from parallelbench.specs import Options
from parallelbench.tracking.base import CellFacts, PlainName, RunFacts, Tracker, library

SPACE = re.compile(r"\w[\w.-]*(?:/\w[\w.-]*)?", re.ASCII)


class TrackioOptions(Options):
    """`trackio:project=...`."""

    project: PlainName = Field("parallelbench", description="the project")
    space_id: str | None = Field(None, description="a Space of the hub, as NAME or OWNER/NAME; none: this machine")

    @field_validator("space_id")
    @classmethod
    def _names_a_space(cls, space_id: str | None) -> str | None:
        if space_id is not None and not SPACE.fullmatch(space_id):
            raise ValueError("a Space of the hub is named NAME or OWNER/NAME; write it so")
        return space_id


class TrackioTracker(Tracker):
    """Sends each cell as a row, and at the end a table of all cells. It keeps no files."""

    def __init__(self, options: TrackioOptions) -> None:
        """Find the library.

        Raises:
            MissingExtra: the package is not installed.
        """
        self._trackio = library("trackio")
        _print_to_stderr("trackio")
        self._options = options

    @property
    def place(self) -> str:
        return f"trackio {self._options.model_dump_json()}"

    def open(self, run: RunFacts) -> None:
        config = json.loads(json.dumps({**run.config, "provenance": run.provenance}, default=str))
        place = {} if self._options.space_id is None else {"space_id": self._options.space_id}
        self._trackio.init(
            project=self._options.project, name=f"{run.name}-{run.id}", group=run.group, config=config, resume="allow", **place
        )

    def cell(self, cell: CellFacts, known: bool) -> None:
        if not known:
            self._trackio.log({**cell.names, **cell.numbers})

    def close(self, cells: Sequence[CellFacts], files: Sequence[Path], known: bool) -> None:
        import pandas as pd

        if cells and not known:
            table = pd.DataFrame([{**cell.names, **cell.numbers} for cell in cells])
            self._trackio.log({"cells": self._trackio.Table(dataframe=table)})
        self._trackio.finish()


def _print_to_stderr(package: str) -> None:
    """Let a package print to stderr, where it has no setting for it: stdout belongs to the results of a command.

    Only its own modules are changed, because the command prints in another thread at the same time.
    """
    for name, module in list(sys.modules.items()):
        if name == package or name.startswith(f"{package}."):
            vars(module)["print"] = _to_stderr


def _to_stderr(*values: object, **options: Any) -> None:
    print(*values, **{"file": sys.stderr, **options})
