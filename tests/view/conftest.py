"""One run and one server for all tests of the explorer."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from explorers import LABEL, Explorer

import parallelbench as pb

sys.path += [str(Path(__file__).parents[1] / name) for name in ("report", "experiments")]  # chromium, fake_model


@pytest.fixture(scope="session")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two short tasks under three decoders of the exact model, one of them with a hostile name."""
    folder = tmp_path_factory.mktemp("view") / "out"
    tasks = ["waiting_line/shuffle:lengths=[4],max_new_tokens=16", "waiting_line/copy:lengths=[3],max_new_tokens=16"]
    decoders = ["random:k=[1,4],temperature=1", f'confidence:k=2,label="{LABEL}"']
    pb.run("exact", tasks, decoders, limit=6, out=folder, progress=False)
    return folder


@pytest.fixture(scope="session")
def explorer(out: Path) -> Iterator[Explorer]:
    one = Explorer(out)
    yield one
    one.close()
