"""LoRA adapters as peft writes them, before their tensors are read: adapter_config.json and the header of one safetensors file.

An adapter adds `scale * B A` to some matrices of a base model (LoRA, arXiv 2106.09685, section 4.1), with A [rank, in] and
B [out, rank]. Its config.json is read by meaning, as that of a checkpoint is: a key is used, it changes nothing, or it is
refused by its name. No pickle and no code of an adapter is read.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from parallelbench.errors import UserError
from parallelbench.models.digests import files_digest
from parallelbench.models.headers import BYTES, TensorHeader, read_file
from parallelbench.models.json_files import read_json

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
BASE_DIGEST = "base_weights_sha256"
"""The key in the metadata of our adapters' tensor files for the digest of the base's weights."""
FACTOR = re.compile(r"(?:base_model\.model\.)?(?P<layer>.+)\.lora_(?P<factor>[AB])(?:\.default)?\.weight")
NEUTRAL = frozenset(
    {
        "auto_mapping", "base_model_name_or_path", "exclude_modules", "inference_mode", "layers_pattern", "layers_to_transform",
        "lora_dropout", "megatron_core", "peft_version", "qalora_group_size", "revision", "runtime_config", "target_modules",
        "task_type",
    }
)  # fmt: skip
"""Keys that change nothing in a finished adapter: what is adapted is said by the names of its tensors."""


class _Config(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="allow")

    peft_type: Literal["LORA"]
    r: Annotated[int, Field(ge=1, le=1 << 16)]
    lora_alpha: Annotated[float, Field(gt=0, lt=1e9)]
    use_rslora: bool = False
    bias: Literal["none"] = "none"
    init_lora_weights: bool | Literal["gaussian", "eva", "orthogonal"] | None = True

    @property
    def scale(self) -> float:
        """What the product of the factors is multiplied by."""
        return self.lora_alpha / (math.sqrt(self.r) if self.use_rslora else self.r)


@dataclass(frozen=True, slots=True)
class Adapter:
    """An adapter before its tensors are read.

    Attributes:
        scale: what each product B A is multiplied by.
        factors: the headers of A and B by the name of the matrix to which they are added, as the base's files call it.
        base_digest: the SHA-256 of the weights that it was trained on; "" where another program wrote it.
        digest: the first 12 hexadecimal digits of the SHA-256 of its two files.
    """

    folder: Path
    scale: float
    factors: Mapping[str, tuple[TensorHeader, TensorHeader]]
    base_digest: str
    digest: str


def read_adapter(folder: Path) -> Adapter:
    """Read an adapter's config and the header of its tensors.

    Raises:
        UserError: the folder holds no adapter in peft's format, a file is damaged, or it is none that can be added to matrices.
    """
    if not folder.is_dir() or not (folder / CONFIG).is_file():
        raise UserError(f"{folder} is no adapter; name a folder that holds {CONFIG} and {WEIGHTS}.")
    if not (folder / WEIGHTS).is_file():
        raise UserError(f"{folder} holds no {WEIGHTS}; other formats of adapters are not read, for safety.")
    config = _config(read_json(folder / CONFIG), folder / CONFIG)
    headers, metadata = read_file(folder / WEIGHTS)
    factors = _factors(headers, config.r, folder / WEIGHTS)
    digest = files_digest([folder / CONFIG, folder / WEIGHTS])[:12]
    return Adapter(folder, config.scale, factors, metadata.get(BASE_DIGEST, ""), digest)


def _config(published: Mapping[str, Any], path: Path) -> _Config:
    unread = {key: value for key, value in published.items() if key not in NEUTRAL and key not in _Config.model_fields}
    for key, value in unread.items():
        if value not in (None, False, [], {}):
            raise UserError(f"{path} has {key}={value!r:.60}, which is not computed here; train a plain LoRA adapter.")
    try:
        return _Config(**{key: value for key, value in published.items() if key not in unread})
    except ValidationError as error:
        first = error.errors()[0]
        key = str(first["loc"][0]) if first["loc"] else "keys"
        said = "lacks it" if first["type"] == "missing" else f"has {first['input']!r:.60}"
        raise UserError(f"{path}: {key} cannot be read ({said}: {first['msg']}); it is no plain LoRA adapter.") from error


def _factors(headers: Mapping[str, TensorHeader], rank: int, path: Path) -> dict[str, tuple[TensorHeader, TensorHeader]]:
    found: dict[str, dict[str, TensorHeader]] = {}
    for name, header in headers.items():
        match = FACTOR.fullmatch(name)
        if match is None or header.dtype not in BYTES:
            raise UserError(f"{path} holds {name} ({header.dtype}), which is no factor of a LoRA matrix; it cannot be added.")
        found.setdefault(f"{match['layer']}.weight", {})[match["factor"]] = header
    if not found:
        raise UserError(f"{path} holds no tensors; train the adapter again.")
    for name, parts in found.items():
        if parts.keys() != {"A", "B"}:
            raise UserError(f"{path} holds one factor of {name} and not the other; copy the adapter again.")
        a, b = parts["A"].shape, parts["B"].shape
        if len(a) != 2 or len(b) != 2 or a[0] != rank or b[1] != rank:
            raise UserError(f"{path}: the factors of {name} are {a} and {b}, which is not rank {rank}; copy it again.")
    return {name: (parts["A"], parts["B"]) for name, parts in found.items()}


def check_base(adapter: Adapter, headers: Mapping[str, TensorHeader], base_digest: str | None, base: str) -> None:
    """Refuse an adapter of another base.

    Args:
        adapter: the adapter.
        headers: the headers of the base's tensors, by published names.
        base_digest: the SHA-256 of the base's weights; None where it is not compared.
        base: what the base is called in a message.

    Raises:
        UserError: the adapter was trained on other weights, or its matrices are not those of the base.
    """
    for name, (a, b) in adapter.factors.items():
        wanted = (b.shape[0], a.shape[1])
        if name not in headers or headers[name].shape != wanted:
            what = f"is {headers[name].shape}" if name in headers else "is missing"
            raise UserError(
                f"the adapter {adapter.folder} is of another base than {base}: it adds to a matrix {name} {wanted}, which "
                f"{what} there; name the base that it was trained on."
            )
    if adapter.base_digest and base_digest is not None and adapter.base_digest != base_digest:
        raise UserError(
            f"the adapter {adapter.folder} is of another base: it was trained on weights with SHA-256 "
            f"{adapter.base_digest[:12]}, and those of {base} have {base_digest[:12]}; name the base that it was trained on."
        )
