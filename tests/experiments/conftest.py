"""What several tests of runs start from."""

from __future__ import annotations

from typing import Any

import pytest
from run_files import DECODERS, TASKS

from parallelbench import run
from stored_records import records


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    """The records of a run that nothing has interrupted."""
    out = tmp_path_factory.mktemp("undisturbed") / "out"
    run("fake:delay=0.0", TASKS, DECODERS, limit=12, batch_size=64, out=out)
    return records(out)
