"""Adds an adapter to the matrices of its base while a checkpoint is read, so that running it costs what the base costs."""

from __future__ import annotations

from collections.abc import Sequence

from safetensors import SafetensorError, safe_open
from torch import Tensor

from parallelbench.errors import UserError
from parallelbench.models.adapter_files import WEIGHTS, Adapter
from parallelbench.models.checkpoint import finite
from parallelbench.models.layouts import rename


def merge(tensors: dict[str, Tensor], adapter: Adapter, renames: Sequence[tuple[str, str]]) -> None:
    """Add `scale * B A` to each matrix that the adapter names; `tensors` are renamed and not yet reshaped.

    The sum is formed in float32 and rounded once to the precision of the matrix.

    Raises:
        UserError: the adapter's file is damaged, or holds a number that is not finite.
    """
    path = adapter.folder / WEIGHTS
    try:
        with safe_open(path, framework="pt") as file:
            stored = {_plain(name): finite(file.get_tensor(name), name, path).float() for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise UserError(f"{path} is damaged ({error}); copy it again.") from error
    for name in adapter.factors:
        layer = name.removesuffix(".weight")
        added = stored[f"{layer}.lora_B.weight"] @ stored[f"{layer}.lora_A.weight"] * adapter.scale
        base = tensors[rename(name, renames)]
        tensors[rename(name, renames)] = (base.float() + added).to(base.dtype)


def _plain(name: str) -> str:
    return name.removeprefix("base_model.model.").replace(".default.", ".")
