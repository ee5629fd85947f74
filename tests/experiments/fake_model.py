"""A denoiser for tests: it knows the answer, and where many masks are left its least confident tokens are wrong.

`fake`, `fake:delay=0.01` (seconds a forward), `fake:errors=0.5` (share of wrong tokens with everything masked). Run as a
script it is the command line with this model in the registry.
"""

from __future__ import annotations

import re
import string
import sys
import time
from collections.abc import Sequence

import numpy as np
import torch

from parallelbench.contracts.denoiser import Codec, Denoiser
from parallelbench.contracts.forward import ForwardBatch, ForwardOutput
from parallelbench.contracts.info import ModelInfo
from parallelbench.models import MODELS
from parallelbench.registry import Entry
from parallelbench.rng import Draws
from parallelbench.schema import Sample, Turn
from parallelbench.specs import Options, build, parse_options
from parallelbench.tasks.lists import names

SPECIAL = ("<mask>", "<end>", "<pad>")
PIECES = (*SPECIAL, *sorted({*names()[0], *names()[1]}), '["', '", "', '"]', *sorted(string.printable))


class FakeOptions(Options):
    delay: float = 0.0
    errors: float = 0.3
    revision: str = "1"


class FakeCodec(Codec):
    """Names, list punctuation and single characters; other characters become `?`."""

    ids = {piece: number for number, piece in enumerate(PIECES)}
    pattern = re.compile("|".join(re.escape(piece) for piece in sorted(PIECES[3:], key=len, reverse=True)), re.DOTALL)

    def encode_chat(self, turns: Sequence[Turn]) -> tuple[list[int], str]:
        text = "\n".join(f"{turn.role}: {turn.text}" for turn in turns) + "\nassistant: "
        return self.encode(text), text

    def encode(self, text: str) -> list[int]:
        plain = text.encode("ascii", "replace").decode()
        return [self.ids[piece] for piece in self.pattern.findall(plain)]

    def decode(self, ids: Sequence[int]) -> str:
        return "".join(PIECES[i] for i in ids)


class FakeDenoiser(Denoiser):
    """Logits follow from the row and the sample alone, so batch and order change nothing."""

    def __init__(self, options: FakeOptions) -> None:
        self.options = options
        self.codec = FakeCodec()
        self.forwards = 0

    @property
    def info(self) -> ModelInfo:
        return ModelInfo("fake", self.options.revision, len(PIECES), 0, (1,), 2, 4096, shots=0)

    def codec_for(self, sample: Sample) -> Codec:
        return self.codec

    def forward(self, batch: ForwardBatch) -> ForwardOutput:
        time.sleep(self.options.delay)
        self.forwards += 1
        logits = np.zeros((len(batch.rows), len(PIECES)), dtype=np.float32)
        for at, (row, column) in enumerate(zip(batch.rows, batch.columns, strict=True)):
            prompt = batch.prompts[row]
            position = int(column) - len(prompt.ids)
            masked = float((batch.ids[row, len(prompt.ids) : batch.lengths[row]] == 0).mean())
            draw = Draws("fake", prompt.sample.id).uniform(int(1000 * masked), [position])[0]
            answer = [*self.codec.encode(prompt.sample.answer), *[1] * len(prompt.canvas)]
            hard = self.options.errors * (1.0 if "shuffle" in prompt.sample.task else 0.1)
            wrong = draw > 1 - hard * masked and answer[position] != 1
            logits[at, 3 + int(draw * 997) % 50 if wrong else answer[position]] = 9.0 - 5.0 * draw * masked
        return ForwardOutput(torch.from_numpy(logits))


def load(rest: str, device: str | None = None) -> FakeDenoiser:
    return FakeDenoiser(build(FakeOptions, "model 'fake'", parse_options(rest, rest) if rest else {}))


MODELS.register("fake", Entry(f"{__name__ if __name__ != '__main__' else 'fake_model'}:load", "for tests"))

if __name__ == "__main__":
    from parallelbench.cli import main

    sys.exit(main())
