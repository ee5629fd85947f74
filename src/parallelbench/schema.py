"""The frozen data classes that the packages exchange, without logic. In the order in which data flows:

Sample -> Prompt -> [ Model <-> Engine <-> Decoder ] -> Generation -> Score -> Record
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

BatchSize = int | Literal["auto"]
"""The number of samples that are decoded at once; "auto" finds the fastest number (`decoding.batch_size`)."""
Effect = Literal["faster", "slower", "unknown"]
MASK_ITEM = "[MASK]"
FIXED_SUITES = frozenset({"official", "hf", "standard", "questions"})
"""The suites with samples from data files: a sample is the same under every seed, which decides their order alone."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of a conversation; `role` is "user", "assistant", or, in a first turn, "system"."""

    role: str
    text: str


@dataclass(frozen=True, slots=True)
class Sample:
    """One question of a task, with what is needed to score an answer.

    Attributes:
        task, version, seed, index: which sample of which version of which task this is.
        turns: the system prompt and the demonstrations, if any, and at the end the user's question.
        answer: one right answer.
        facts: the operands that metrics and laws need (`items`, `word`, `index`, `symbols`, ...).
        frame: the answer with `[MASK]` in its free slots; None where the task has no fixed answer format.
        law: the name of the distribution of the right answers (`theory.law_of_sample`); None where none is defined.
        marker: what precedes the answer in a text that begins with steps of thought; empty where the whole text is the answer.
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
    marker: str = ""

    @property
    def id(self) -> str:
        """The identifier of this sample in records: task@version/seed/index."""
        return f"{self.task}@{self.version}/{self.seed}/{self.index}"


@dataclass(frozen=True, slots=True)
class Prompt:
    """A sample, encoded for a model.

    Attributes:
        ids: the token ids of the prompt.
        canvas: the initial token ids of the answer region: the mask id where a token is to be decoded, and otherwise the fixed
            token of the frame.
        text: the text that was tokenised, for display.
    """

    sample: Sample
    ids: tuple[int, ...]
    canvas: tuple[int, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Ledger:
    """The cost of decoding one sample. Only the engine writes it.

    Attributes:
        nfe: the number of sequential forwards by role (denoise, verify, probe, aux, kv_store, refresh).
        rows: the number of batch rows of this sample, summed over its forwards; branches and probes are rows too.
        q_tokens: the number of query tokens, summed over rows.
        kv_tokens: the number of keys attended to, summed over query tokens.
        flops: the floating point operations of these forwards, computed from the counts.
        history: for each forward a tuple of (position, token, confidence, action), with positions counted from the start of the
            canvas and the action "commit", "remask" or "edit"; empty for a forward after which the decoder wrote nothing.
        flags: exceptional events, for example "capped": the limit of forwards was reached and all remaining masks were filled.
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
    """The result of decoding one prompt.

    Attributes:
        prompt: the prompt.
        token_ids: the final canvas.
        text: the decoded answer.
        content_tokens: the number of tokens before the end of the answer.
        ledger: the costs.
        seconds: the wall time of each step divided by the number of samples in the batch, summed over the sample's steps.
    """

    prompt: Prompt
    token_ids: tuple[int, ...]
    text: str
    content_tokens: int
    ledger: Ledger
    seconds: float


@dataclass(frozen=True, slots=True)
class DecoderFacts:
    """A description of a decoder for the analysis of results, so that nothing has to be parsed from its name.

    Attributes:
        family: the name under which it is registered; for a user's decoder, its file, class and hash.
        label: its name in tables and figures.
        parameters: all parameters that only this decoder has, and the common ones that differ from their defaults.
        speed: the parameters that set its speed, and whether a higher value makes it faster or slower, where that is known.
        variant: the other parameters that differ from their defaults. Settings with equal label and variant form one curve.
        adaptive: whether the number of tokens that a forward commits depends on the model's output.
        defaults: the default values that a short name leaves out: of all parameters but the first of `speed`.
    """

    family: str
    label: str
    parameters: Mapping[str, Any]
    speed: Mapping[str, Effect]
    variant: Mapping[str, Any]
    adaptive: bool
    defaults: Mapping[str, Any] = field(default_factory=dict)
