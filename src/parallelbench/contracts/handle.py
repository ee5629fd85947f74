"""A model that is described and not yet loaded: whatever a plan needs to know, and a function that loads the weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from parallelbench.contracts.denoiser import Codec, Denoiser
from parallelbench.contracts.generator import Generator, GeneratorInfo
from parallelbench.contracts.info import ModelInfo
from parallelbench.schema import Sample


@dataclass(frozen=True, slots=True)
class DenoiserHandle:
    """A denoiser before its weights are loaded.

    Attributes:
        info: what the model is, read from its configuration, its tokenizer and the headers of its tensor files.
        load: loads the weights and returns the model; each call loads anew, so whoever calls it keeps the result
            (`experiments.model_pool` does).
        codec_for: the codec in which a sample is encoded and answers are decoded.
        vocabulary: the texts of the tokens and their ids; empty where they differ from sample to sample.
        notes: sentences that a user should read before the model runs, for example that an adapter in the folder is not
            applied.
        folder: where the files of its checkpoint are; None for a model that is no checkpoint.
    """

    info: ModelInfo
    load: Callable[[], Denoiser]
    codec_for: Callable[[Sample], Codec]
    vocabulary: Callable[[], Mapping[str, int]]
    notes: tuple[str, ...] = ()
    folder: Path | None = None


@dataclass(frozen=True, slots=True)
class GeneratorHandle:
    """A generator before its weights are loaded or its server is called; attributes as those of `DenoiserHandle`."""

    info: GeneratorInfo
    load: Callable[[], Generator]
    notes: tuple[str, ...] = ()


ModelHandle = DenoiserHandle | GeneratorHandle


def handle_of(model: Denoiser | Generator) -> ModelHandle:
    """Return the handle of a model that is already loaded."""
    if isinstance(model, Generator):
        return GeneratorHandle(model.info, lambda: model)
    return DenoiserHandle(model.info, lambda: model, model.codec_for, model.vocabulary)
