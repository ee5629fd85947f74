"""A SEDD checkpoint before its weights are read: the authors' config.json, the tensor headers, and `ModelInfo`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from tokenizers import Tokenizer

from parallelbench.contracts.info import ModelInfo
from parallelbench.errors import UserError
from parallelbench.models.adapter_files import Adapter
from parallelbench.models.cards import Card
from parallelbench.models.codec import special_id, tokenizer_hash, vocabulary_size
from parallelbench.models.described import TUNED_FIELD, Source, tuned
from parallelbench.models.headers import TensorHeader
from parallelbench.models.json_files import read_json

Size = Annotated[int, Field(ge=1, le=1 << 20)]
TRAINING = frozenset(
    {"ngpus", "type", "training", "data", "noise", "sampling", "eval", "optim", "hydra", "work_dir", "load_dir", "wandb_name"}
)
"""Keys that are read in training and sampling; the network reads none of them, also not `noise`: it is given a noise level."""


class _Graph(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    type: Literal["absorb", "uniform"]
    file: Any = None
    report_all: Any = None


class _Model(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    hidden_size: Size
    cond_dim: Size
    length: Annotated[int, Field(ge=1, le=1 << 31)]
    n_blocks: Annotated[int, Field(ge=1, le=1 << 12)]
    n_heads: Annotated[int, Field(ge=1, le=1 << 12)]
    scale_by_sigma: bool
    type: Literal["ddit"] = "ddit"
    name: Any = None
    dropout: Any = None


class SeddSettings(BaseModel):
    """What the network is: noise that absorbs or is uniform, the number of text tokens, and its sizes."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    graph: _Graph
    model: _Model
    tokens: Size

    @property
    def absorbs(self) -> bool:
        """Whether noise masks tokens; else it replaces them by any token."""
        return self.graph.type == "absorb"


@dataclass(frozen=True, slots=True)
class DescribedSedd:
    """A SEDD checkpoint before its weights are read."""

    source: Source
    card: Card
    tokenizer: Tokenizer
    settings: SeddSettings
    headers: Mapping[str, TensorHeader]
    info: ModelInfo
    adapter: Adapter | None = None


def describe_sedd(source: Source, card: Card, tokenizer: Tokenizer) -> DescribedSedd:
    """Read a SEDD checkpoint folder without its weights.

    Raises:
        UserError: a file is missing or damaged, a setting is missing or cannot be, or the tokenizer is of another model.
    """
    path = source.folder / "config.json"
    published = read_json(path)
    settings = _settings(published, source)
    headers = source.tensor_headers()
    blocks = {name.split(".")[1] for name in headers if name.startswith("blocks.")}
    if len(blocks) != settings.model.n_blocks:
        raise UserError(f"{path} says {settings.model.n_blocks} blocks, but the files hold {len(blocks)}; copy both again.")
    words = settings.tokens
    if (size := vocabulary_size(tokenizer)) > words:
        raise UserError(f"the tokenizer has {size} ids, but {source.folder} only {words}; name GPT-2's.")
    absorbs = settings.absorbs
    head = headers.get("output_layer.linear.weight")
    info = ModelInfo(
        name=card.name, revision=source.revision(tokenizer), vocab_size=words + 1, mask_id=words,
        end_ids=tuple(special_id(tokenizer, end, card) for end in card.ends), pad_id=special_id(tokenizer, card.pad, card),
        context_length=settings.model.length, dtype=source.dtype, device=source.device, shots=card.shots,
        template=card.template,
        licence=card.licence, offers=frozenset({"score", "absorb" if absorbs else "uniform"}),
        requires=frozenset() if absorbs else frozenset({"score"}),
        total_params=sum(header.count for header in headers.values()),
        active_params=sum(header.count for name, header in headers.items() if name.startswith(("blocks", "sigma_map"))),
        head_params=0 if head is None else head.count, hidden_size=settings.model.hidden_size, layers=settings.model.n_blocks,
        tokenizer=tokenizer_hash(tokenizer), card=card.key, layout=card.architecture, path=source.path,
        reads=source.options.read, tuned=tuned(published),
    )  # fmt: skip
    return DescribedSedd(source, card, tokenizer, settings, headers, info)


def _settings(published: Mapping[str, Any], source: Source) -> SeddSettings:
    path = source.folder / "config.json"
    known = (
        TRAINING
        | set(source.options.ignore)
        | {"architectures", "model_type", "torch_dtype", "transformers_version", TUNED_FIELD}
    )
    try:
        settings = SeddSettings(**{key: value for key, value in published.items() if key not in known})
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        what = "lacks" if first["type"] == "missing" else f"has a value that cannot be ({first['msg']}) at"
        raise UserError(f"{path} {what} {key}; it is no SEDD checkpoint, or one with other arithmetic.") from error
    if settings.model.hidden_size % (2 * settings.model.n_heads):
        raise UserError(
            f"{path}: a hidden size of {settings.model.hidden_size} cannot be divided into {settings.model.n_heads} heads."
        )
    return settings
