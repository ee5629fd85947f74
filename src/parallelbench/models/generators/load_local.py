"""`ar:ORG/NAME[@REVISION]`, `ar:path=DIR`, `tiny-ar` and `vllm:ORG/NAME`: models on this machine. No remote code is run."""

from __future__ import annotations

import sys
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from pydantic import Field
from transformers import AutoModelForCausalLM

from parallelbench.contracts.denoiser import Codec
from parallelbench.contracts.generator import Generator, GeneratorInfo
from parallelbench.contracts.handle import GeneratorHandle
from parallelbench.errors import MissingExtra, UnknownName, UserError
from parallelbench.models.cards import CARDS
from parallelbench.models.codec import ChatCodec, special_id, vocabulary_size
from parallelbench.models.digests import revision
from parallelbench.models.generators.autoregressive import Autoregressive, Special
from parallelbench.models.generators.local_folder import (
    LocalFolder,
    end_ids,
    find_folder,
    load_weights,
    read_config,
    template_codec,
)
from parallelbench.models.generators.options import split_name
from parallelbench.models.generators.weights import read_weights
from parallelbench.models.tokenizer_files import read_tokenizer
from parallelbench.specs import Options, build

TINY_AR = Path(str(files("parallelbench.models").joinpath("tiny_ar")))


class LocalOptions(Options):
    """Common to models that run here."""

    dtype: Literal["float32", "bfloat16"] = Field("float32", description="precision of weights and activations")
    temperature: float = Field(0.0, ge=0, le=10, description="0 takes the most probable token")
    top_p: float = Field(1.0, gt=0, le=1, description="nucleus that tokens are drawn from")
    max_tokens: int | None = Field(1024, ge=1, description="tokens of an answer at most; null: the task's")


class AutoregressiveOptions(LocalOptions):
    """`ar:ORG/NAME` or `ar:path=DIR`."""

    path: Path | None = Field(None, description="a checkpoint folder in place of a name on the hub")
    card: str | None = Field(None, description="read prompts as this model card says (tiny) and not by the chat template")
    thoughts: bool | None = Field(None, description="false: prompt for an answer without thoughts; null: the model's way")


class VllmOptions(LocalOptions):
    """`vllm:ORG/NAME` or `vllm:path=DIR`."""

    dtype: Literal["float32", "bfloat16"] = Field("bfloat16", description="precision of weights and activations")
    path: Path | None = Field(None, description="a checkpoint folder in place of a name on the hub")
    memory: float = Field(0.9, gt=0, le=1, description="fraction of the GPU's memory that vLLM may take")
    thoughts: bool | None = Field(None, description="false: prompt for an answer without thoughts; null: the model's way")


def describe_autoregressive(rest: str, device: str | None = None) -> GeneratorHandle:
    """Describe a causal language model of the hub's cache, the hub or a folder.

    Raises:
        UserError: it cannot be found, or needs code of its own.
    """
    name, _, given = split_name(rest, "ar")
    options = build(AutoregressiveOptions, "model 'ar'", given)
    return _describe(find_folder(name, options.path, "ar"), options, device or "cpu")


def describe_tiny_ar(rest: str, device: str | None = None) -> GeneratorHandle:
    """Describe the shipped model's autoregressive sibling.

    Raises:
        UserError: its weights are not in the package.
    """
    if not (TINY_AR / "config.json").is_file():
        raise UserError(
            "the weights of tiny-ar are not in this package; make them with 'parallelbench train tiny-ar -o DIR' and run "
            "-m ar:path=DIR,card=tiny,max_tokens=null."
        )
    given = {"card": "tiny", "max_tokens": None, **split_name(f",{rest}" if rest else "", "tiny-ar")[2]}
    options = build(AutoregressiveOptions, "model 'tiny-ar'", given)
    return _describe(LocalFolder("tiny-ar", TINY_AR), options, device or "cpu")


def describe_vllm(rest: str, device: str | None = None) -> GeneratorHandle:
    """Describe a model in vLLM's offline engine, which chooses its GPUs itself.

    Raises:
        UserError: vLLM is not installed, or the model cannot be found.
    """
    if find_spec("vllm") is None:
        raise MissingExtra("a vllm model", "vllm")
    name, _, given = split_name(rest, "vllm")
    options = build(VllmOptions, "model 'vllm'", given)
    found = find_folder(name, options.path, "vllm")
    read_config(found.folder)
    codec = template_codec(found.folder, options.thoughts)
    info = _info(found, options, "cuda", codec.template)

    def load() -> Generator:
        from parallelbench.models.generators.vllm_engine import VllmEngine

        return VllmEngine(found.weights(), codec, info, options.memory)

    return GeneratorHandle(info, load)


def _describe(found: LocalFolder, options: AutoregressiveOptions, device: str) -> GeneratorHandle:
    if options.card is not None and options.card not in CARDS:
        raise UnknownName("model card", options.card, CARDS)
    config = read_config(found.folder)
    codec, special, template, shots = _language(found.folder, options)
    info = _info(found, options, device, template, shots)
    context = int(getattr(config, "max_position_embeddings", None) or sys.maxsize)

    def load() -> Generator:
        folder = found.weights()
        model = load_weights(
            lambda: read_weights(AutoModelForCausalLM, folder, options.dtype),
            folder,
            lambda reason: (
                f"{folder} ({config.model_type}) is no causal model that transformers has classes for ({reason}); "
                "remote code is not run, so use another model."
            ),
        )
        return Autoregressive(model.to(device).eval(), codec, special, info, context)

    return GeneratorHandle(info, load)


def _info(
    found: LocalFolder, options: AutoregressiveOptions | VllmOptions, device: str, template: str, shots: int | None = None
) -> GeneratorInfo:
    drawn = {"top_p": options.top_p} if options.temperature else {}
    thoughts = {} if options.thoughts is None else {"thoughts": options.thoughts}
    return GeneratorInfo(
        name=found.name,
        revision=revision(found.folder),
        settings={"temperature": options.temperature, **drawn, **thoughts},
        max_tokens=options.max_tokens,
        dtype=options.dtype,
        device=device,
        template=template,
        shots=shots,
    )


def _language(folder: Path, options: AutoregressiveOptions) -> tuple[Codec, Special, str, int | None]:
    """The codec, the special ids, the template's name and the demonstrations that the model was trained with."""
    if options.card is not None:
        if options.thoughts is not None:
            raise UserError("a model card has no thoughts to leave out; write thoughts=... without card=...")
        tokenizer, known = read_tokenizer(folder), CARDS[options.card]
        ends = tuple(special_id(tokenizer, end, known) for end in known.ends)
        special = Special(ends, special_id(tokenizer, known.pad, known), vocabulary_size(tokenizer))
        return ChatCodec(tokenizer, known), special, known.template, known.shots
    codec = template_codec(folder, options.thoughts)
    ends = codec.ends(end_ids(folder))
    return codec, Special(ends, codec.pad(ends), codec.vocabulary), codec.template, None
