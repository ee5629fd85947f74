"""LoRA adapters for training: put into a network by peft, and written in peft's format under the base's own tensor names."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import save
from torch import Tensor, nn

from parallelbench.errors import MissingExtra, UserError
from parallelbench.models.adapter_files import BASE_DIGEST, CONFIG, WEIGHTS
from parallelbench.models.checkpoint import published_name
from parallelbench.models.layouts import Layout
from parallelbench.training.finetune.options import Lora

if TYPE_CHECKING:
    from peft import LoraConfig

NAME = "default"
"""The name by which peft knows the adapter inside the network."""
QKV = re.compile(r"(?P<prefix>.+\.)(?P<letter>[qkv])_proj")


@dataclass(frozen=True, slots=True)
class Factors:
    """The factors A [rank, in] and B [out, rank] of one layer."""

    a: Tensor
    b: Tensor


def insert(network: nn.Module, options: Lora) -> None:
    """Freeze a network and add the factors of an adapter, which are float32 and of which B is 0.

    Raises:
        MissingExtra: peft is not installed.
        UserError: the network has no such layer, or the rank is above the size of a matrix.
    """
    try:
        from peft import inject_adapter_in_model
    except ImportError as error:
        raise MissingExtra("LoRA", "finetune") from error
    check_rank(network, options)
    torch.manual_seed(options.seed)
    inject_adapter_in_model(config_of(options, options.targets, options.rank), network, NAME)
    for weight in network.parameters():
        if weight.requires_grad:
            weight.data = weight.data.float()


def check_rank(network: nn.Module, options: Lora) -> None:
    """Refuse targets that are no layers of the network, and a rank that a matrix cannot have.

    Raises:
        UserError: names what there is, or the largest rank.
    """
    layers = {name: module for name, module in network.named_modules() if isinstance(module, nn.Linear)}
    for target in options.targets:
        found = [module for name, module in layers.items() if name.rpartition(".")[2] == target]
        if not found:
            names = ",".join(sorted({name.rpartition(".")[2] for name in layers} - {"lm_head"}))
            raise UserError(
                f"the base has no layer '{target}' that LoRA could adapt; write targets=[{names}] or some of these."
            )
        most = min(min(module.in_features, module.out_features) for module in found)
        if options.rank > most:
            raise UserError(
                f"rank={options.rank} is above the width {most} of {target} in the base; write rank={most} or less."
            )


def config_of(options: Lora, targets: Sequence[str], rank: int) -> LoraConfig:
    """What peft calls the configuration of this adapter."""
    from peft import LoraConfig

    return LoraConfig(
        r=rank, lora_alpha=options.alpha * rank / options.rank, lora_dropout=options.dropout, target_modules=list(targets),
        base_model_name_or_path=options.base.removeprefix("path:").removeprefix("hf:"),
    )  # fmt: skip


def save_adapter(folder: Path, network: nn.Module, options: Lora, layout: Layout, base_digest: str) -> None:
    """Write adapter_config.json and adapter_model.safetensors, as peft does, with the base's digest in the metadata."""
    native = fuse(find(network), network) if "split_qkv" in layout.reshapes else find(network)
    factors = {published_name(f"{name}.weight", layout.renames).removesuffix(".weight"): one for name, one in native.items()}
    rank = next(iter(factors.values())).a.shape[0]
    targets = sorted({name.rpartition(".")[2] for name in factors})
    tensors = {
        f"base_model.model.{name}.lora_{letter}.weight": factor.detach().float().cpu().contiguous()
        for name, one in factors.items()
        for letter, factor in (("A", one.a), ("B", one.b))
    }
    said: dict[str, Any] = {**config_of(options, targets, rank).to_dict(), "peft_type": "LORA", "inference_mode": True}
    said["target_modules"] = targets
    (folder / CONFIG).write_text(json.dumps(said, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    (folder / WEIGHTS).write_bytes(save(tensors, metadata={"format": "pt", BASE_DIGEST: base_digest}))


def find(network: nn.Module) -> dict[str, Factors]:
    """The factors in a network by the names of their layers."""
    return {
        name: Factors(module.lora_A[NAME].weight, module.lora_B[NAME].weight)
        for name, module in network.named_modules()
        if hasattr(module, "lora_A")
    }


def fuse(factors: Mapping[str, Factors], network: nn.Module) -> dict[str, Factors]:
    """The factors of layers whose queries, keys and values are one matrix in the checkpoint, rows [queries | keys | values].

    The factors A are concatenated along the rank, and the factors B are blocks on a diagonal, so the rank is the sum of the
    ranks; a part without an adapter has rows of zeros in B.
    """
    fused: dict[str, Factors] = {}
    heights = {name: module.out_features for name, module in network.named_modules() if QKV.fullmatch(name)}
    for name, one in factors.items():
        match = QKV.fullmatch(name)
        if match is None:
            fused[name] = one
        elif f"{match['prefix']}qkv_proj" not in fused:
            there = {letter: factors.get(f"{match['prefix']}{letter}_proj") for letter in "qkv"}
            empty = one.b[:0, :0]
            blocks = [
                empty.new_zeros(heights[f"{match['prefix']}{letter}_proj"], 0) if part is None else part.b
                for letter, part in there.items()
            ]
            a = torch.cat([part.a for part in there.values() if part is not None])
            b = torch.block_diag(*blocks)  # type: ignore[no-untyped-call]  # torch does not type it
            fused[f"{match['prefix']}qkv_proj"] = Factors(a, b)
    return fused
