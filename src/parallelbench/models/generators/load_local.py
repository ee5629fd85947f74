"""From `ar:ORG/NAME`, `ar:path=DIR`, `tiny-ar` and `vllm:ORG/NAME` to a model on this machine. No remote code is run."""

from __future__ import annotations

import sys
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from pydantic import Field
from safetensors import SafetensorError
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel

from parallelbench.contracts.denoiser import Codec
from parallelbench.contracts.generator import Generator, GeneratorInfo
from parallelbench.errors import MissingExtra, UnknownName, UserError, first_line
from parallelbench.models.cards import CARDS
from parallelbench.models.codec import ChatCodec, special_id, vocabulary_size
from parallelbench.models.digests import revision
from parallelbench.models.generators.autoregressive import Autoregressive, Special
from parallelbench.models.generators.options import split_name
from parallelbench.models.generators.template_codec import TemplateCodec
from parallelbench.models.generators.weights import read_weights
from parallelbench.models.headers import tensor_files
from parallelbench.models.hub import fetch
from parallelbench.models.json_files import read_json
from parallelbench.models.tokenizer_files import read_tokenizer
from parallelbench.specs import Options, build

FILES = ["*.safetensors", "*.json", "*.jinja"]
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


def load_autoregressive(rest: str, device: str | None = None) -> Autoregressive:
    """Load a causal language model from the hub's cache, the hub or a folder.

    Raises:
        UserError: it cannot be found, or needs code of its own.
    """
    name, _, given = split_name(rest, "ar")
    options = build(AutoregressiveOptions, "model 'ar'", given)
    if options.path is not None and not options.path.expanduser().is_dir():
        raise UserError(
            f"there is no checkpoint folder '{options.path}'; write ar:path=DIR with the one that holds config.json."
        )
    if options.path is None and not name:
        raise UserError("an autoregressive model has a name or a folder; write ar:ORG/NAME or ar:path=DIR.")
    folder = fetch(name, FILES) if options.path is None else options.path.expanduser()
    return _load(folder, name or folder.resolve().name, options, device or "cpu")


def load_tiny_ar(rest: str, device: str | None = None) -> Autoregressive:
    """Load the shipped model's autoregressive sibling.

    Raises:
        UserError: its weights are not in the package.
    """
    if not (TINY_AR / "config.json").is_file():
        raise UserError(
            "the weights of tiny-ar are not in this package; make them with 'parallelbench train tiny-ar -o DIR' and run "
            "-m ar:path=DIR,card=tiny,max_tokens=null."
        )
    given = {"card": "tiny", "max_tokens": None, **split_name(f",{rest}" if rest else "", "tiny-ar")[2]}
    return _load(TINY_AR, "tiny-ar", build(AutoregressiveOptions, "model 'tiny-ar'", given), device or "cpu")


def load_vllm(rest: str, device: str | None = None) -> Generator:
    """Load a model into vLLM's offline engine; it chooses its GPUs itself.

    Raises:
        UserError: vLLM is not installed, or the model has no name.
    """
    if find_spec("vllm") is None:
        raise MissingExtra("a vllm model", "vllm")
    from parallelbench.models.generators.vllm_engine import VllmEngine

    name, _, given = split_name(rest, "vllm")
    options = build(VllmOptions, "model 'vllm'", given)
    if options.path is None and not name:
        raise UserError("a vLLM model has a name or a folder; write vllm:ORG/NAME or vllm:path=DIR.")
    folder = fetch(name, FILES) if options.path is None else options.path.expanduser()
    codec = template_codec(folder, options.thoughts)
    info = info_of(folder, name or folder.name, options, "cuda", codec.template, thoughts=options.thoughts)
    return VllmEngine(folder, codec, info, options.memory)


def info_of(
    folder: Path,
    name: str,
    options: LocalOptions,
    device: str,
    template: str,
    shots: int | None = None,
    thoughts: bool | None = None,
) -> GeneratorInfo:
    """What a model in a folder declares."""
    check_tokenizer(folder)
    drawn = {"top_p": options.top_p} if options.temperature else {}
    return GeneratorInfo(
        name=name,
        revision=revision(folder),
        settings={"temperature": options.temperature, **drawn, **({} if thoughts is None else {"thoughts": thoughts})},
        max_tokens=options.max_tokens,
        dtype=options.dtype,
        device=device,
        template=template,
        shots=shots,
    )


def _load(folder: Path, name: str, options: AutoregressiveOptions, device: str) -> Autoregressive:
    if options.card is not None and options.card not in CARDS:
        raise UnknownName("model card", options.card, CARDS)
    tensor_files(folder)
    check_tokenizer(folder)
    model = _weights(folder, options.dtype).to(device).eval()
    codec, special, template, shots = _language(folder, model, options)
    info = info_of(folder, name, options, device, template, shots, options.thoughts)
    return Autoregressive(
        model, codec, special, info, int(getattr(model.config, "max_position_embeddings", None) or sys.maxsize)
    )


def _weights(folder: Path, dtype: str) -> PreTrainedModel:
    described = read_json(folder / "config.json")
    try:
        return read_weights(AutoModelForCausalLM, folder, dtype)
    except (ValueError, KeyError, OSError, RuntimeError, SafetensorError) as error:
        kind = described.get("model_type", "unknown")
        raise UserError(
            f"{folder} ({kind}) is no causal model that transformers has classes for ({first_line(error)}); "
            "remote code is not run, so use another model."
        ) from error


def check_tokenizer(folder: Path) -> None:
    """Refuse a folder without a tokenizer.json.

    Raises:
        UserError: it has none.
    """
    if not (folder / "tokenizer.json").is_file():
        raise UserError(f"{folder} holds no tokenizer.json; convert its tokenizer with transformers and save it there.")


def template_codec(folder: Path, thoughts: bool | None = None) -> TemplateCodec:
    """The tokenizer of a checkpoint with its own chat template, without remote code.

    Raises:
        UserError: it cannot be read, or needs code of its own.
    """
    read_tokenizer(folder)  # says what is wrong with a tokenizer.json; transformers does not always
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    except (ValueError, KeyError, OSError, TypeError, AttributeError, RecursionError) as error:
        raise UserError(
            f"the tokenizer in {folder} cannot be read ({first_line(error)}); copy it again, or convert it to a "
            "plain tokenizer.json: remote code is not run."
        ) from error
    return TemplateCodec(tokenizer, str(folder), thoughts)


def _language(folder: Path, model: PreTrainedModel, options: AutoregressiveOptions) -> tuple[Codec, Special, str, int | None]:
    """The codec, the special ids, the template's name and the demonstrations that the model was made for."""
    if options.card is not None:
        if options.thoughts is not None:
            raise UserError("a model card has no thoughts to leave out; write thoughts=... without card=...")
        tokenizer, known = read_tokenizer(folder), CARDS[options.card]
        ends = tuple(special_id(tokenizer, end, known) for end in known.ends)
        special = Special(ends, special_id(tokenizer, known.pad, known), vocabulary_size(tokenizer))
        return ChatCodec(tokenizer, known), special, known.template, known.shots
    codec = template_codec(folder, options.thoughts)
    ends = codec.ends(model.generation_config)
    return codec, Special(ends, codec.pad(ends), codec.vocabulary), codec.template, None
