"""The exact model with a real tokenizer: every right answer of a sample is written out and tokenised; end tokens follow it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from parallelbench.contracts.denoiser import Codec
from parallelbench.contracts.forward import Ints
from parallelbench.errors import UserError
from parallelbench.models.codec import PlainText, tokenizer_hash, vocabulary_size
from parallelbench.models.exact import Answers, Floats, Scheme, Special, content
from parallelbench.schema import MASK_ITEM, Sample, Turn
from parallelbench.theory import NoisyPosterior, law_of_sample

STRINGS = 20_000


class TokenScheme(Scheme):
    """The vocabulary of a tokenizer, followed by three added tokens: mask, end, padding."""

    def __init__(self, tokenizer: Tokenizer, epsilon: float) -> None:
        words = vocabulary_size(tokenizer)
        self.special = Special(mask=words, end=words + 1, pad=words + 2)
        self.size = words + 3
        self.tokenizer = tokenizer_hash(tokenizer)
        self.revision = "tokenizer-" + self.tokenizer
        self._codec = TokenCodec(tokenizer)
        self._epsilon = epsilon

    def codec(self, sample: Sample) -> Codec:
        return self._codec

    def key(self, sample: Sample) -> Any:
        return content(sample)

    def answers(self, sample: Sample, length: int) -> Answers:
        law = law_of_sample(str(sample.law), sample.facts)
        if law.support_size > STRINGS:
            raise UserError(
                f"{sample.id} has {law.support_size} right answers; with a tokenizer each is written out, at most {STRINGS}; "
                "use shorter lists, or omit the tokenizer: with one token for each item nothing is enumerated."
            )
        strings, probabilities = law.support()
        rows = [self._codec.encode(_fill(str(sample.frame), [law.alphabet[symbol] for symbol in string])) for string in strings]
        padded = [(row + [self.special.end] * length)[:length] for row in rows]
        return TokenAnswers(NoisyPosterior(padded, probabilities, self.size, self._epsilon), self.special.mask)


class TokenCodec(Codec):
    """Encodes and decodes with a tokenizer; the exact model reads no prompt, so prompts are not tokenised."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._text = PlainText(tokenizer)
        self._words = vocabulary_size(tokenizer)

    def encode_chat(self, turns: Sequence[Turn]) -> tuple[list[int], str]:
        return [], "\n\n".join(turn.text for turn in turns)

    def encode(self, text: str) -> list[int]:
        return self._text.encode(text)

    def decode(self, ids: Sequence[int]) -> str:
        return str(self._tokenizer.decode([token for token in ids if token < self._words], skip_special_tokens=False))


class TokenAnswers(Answers):
    """The posterior distribution over tokenised answers, given a canvas with noise (`NoisyPosterior`)."""

    def __init__(self, posterior: NoisyPosterior, mask: int) -> None:
        self._posterior = posterior
        self._mask = mask

    def marginals(self, canvases: Ints, row: Ints, column: Ints) -> tuple[Ints, Ints, Floats]:
        mass = self._posterior.mass(np.where(canvases == self._mask, -1, canvases))
        first = np.searchsorted(self._posterior.place, column, side="left")
        count = np.searchsorted(self._posterior.place, column, side="right") - first
        which = np.repeat(np.arange(len(column)), count)
        entry = np.arange(len(which)) - np.repeat(np.cumsum(count) - count, count) + np.repeat(first, count)
        return which, self._posterior.token[entry], mass[row[which], entry]


def _fill(frame: str, items: Sequence[str]) -> str:
    """Write items into the slots of a frame."""
    pieces = frame.split(MASK_ITEM)
    return pieces[0] + "".join(item + piece for item, piece in zip(items, pieces[1:], strict=True))
