"""A cell: everything that can change the answers of one model, task, decoder and seed; its id is a hash of that."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from parallelbench.schema import CacheKind

ID_LENGTH = 16
ABSENT = (("cache", "none"), ("aux", None))
"""What a cell may do without; a cell that does has the id that it had before there was such a thing."""


@dataclass(frozen=True, slots=True)
class Cell:
    """The identity of a cell. The limit, the batch size and the device are not in it: they change no answer."""

    suite: str
    task: str
    task_version: int
    task_options: Mapping[str, Any]
    fingerprint: str
    model: str
    revision: str
    dtype: str
    template: str
    decoder: str
    canvas_length: int
    shots: int
    seed: int
    cache: CacheKind = "none"
    aux: str | None = None

    @property
    def id(self) -> str:
        """The first 16 hexadecimal digits of the SHA-256 of this identity in canonical JSON, without what is `ABSENT`."""
        return short_hash({key: value for key, value in asdict(self).items() if (key, value) not in ABSENT})


def run_identity(cell_ids: Sequence[str]) -> str:
    """Return the name of a set of cells, whatever their order."""
    return short_hash(sorted(cell_ids))


def short_hash(value: Any) -> str:
    """Hash a value through its canonical JSON (sorted keys, no spaces, ASCII)."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:ID_LENGTH]
