"""How positions are rotated, in whichever of the three forms a config.json says it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from parallelbench.errors import UserError

ROPE_KEYS = frozenset({"rope_theta", "rope_scaling", "rope_parameters", "rotary_dim"})
_NAMES = ("rope_type", "type")
_WITHOUT_EFFECT = frozenset(
    {*_NAMES, "factor", "rope_theta", "partial_rotary_factor", "original_max_position_embeddings", "attention_factor"}
)


def read_rope(published: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """Return `rope_theta` and `partial_rotary_factor`, each where it is given.

    `rope_parameters` is what transformers 5 writes, `rope_theta` with `rope_scaling` what earlier versions wrote. A scaling
    that changes nothing (of type default, or by the factor 1) is the same as none.

    Raises:
        UserError: positions are rotated in a way that is not computed here, or two of the forms contradict each other.
    """
    found: dict[str, Any] = {}
    for key in ("rope_scaling", "rope_parameters"):
        described = published.get(key)
        if described is None or described == {}:
            continue
        if not isinstance(described, Mapping) or not _changes_nothing(described):
            raise UserError(
                f"{path} has {key}={described!r:.120}, and only the default rotation of positions is computed; use one "
                "without it."
            )
        for name in ("rope_theta", "partial_rotary_factor"):
            if described.get(name) is not None:
                _agree(found, name, described[name], path)
    for name in ("rope_theta", "partial_rotary_factor"):
        if published.get(name) is not None:
            _agree(found, name, published[name], path)
    return {name: float(value) if type(value) is int else value for name, value in found.items()}


def _changes_nothing(described: Mapping[str, Any]) -> bool:
    """Whether a description is the default rotation, or one that is stretched by the factor 1."""
    kind = next((described[name] for name in _NAMES if described.get(name) is not None), "default")
    if any(described.get(name) not in (None, kind) for name in _NAMES) or not set(described) <= _WITHOUT_EFFECT:
        return False
    factor = described.get("factor")
    unstretched = type(factor) in (int, float) and factor == 1
    plain = described.get("attention_factor") in (None, 1)
    return plain and (
        (kind == "default" and (factor is None or unstretched)) or (kind in ("linear", "dynamic", "yarn") and unstretched)
    )


def _agree(found: dict[str, Any], name: str, value: Any, path: Path) -> None:
    if found.setdefault(name, value) != value:
        raise UserError(f"{path} says {name}={found[name]!r:.40} and {value!r:.40}; leave one of them.")
