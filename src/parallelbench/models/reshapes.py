"""Tensors that a checkpoint cuts otherwise than the native class: fused projections, experts one by one."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from parallelbench.errors import UserError
from parallelbench.models.layouts import Reshape

EXPERT = re.compile(r"(.*\.experts)\.(\d+)\.(gate_proj|up_proj|down_proj)\.weight")
PARTS = ("gate_proj", "up_proj", "down_proj")


def split_qkv(tensors: dict[str, Tensor], config: Any, folder: Path) -> dict[str, Tensor]:
    """Cut fused projections, rows [queries | keys | values], into the three that native classes have."""
    heads, groups, size = config.num_attention_heads, config.num_key_value_heads, config.head_dim
    cut: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        prefix, fused, kind = name.partition("qkv_proj.")
        if not fused:
            cut[name] = tensor
            continue
        if len(tensor) != (heads + 2 * groups) * size:
            raise UserError(f"{folder} does not fit its layout: {name} has {len(tensor)} rows for {heads}+2x{groups} heads.")
        parts = torch.split(tensor, [heads * size, groups * size, groups * size])
        cut |= {f"{prefix}{letter}_proj.{kind}": part.clone() for letter, part in zip("qkv", parts, strict=True)}
    return cut


def stack_experts(tensors: dict[str, Tensor], config: Any, folder: Path) -> dict[str, Tensor]:
    """Put the experts of a layer into the two tensors that native classes have: gate over up [E, 2 I, d], and down [E, d, I].

    Raises:
        UserError: an expert lacks a tensor; names it.
    """
    stacked: dict[str, Tensor] = {}
    experts: dict[str, dict[tuple[int, str], Tensor]] = defaultdict(dict)
    for name, tensor in tensors.items():
        if match := EXPERT.fullmatch(name):
            experts[match[1]][int(match[2]), match[3]] = tensor
        else:
            stacked[name] = tensor
    count = range(config.num_local_experts)
    for prefix, parts in experts.items():
        missing = [(number, part) for number in count for part in PARTS if (number, part) not in parts]
        if missing:
            number, part = missing[0]
            raise UserError(f"{folder} does not fit its layout: missing {prefix}.{number}.{part}.weight.")
        if len(parts) > len(PARTS) * len(count):
            raise UserError(f"{folder} does not fit its layout: {prefix} holds more than {len(count)} experts.")
        gates = [torch.cat([parts[number, "gate_proj"], parts[number, "up_proj"]]) for number in count]
        stacked[f"{prefix}.gate_up_proj"] = torch.stack(gates)
        stacked[f"{prefix}.down_proj"] = torch.stack([parts[number, "down_proj"] for number in count])
    return stacked


RESHAPES: dict[Reshape, Callable[[dict[str, Tensor], Any, Path], dict[str, Tensor]]] = {
    "split_qkv": split_qkv,
    "stack_experts": stack_experts,
}
