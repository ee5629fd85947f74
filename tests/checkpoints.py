"""The type of the fixture `make_checkpoint`, in a file whose name no other folder of tests has."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol


class MakeCheckpoint(Protocol):
    def __call__(
        self, folder: Path, *, seed: int = 0, tied: bool = True, layers: int = 2, kv_heads: int = 2, scale: float = 0.4
    ) -> Path: ...
