"""A model, a decoder, a task and a metric of one's own."""

import torch

from parallelbench.contracts.denoiser import Codec, Denoiser
from parallelbench.contracts.forward import ForwardOutput
from parallelbench.contracts.info import ModelInfo
from parallelbench.decoding.decoders.classic import TopK
from parallelbench.metrics import Metric
from parallelbench.tasks.base import Question, Task

MASK, END, PAD = 256, 257, 258


class Mirror(Denoiser):
    """Answers a word with its letters in reverse."""

    info = ModelInfo("mirror", "1", vocab_size=259, mask_id=MASK, end_ids=(END,), pad_id=PAD, context_length=4096)

    def codec_for(self, sample):
        return Bytes()

    def forward(self, batch):
        logits = torch.zeros(len(batch.rows), self.info.vocab_size)
        for at, (row, column) in enumerate(zip(batch.rows, batch.columns, strict=True)):
            word = batch.prompts[row].ids
            place = column - len(word)
            logits[at, word[-1 - place] if place < len(word) else END] = 9.0
        return ForwardOutput(logits)


def load(rest, device=None):
    """What `-m mirror` calls; `rest` are the options after the colon."""
    return Mirror()


class Bytes(Codec):
    """One token a byte."""

    def encode_chat(self, turns):
        return self.encode(turns[-1].text), turns[-1].text

    def encode(self, text):
        return list(text.encode())

    def decode(self, ids):
        return bytes(one for one in ids if one < 256).decode(errors="replace")


class EveryOther(TopK):
    """Even positions first."""

    family = "every_other"

    def score(self, signals, state):
        return -(signals.positions % 2) - signals.positions / 1e6


class Backwards(Task):
    """A word to be written backwards."""

    default_shots = 0
    name = property(lambda self: "backwards")
    metrics = property(lambda self: ("same_text",))

    def question(self, rng, index):
        word = "".join(rng.choice("abcdef") for _ in range(8))
        return Question(word, word[::-1], {"word": word})


SAME_TEXT = Metric("same_text", lambda sample, text: float(text.strip() == sample.answer))
