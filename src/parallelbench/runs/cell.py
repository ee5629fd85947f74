"""A cell: one model on one task with one decoder and one seed. Its id is a hash of everything that can change an answer."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

from parallelbench.schema import DecoderFacts

ID_LENGTH = 16
IDENTITY = (
    "suite", "task", "task_version", "task_options", "fingerprint", "model", "revision", "dtype", "template", "decoder",
    "canvas_length", "shots", "seed", "cache", "aux",
)  # fmt: skip
"""The fields that are hashed into a cell's id. The limit, the batch size and the device change no answer and are no fields."""
OPTIONAL = (("cache", "none"), ("aux", None))
"""Values that are left out of the hash."""


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What a reader of results needs to know of a model beyond its identity.

    Attributes:
        spec: the model as the user names it, for example `path:runs/mine`.
        exact: whether its distributions are computed from the law of the right answers, so that every error is the decoder's.
        tokenizer: the hash of its tokenizer, by which the exact model of the same tokens is found; empty where it is unknown
            or a token is an item.
        layout: how its architecture is published; empty where it is unknown.
        path: the folder of its weights; empty where there is none.
        aux: the name of the auxiliary model; empty where there is none.
    """

    spec: str
    exact: bool = False
    tokenizer: str = ""
    layout: str = ""
    path: str = ""
    aux: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """The identity of a cell (`IDENTITY`), and what a reader must know of it besides.

    Attributes:
        decoder: the decoder fully resolved, in the form that `-d` reads.
        canvas_length: tokens of the answer region.
        cache, aux: what keys and values are kept between forwards, and the auxiliary model (name@revision,dtype).
        task_spec: the task as the user would write it.
        metrics: the names of its scores, the headline one first.
        approximate: whether the cache changes what the model sees.
        decoder_facts, model_facts: what tables and figures say of decoder and model.
    """

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
    cache: str = "none"
    aux: str | None = None
    task_spec: str
    metrics: Annotated[tuple[str, ...], Field(min_length=1)]
    approximate: bool = False
    decoder_facts: DecoderFacts
    model_facts: ModelFacts

    @property
    def id(self) -> str:
        """The first 16 hexadecimal digits of the SHA-256 of the identity in canonical JSON, without what is `OPTIONAL`."""
        identity = {key: getattr(self, key) for key in IDENTITY}
        return short_hash({key: value for key, value in identity.items() if (key, value) not in OPTIONAL})

    @property
    def sample_prefix(self) -> str:
        """What the names of its samples (`Sample.id`) begin with; the index follows."""
        return f"{self.task}@{self.task_version}/{self.seed}/"


def run_identity(cell_ids: Sequence[str]) -> str:
    """Return the name of a set of cells, whatever their order."""
    return short_hash(sorted(cell_ids))


def short_hash(value: Any) -> str:
    """Hash a value through its canonical JSON (sorted keys, no spaces, ASCII)."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:ID_LENGTH]
