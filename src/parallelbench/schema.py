"""The nouns: one frozen value for each arrow of the data's way. No logic.

Sample -> Prompt -> [ Model <-> Engine <-> Decoder ] -> Generation -> Score -> Record
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

BatchSize = int | Literal["auto"]
"""Samples in flight at once; "auto": as many as turn out to be fastest (`decoding.batch_size`)."""
Effect = Literal["faster", "slower", "unknown"]
MASK_ITEM = "[MASK]"


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of a conversation; `role` is "user" or "assistant"."""

    role: str
    text: str


@dataclass(frozen=True, slots=True)
class Sample:
    """One question of a task.

    `turns` holds the demonstrations, if any, and ends with the user's question. `facts` are the operands that metrics and
    laws read (`items`, `word`, `index`, `symbols`, ...). `answer` is one right answer. `frame` is the answer with its
    free slots written as `[MASK]`, or None where the task has no fixed format. `law` names the law of the right answers
    (`theory.law_of_sample`), or is None where they have none.
    """

    task: str
    version: int
    seed: int
    index: int
    turns: tuple[Turn, ...]
    answer: str
    facts: Mapping[str, Any]
    frame: str | None = None
    law: str | None = None

    @property
    def id(self) -> str:
        """The name of this sample in every record: task@version/seed/index."""
        return f"{self.task}@{self.version}/{self.seed}/{self.index}"


@dataclass(frozen=True, slots=True)
class Prompt:
    """A sample as a model reads it.

    `ids` are the prompt's tokens; `canvas` the tokens of the answer region at the start, with the mask id where a token is
    to be found and a fixed token where the frame gives it. `text` is what was tokenised, for people.
    """

    sample: Sample
    ids: tuple[int, ...]
    canvas: tuple[int, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Ledger:
    """What one sample's generation cost; written by the engine alone (DESIGN 3).

    `nfe` counts sequential forwards by role (denoise, verify, probe, aux, kv_store, refresh); `rows` row-forwards;
    `q_tokens` query tokens fed; `kv_tokens` the sum over query tokens of keys attended; `flops` the arithmetic they imply.
    `history` has one entry per forward: a list of (position, token, confidence, action), positions counted from the
    start of the canvas, action one of "commit", "remask", "edit"; it is empty where the decoder wrote nothing.
    `flags` names what a guard had to do ("capped": the rest was filled at the limit of forwards).
    """

    nfe: Mapping[str, int]
    rows: int
    q_tokens: int
    kv_tokens: int
    flops: float
    history: tuple[tuple[tuple[int, int, float | None, str], ...], ...]
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Generation:
    """What a model and a decoder made of one prompt. `token_ids` is the whole canvas; `seconds` is its share of wall time."""

    prompt: Prompt
    token_ids: tuple[int, ...]
    text: str
    content_tokens: int
    ledger: Ledger
    seconds: float


@dataclass(frozen=True, slots=True)
class DecoderFacts:
    """What a reader of results needs to know of a decoder; the decoder says it, so that no name is parsed to learn it.

    Attributes:
        family: the name under which it is registered, or file, class and hash of a user's own.
        label: its name in tables and figures.
        parameters: its own parameters and the common ones that differ from their defaults, resolved.
        speed: the parameters that set its speed, and what raising each does.
        variant: the other parameters that differ from their defaults: settings with the same label and variant form a curve.
        adaptive: whether the number of tokens that a forward commits depends on what the model says.
    """

    family: str
    label: str
    parameters: Mapping[str, Any]
    speed: Mapping[str, Effect]
    variant: Mapping[str, Any]
    adaptive: bool
