"""One run and one server for all tests of the explorer."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from explorers import LABEL, Explorer

import parallelbench as pb

sys.path.append(str(Path(__file__).parents[1] / "report"))

from chromium import Tab, chromium


@pytest.fixture(scope="session")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two short tasks under three decoders of the exact model, one of them with a hostile name."""
    folder = tmp_path_factory.mktemp("view") / "out"
    tasks = ["waiting_line/shuffle:lengths=[4],max_new_tokens=16", "waiting_line/copy:lengths=[3],max_new_tokens=16"]
    decoders = ["random:k=[1,4],temperature=1", f'confidence:k=2,label="{LABEL}"']
    pb.run("exact", tasks, decoders, limit=6, out=folder, progress=False)
    return folder


@pytest.fixture(scope="session")
def browser_tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    """A tab of the one browser; whatever a page writes to the console is a fault, which the test looks at."""
    with chromium(tmp_path_factory.mktemp("profile")) as browser:
        yield browser.tab()


@pytest.fixture(scope="session")
def explorer(out: Path) -> Iterator[Explorer]:
    one = Explorer(out)
    yield one
    one.close()
