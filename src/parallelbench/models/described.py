"""A checkpoint folder as it is known before its weights are read: card, tokenizer, settings, tensor headers and `ModelInfo`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from parallelbench.contracts.info import Capability, ModelInfo
from parallelbench.errors import UserError
from parallelbench.models.adapter_files import Adapter
from parallelbench.models.cards import Card
from parallelbench.models.codec import special_id, tokenizer_hash, vocabulary_size
from parallelbench.models.configs import Settings, read_settings
from parallelbench.models.digests import revision
from parallelbench.models.headers import BYTES, TensorHeader, adapters, read_headers
from parallelbench.models.json_files import read_json
from parallelbench.models.layouts import rename
from parallelbench.models.model_options import LoadOptions

TUNED_FIELD = "parallelbench_tuned"
"""Where the config.json of a model that was fine-tuned here names the tasks."""
HEAD, EMBEDDING = "lm_head.weight", "model.embed_tokens.weight"
LAYER = re.compile(r"model\.layers\.(\d+)\.")
STORED_ANGLES = "rotary_emb.inv_freq"
"""The end of the name of a buffer that some versions of transformers stored; it follows from the settings."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a checkpoint is and how it was named.

    `path` is the folder where it was named by its path; `headers` are those of a repository on the hub that has not been
    downloaded.
    """

    folder: Path
    options: LoadOptions
    device: str = "cpu"
    path: str = ""
    headers: Mapping[str, TensorHeader] | None = None

    @property
    def dtype(self) -> str:
        """The precision of weights and activations."""
        return self.options.dtype or "float32"

    def tensor_headers(self) -> Mapping[str, TensorHeader]:
        """The headers of all tensors.

        Raises:
            UserError: a file is damaged, or a tensor is no plain floating-point number.
        """
        headers = read_headers(self.folder) if self.headers is None else self.headers
        check_types(headers)
        return headers

    def revision(self, tokenizer: Tokenizer) -> str:
        """The revision of the files, and behind it what else can change an answer and is in no other field of a cell."""
        files = revision(self.folder) if self.headers is None else self.folder.name[:12]
        other = f",tokenizer={tokenizer_hash(tokenizer)}" if self.options.tokenizer is not None else ""
        return files + self.options.suffix() + other


@dataclass(frozen=True, slots=True)
class Described:
    """A checkpoint of a native class before its weights are read; `headers` are under the published names of the tensors."""

    source: Source
    card: Card
    tokenizer: Tokenizer
    settings: Settings
    headers: Mapping[str, TensorHeader]
    info: ModelInfo
    adapter: Adapter | None = None


def describe_checkpoint(source: Source, card: Card, tokenizer: Tokenizer) -> Described:
    """Read config.json and the tensor headers of a folder, and compare them with each other, the card and the tokenizer.

    Raises:
        UserError: a file is missing or damaged, a setting is not computed here, sizes differ, or a special token does not have
            the id that the card says.
    """
    folder = source.folder
    path = folder / "config.json"
    published = read_json(path)
    headers = source.tensor_headers()
    native = {rename(name, card.layout.renames): header for name, header in headers.items()}
    settings = read_settings(published, card.architecture, path, source.options.ignore, tied=HEAD not in native)
    _check_sizes(settings, native, path)
    words = vocabulary_size(tokenizer)
    if words > settings.vocab_size:
        raise UserError(
            f"{folder / 'tokenizer.json'} has {words} ids, but the embedding only {settings.vocab_size}; "
            "copy tokenizer and weights of the same model."
        )
    block = (source.options.block or settings.block or card.block) if card.attention == "block_causal" else None
    head = native.get(HEAD, native.get(EMBEDDING))
    info = ModelInfo(
        name=card.name, revision=source.revision(tokenizer), vocab_size=words,
        mask_id=special_id(tokenizer, card.mask, card), pad_id=special_id(tokenizer, card.pad, card),
        end_ids=tuple(special_id(tokenizer, end, card) for end in card.ends), context_length=settings.max_position_embeddings,
        dtype=source.dtype, device=source.device, shift=card.shift, attention=card.attention, block=block, shots=card.shots,
        template=card.template, licence=card.licence, offers=card.offers | offers(card),
        total_params=sum(header.count for header in headers.values()),
        active_params=_active(settings, native, card),
        head_params=0 if head is None else head.count, hidden_size=settings.hidden_size, layers=settings.num_hidden_layers,
        tokenizer=tokenizer_hash(tokenizer), card=card.key, layout=card.architecture, path=source.path,
        reads=source.options.read, tuned=tuned(published),
    )  # fmt: skip
    _check_mask(published, info, card, path, source.options)
    return Described(source, card, tokenizer, settings, headers, info)


def tuned(published: Mapping[str, Any]) -> str:
    """The tasks that our training fine-tuned the whole model on, as its config.json says."""
    tasks = published.get(TUNED_FIELD)
    return ", ".join(map(str, tasks))[:400] if isinstance(tasks, list) else ""


def offers(card: Card) -> frozenset[Capability]:
    """What every model on a native class can do.

    A shadow mask needs the model's output at its own position to be the prediction for that position, and attention to what
    follows: so neither shifted logits nor causal attention.
    """
    if card.shift == 0 and card.attention != "causal":
        return frozenset({"attention", "cache", "shadow"})
    return frozenset({"attention", "cache"})


def notes(folder: Path) -> tuple[str, ...]:
    """What a user should know of a folder before its model runs."""
    if not (found := adapters(folder)):
        return ()
    return (f"{folder} also holds {', '.join(found)}: an adapter is applied only where it is named, with adapter={folder}.",)


def check_types(headers: Mapping[str, TensorHeader]) -> None:
    """Refuse weights that are no plain floating-point numbers.

    Raises:
        UserError: names the first such tensor.
    """
    for name, header in headers.items():
        if header.dtype not in BYTES:
            raise UserError(
                f"{header.file}: {name} is stored as {header.dtype}, and quantized weights are not read; use the checkpoint in "
                "bfloat16 or float32."
            )


def _check_sizes(settings: Settings, native: Mapping[str, TensorHeader], path: Path) -> None:
    """Compare the number of layers and the embedding with the tensors, so that nothing larger than the files is ever built."""
    layers = {int(found[1]) for name in native if (found := LAYER.match(name)) and len(found[1]) < 10}
    if layers and len(layers) != settings.num_hidden_layers:
        raise UserError(f"{path} says {settings.num_hidden_layers} layers, but the files hold {len(layers)}; copy both again.")
    embedding = native.get(EMBEDDING)
    if embedding is None:
        raise UserError(f"{path.parent} does not fit its layout: missing {EMBEDDING}; copy the checkpoint again.")
    if embedding.shape != (settings.vocab_size, settings.hidden_size):
        raise UserError(
            f"{path.parent} does not fit its layout: {EMBEDDING} is {embedding.shape} instead of "
            f"{(settings.vocab_size, settings.hidden_size)}; copy the checkpoint again."
        )


def _check_mask(published: Mapping[str, Any], info: ModelInfo, card: Card, path: Path, options: LoadOptions) -> None:
    """Refuse a mask token that config.json and card know by different ids, unless the user named one."""
    said = published.get("mask_token_id")
    if said is not None and options.mask is None and said != info.mask_id:
        raise UserError(
            f"{path} has mask_token_id={said!r:.20}, but the mask of {card.key} models is token {info.mask_id}; say which with "
            f"mask={info.mask_id} or mask={said!r:.20}."
        )


def _active(settings: Settings, native: Mapping[str, TensorHeader], card: Card) -> int:
    """Parameters that a token passes through, without embedding and output head; of the experts, those it is sent to."""
    part = (settings.num_experts_per_tok or 0) / settings.experts if settings.experts else 1.0
    inner = {
        name: header.count
        for name, header in native.items()
        if not name.startswith(("lm_head", "model.embed_tokens")) and not name.endswith((STORED_ANGLES, *card.layout.wide))
    }
    return int(sum(count * (part if ".experts." in name else 1) for name, count in inner.items()))
