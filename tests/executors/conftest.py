"""One Ray for all tests that need a real one: its start takes seconds."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from real_ray import DECODERS, LIMIT, TASKS

from parallelbench import run
from parallelbench.experiments.executors.placement import Placement
from parallelbench.experiments.executors.ray_cluster import connected
from stored_records import records


@pytest.fixture(scope="session")
def local_records(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    """The records of the local executor."""
    out = tmp_path_factory.mktemp("local") / "out"
    run("tiny", TASKS, DECODERS, limit=LIMIT, out=out)
    return records(out)


@pytest.fixture(scope="session")
def ray_address() -> Iterator[str]:
    """The address of a Ray that this process has started; a run in this process uses it, another one can name it."""
    ray = pytest.importorskip("ray")
    source = Path(__file__).resolve().parents[2] / "src"
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(source), before]))
    with connected(Placement.model_validate({"executor": "ray"})):
        yield ray.get_runtime_context().gcs_address
    os.environ["PYTHONPATH"] = before or ""
