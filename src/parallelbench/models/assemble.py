"""From a described checkpoint to a denoiser on transformers' own classes: no remote code, no tensor lost."""

from __future__ import annotations

from typing import Any

import torch
import transformers
from torch import Tensor
from transformers import PreTrainedModel

from parallelbench.errors import MissingExtra, UserError
from parallelbench.models.adapter_merge import merge
from parallelbench.models.checkpoint import check_names, check_shapes, read_tensors
from parallelbench.models.codec import ChatCodec
from parallelbench.models.described import EMBEDDING, HEAD, STORED_ANGLES, Described
from parallelbench.models.layouts import rename
from parallelbench.models.native import NativeDenoiser, SteadySilu
from parallelbench.models.reshapes import RESHAPES


def load(described: Described) -> NativeDenoiser:
    """Read the weights of a described checkpoint.

    Raises:
        UserError: a tensor is missing, left over, of another shape, or holds numbers that are not finite.
    """
    source, info = described.source, described.info
    dtype: torch.dtype = getattr(torch, source.dtype)
    model = build(described, dtype)
    if described.settings.wide_rotation and dtype != torch.float32:
        model.model.rotary_emb = WideAngles(model.model.rotary_emb)
    if source.device == "cpu" and dtype == torch.float32:
        for module in [module for module in model.modules() if hasattr(module, "act_fn")]:
            module.act_fn = SteadySilu()
    model = _spread(model) if source.options.device_map == "auto" else model.to(source.device)
    codec = ChatCodec(described.tokenizer, described.card)
    return NativeDenoiser(model.eval(), codec, info, compiled=source.options.compile)


def build(described: Described, dtype: torch.dtype) -> PreTrainedModel:
    """Make the native model and fill it with the checkpoint's tensors, on the CPU.

    Raises:
        UserError: as `load`.
    """
    layout, folder = described.card.layout, described.source.folder
    cls = getattr(transformers, layout.model)
    config = cls.config_class(**described.settings.native(), attn_implementation="sdpa")
    config.is_causal = False
    with torch.device("meta"):
        model: PreTrainedModel = cls(config)
    check_names(described.headers, layout.renames, folder)
    shapes = {
        rename(name, layout.renames): torch.empty(header.shape, device="meta") for name, header in described.headers.items()
    }
    check_shapes(model, _reshape(_needed(shapes, config), described, config), folder)
    tensors = read_tensors(described.headers, layout.renames, dtype, layout.wide)
    if described.adapter is not None:
        merge(tensors, described.adapter, layout.renames)
    rotary = type(model.model.rotary_emb)(config)  # its buffers are computed, not stored
    _check_redundant(tensors, config, rotary, described)
    model.load_state_dict(_reshape(_needed(tensors, config), described, config), strict=False, assign=True)
    model.model.rotary_emb = rotary
    if config.tie_word_embeddings:
        model.tie_weights()
    return model


class WideAngles(torch.nn.Module):
    """cos and sin of each position in float32 whatever the weights are: queries and keys are rotated in float32, rounded after.

    transformers rounds cos and sin to the weights' dtype; LLaDA's code does not (`rope_full_precision`).
    """

    def __init__(self, rotary: torch.nn.Module) -> None:
        super().__init__()
        self._rotary = rotary

    def forward(self, hidden: Tensor, position_ids: Tensor) -> Any:
        return self._rotary(position_ids.float(), position_ids)


def _needed(tensors: dict[str, Tensor], config: Any) -> dict[str, Tensor]:
    """The tensors without those that say again what others or the settings say."""
    return {
        name: tensor
        for name, tensor in tensors.items()
        if not name.endswith(STORED_ANGLES) and not (config.tie_word_embeddings and name == HEAD)
    }


def _reshape(tensors: dict[str, Tensor], described: Described, config: Any) -> dict[str, Tensor]:
    for step in described.card.layout.reshapes:
        tensors = RESHAPES[step](tensors, config, described.source.folder)
    return tensors


def _check_redundant(tensors: dict[str, Tensor], config: Any, rotary: torch.nn.Module, described: Described) -> None:
    """Accept a tensor that says something again, and refuse one that says something else.

    Raises:
        UserError: a stored head differs from the embedding that it is tied to, or stored frequencies from the settings.
    """
    folder = described.source.folder
    if config.tie_word_embeddings and HEAD in tensors and not torch.equal(tensors[HEAD], tensors[EMBEDDING]):
        raise UserError(
            f"{folder} holds {HEAD}, which differs from the embedding although config.json ties them; correct one of the two."
        )
    for name in [name for name in tensors if name.endswith(STORED_ANGLES)]:
        stored, computed = tensors[name].float(), rotary.get_buffer("inv_freq").float()
        if stored.shape != computed.shape or not torch.allclose(stored, computed, rtol=1e-2):
            raise UserError(f"{folder}: {name} is not what rope_theta in config.json gives; correct one of them.")


def _spread(model: PreTrainedModel) -> PreTrainedModel:
    """Lay the layers over all devices of the machine."""
    try:
        from accelerate import dispatch_model, infer_auto_device_map
    except ImportError as error:
        raise MissingExtra("device_map=auto", "spread") from error
    places = infer_auto_device_map(model, no_split_module_classes=model._no_split_modules)
    spread: PreTrainedModel = dispatch_model(model, places)
    return spread
