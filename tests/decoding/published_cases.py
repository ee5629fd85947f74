"""Decodes recorded from the authors' public code: where they are, and how ours are run on the same checkpoint and prompts.

The recordings are numbers only and do not belong to the repository: a folder `shared/official/decoders` in a parent folder of
the checkout. `python tests/decoding/published_cases.py` prints how many of them are equal, for each file.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from parallelbench.contracts.denoiser import Codec, Denoiser
from parallelbench.contracts.forward import ForwardBatch, ForwardOutput
from parallelbench.contracts.info import ModelInfo
from parallelbench.decoding import Engine, load_decoder
from parallelbench.models import load_model
from parallelbench.schema import Generation, Prompt, Sample, Turn

FOLDERS = [parent / "shared" / "official" / "decoders" for parent in Path(__file__).resolve().parents]
DATA = next((folder for folder in FOLDERS if folder.is_dir()), None)
STATE_FILES = ("clad", "dapd", "dawn", "sedd")


class Scaled(Denoiser):
    """A model with its logits multiplied by a factor, which is how the recordings were made."""

    def __init__(self, model: Denoiser, factor: float) -> None:
        self._model, self._factor = model, factor

    @property
    def info(self) -> ModelInfo:
        return self._model.info

    def codec_for(self, sample: Sample) -> Codec:
        return self._model.codec_for(sample)

    def forward(self, batch: ForwardBatch) -> ForwardOutput:
        found = self._model.forward(batch)
        shadow = None if found.shadow is None else found.shadow * self._factor
        return replace(found, logits=found.logits * self._factor, shadow=shadow)


@dataclass(frozen=True)
class Case:
    """One setting of one published decoder, and what its code did with each prompt."""

    file: str
    index: int
    record: dict[str, Any]
    prompts: list[list[int]]
    factor: float

    @property
    def width(self) -> int:
        """Tokens of the canvas."""
        return len(self.record["tokens"][0])

    def __str__(self) -> str:
        return f"{self.file}-{self.index}"


@cache
def read(file: str) -> dict[str, Any]:
    assert DATA is not None
    found: dict[str, Any] = json.loads((DATA / f"{file}.json").read_text(encoding="utf-8"))
    return found


def files() -> list[str]:
    """The recorded files, none where the folder is absent."""
    return sorted(path.stem for path in DATA.glob("*.json")) if DATA else []


def cases() -> Iterator[Case]:
    """Every recorded whole decode."""
    for file in files():
        content = read(file)
        for index, record in enumerate(content.get("cases", [])):
            if "tokens" in record:
                yield Case(file, index, record, content["prompts"], content["logit_factor"])


@cache
def checkpoint(factor: float) -> Denoiser:
    """The small checkpoint of the recordings, with its own ids in place of those that LLaDA's card publishes."""
    ids = "mask=511,pad=507,ends=[507,510]"
    return Scaled(load_model(f"path:{DATA}/llada_s,card=llada-8b-instruct,{ids}"), factor)


def decode(case: Case, spec: str) -> list[Generation]:
    """Decode the case's prompts with one of our decoders, in their order."""
    model = checkpoint(case.factor)
    masks = (model.info.mask_id,) * case.width
    prompts = [
        Prompt(Sample("recorded", 1, 0, index, (Turn("user", ""),), "", {}), tuple(ids), masks, "")
        for index, ids in enumerate(case.prompts)
    ]
    decoder = load_decoder(spec)
    done = Engine(model, len(prompts), model if "aux" in decoder.needs else None).generate(prompts, decoder)
    return sorted(done, key=lambda one: one.prompt.sample.index)


def forwards(generation: Generation, case: Case) -> int:
    """Forwards as the recording counts them: those of an auxiliary model are left out."""
    return sum(count for role, count in generation.ledger.nfe.items() if role != "aux")


def differing(case: Case, done: Sequence[Generation]) -> list[int]:
    """The prompts whose tokens or number of forwards differ from the recording."""
    pairs = zip(done, case.record["tokens"], case.record["nfe"], strict=True)
    return [at for at, (one, tokens, nfe) in enumerate(pairs) if list(one.token_ids) != tokens or forwards(one, case) != nfe]


def rates(specs: Mapping[str, Callable[[dict[str, Any]], str]]) -> Iterator[str]:
    """One line for each file: how many decodes have the recorded tokens, and how many the recorded forwards as well."""
    for file in files():
        mine = [case for case in cases() if case.file == file]
        equal, both, total = 0, 0, 0
        for case in mine:
            done = decode(case, specs.get(file, lambda record: str(record["ours"]))(case.record))
            equal += sum(list(one.token_ids) == tokens for one, tokens in zip(done, case.record["tokens"], strict=True))
            both += len(done) - len(differing(case, done))
            total += len(done)
        if mine:
            yield f"{file:14}{equal:5} of {total} in tokens, {both} in tokens and forwards"


if __name__ == "__main__":
    from published_table import SPECS

    for line in rates(SPECS):
        print(line, flush=True)
