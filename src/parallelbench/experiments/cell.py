"""A cell: everything that can change the answers of one model, task, decoder and seed; its id is a hash of that."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from parallelbench.decoding import Decoder
from parallelbench.models.base import CacheKind, ModelInfo
from parallelbench.models.generator import GeneratorInfo
from parallelbench.tasks import Task

ID_LENGTH = 16
ELSEWHERE = frozenset({"samples", "shots", "max_new_tokens", "source", "origin"})
"""Options of a task that change no sample (samples), are named apart (shots, max_new_tokens), or are files (`fingerprint`)."""
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


def make_cell(
    info: ModelInfo, task: Task, decoder: Decoder, seed: int, cache: CacheKind = "none", aux: ModelInfo | None = None
) -> Cell:
    """Name the cell of a model, a task, a decoder and a seed; an auxiliary model counts where the decoder asks one."""
    beside = f"{aux.name}@{aux.revision},{aux.dtype}" if aux is not None and "aux" in decoder.needs else None
    return replace(_cell(info, task, decoder.spec, task.max_new_tokens, seed), cache=cache, aux=beside)


def make_own_cell(info: GeneratorInfo, task: Task, seed: int) -> Cell:
    """Name the cell of a generator, which decodes in its own way."""
    return _cell(info, task, info.own, info.max_tokens or task.max_new_tokens, seed)


def _cell(info: ModelInfo | GeneratorInfo, task: Task, decoder: str, canvas_length: int, seed: int) -> Cell:
    return Cell(
        suite=task.suite,
        task=task.name,
        task_version=task.version,
        task_options=task.model_dump(mode="json", exclude=set(ELSEWHERE)),
        fingerprint=task.fingerprint,
        model=info.name,
        revision=info.revision,
        dtype=info.dtype,
        template=info.template,
        decoder=decoder,
        canvas_length=canvas_length,
        shots=task.shots_shown(info.shots),
        seed=seed,
    )


def run_identity(cell_ids: Sequence[str]) -> str:
    """Return the name of a set of cells, whatever their order."""
    return short_hash(sorted(cell_ids))


def short_hash(value: Any) -> str:
    """Hash a value through its canonical JSON (sorted keys, no spaces, ASCII)."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:ID_LENGTH]
