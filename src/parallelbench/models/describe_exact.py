"""From `exact` and its options to the handle of the exact model. No law is enumerated and no answer written out for it."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from parallelbench.contracts.handle import ModelHandle, handle_of
from parallelbench.models.checkpoint_sources import shipped_folder
from parallelbench.models.exact import Exact
from parallelbench.models.exact_items import ItemScheme
from parallelbench.models.exact_tokens import TokenScheme
from parallelbench.models.tokenizer_files import read_tokenizer
from parallelbench.specs import Options, build, parse_options


class ExactOptions(Options):
    """How the exact model cuts answers into tokens."""

    tokenizer: str | None = Field(
        None, description="a tokenizer.json, the folder that holds one, tiny or tiny2; none: item by item"
    )
    epsilon: float = Field(1e-6, gt=0, lt=1, description="probability that a token was replaced by a uniform one")
    vocabulary: int = Field(64, ge=8, le=1 << 20, description="item by item: different tokens that a sample may need")


def describe_exact(rest: str, device: str | None = None) -> ModelHandle:
    """Describe the exact model; it runs on the CPU whatever the device.

    Raises:
        UserError: an option is wrong, or the tokenizer cannot be read.
    """
    whole = f"exact:{rest}"
    options = build(ExactOptions, "model 'exact'", parse_options(rest, whole) if rest else {})
    if options.tokenizer is None:
        return handle_of(Exact(ItemScheme(options.vocabulary), options.epsilon))
    shipped = options.tokenizer in ("tiny", "tiny2")
    path = shipped_folder(options.tokenizer) if shipped else Path(options.tokenizer).expanduser()
    tokenizer = read_tokenizer(path.parent if path.suffix == ".json" else path)
    return handle_of(Exact(TokenScheme(tokenizer, options.epsilon), options.epsilon))
