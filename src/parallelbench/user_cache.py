"""Files that only save time: they may be missing, damaged or impossible to write, and then are computed anew."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from platformdirs import user_cache_path

CACHE_VARIABLE = "PARALLELBENCH_CACHE_DIR"


def cache_path(name: str) -> Path:
    """The path of such a file: in the user's cache directory, or in the one that `PARALLELBENCH_CACHE_DIR` names."""
    chosen = os.environ.get(CACHE_VARIABLE)
    return (Path(chosen) if chosen else user_cache_path("parallelbench")) / name


def remember(path: Path, data: bytes) -> None:
    """Write such a file, whole or not at all; one that cannot be written only costs time."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(dir=path.parent, prefix=path.name)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            Path(draft).replace(path)
        finally:
            Path(draft).unlink(missing_ok=True)  # what a full disk left; a whole file has its name by now
    except OSError:
        return
