"""A generator: a model that decodes by itself. Prompts in, text out, and what it reports; unknown is None, not 0."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from parallelbench.schema import Ledger, Sample, Turn
from parallelbench.specs import render

FAMILY = "builtin"
"""The decoder family of every generator in results: the decoding algorithm is built into the generator."""


@dataclass(frozen=True, slots=True)
class GeneratorInfo:
    """What a generator declares about itself.

    Attributes:
        revision: distinguishes weights, or servers, of one name.
        settings: the options that can change an answer; `decoder` writes them where results name a decoder.
        max_tokens: the longest answer in tokens; None: the task's `max_new_tokens`.
        shots: the number of demonstrations that the model was trained with; None: what the task says.
        concurrency: the largest number of requests that are in flight at once.
    """

    name: str
    revision: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    max_tokens: int | None = None
    dtype: str = "unknown"
    device: str = "remote"
    template: str = "server"
    shots: int | None = None
    concurrency: int = 1 << 16

    @property
    def decoder(self) -> str:
        """The built-in decoding, written like the specification of a decoder: `builtin:temperature=0.0`."""
        return render(FAMILY, {key: value for key, value in self.settings.items() if value is not None})


@dataclass(frozen=True, slots=True)
class Request:
    """A sample to answer in at most `max_tokens` tokens."""

    sample: Sample
    max_tokens: int


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back for one sample; None wherever the generator does not say.

    Attributes:
        prompt: what was sent, as text.
        tokens: tokens made, the end token and hidden reasoning included; `content_tokens` those of the answer alone.
        steps: sequential forwards that it reports, or that follow from how it works (autoregressive: one a token).
        seconds: the last attempt, from the request to the end of the answer; for a batch its time divided by its rows.
        cost: in the currency of the prices in the options.
        attempts: requests that it took.
        finish: why it ended, in the generator's word ("stop", "length").
        usage: what it reported, as it came.
        ledger: the whole account, where the loop ran in this process; then `token_ids` and `pieces` (their texts) are known.
    """

    sample: Sample
    prompt: str
    text: str
    seconds: float
    prompt_tokens: int | None = None
    tokens: int | None = None
    content_tokens: int | None = None
    steps: int | None = None
    cost: float | None = None
    attempts: int = 1
    finish: str = ""
    usage: Mapping[str, Any] = field(default_factory=dict)
    token_ids: tuple[int, ...] = ()
    pieces: tuple[str, ...] = ()
    ledger: Ledger | None = None


class Generator(ABC):
    """A model that decodes by itself: it describes itself, shows its prompts, and answers requests."""

    @property
    @abstractmethod
    def info(self) -> GeneratorInfo:
        """What this generator is."""

    @abstractmethod
    def prompt(self, sample: Sample) -> str:
        """Return the prompt of a sample as text, for people and for the hash that guards a cell."""

    @abstractmethod
    def generate(self, requests: Iterable[Request], seed: int = 0, in_flight: int = 64) -> Iterator[Reply]:
        """Answer requests and yield each reply as it comes, in no particular order; every request gets one.

        Raises:
            UserError: it cannot go on; replies that were yielded are whole.
        """

    def details(self) -> dict[str, Any]:
        """What belongs into provenance beyond `info`. Never a key."""
        return {}


@dataclass(frozen=True, slots=True)
class TextLikelihood:
    """log p of a given text in nats, and whether greedy decoding would write it."""

    log_p: float
    greedy: bool


class LikelihoodGenerator(Generator):
    """A generator that also computes the probability of a given text."""

    @abstractmethod
    def likelihood(self, context: str | Sequence[Turn], continuation: str) -> TextLikelihood:
        """Return log p(continuation | context); a context of turns goes through the chat template, a text does not.

        Raises:
            UserError: the two are longer than the model's context.
        """


def shown_turns(sample: Sample) -> str:
    """The conversation as text, one paragraph a turn: what a server that has its own template is sent."""
    return "\n\n".join(f"{turn.role}: {turn.text}" for turn in sample.turns)
