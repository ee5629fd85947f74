"""Small models of our own and how they were made, and the fine-tuning of any checkpoint. `RECIPES` are trainings by name."""

from __future__ import annotations

from parallelbench.registry import Entry, Registry

__all__ = ["RECIPES"]

_WAYS = "parallelbench.training.ways"

RECIPES = Registry(
    "recipe",
    {
        "tiny": Entry(f"{_WAYS}:masked", "the shipped model for lists and puzzles, from nothing", {"name": "tiny"}),
        "tiny2": Entry(f"{_WAYS}:masked", "its second generation; made on a GPU", {"name": "tiny2"}),
        "tiny-text": Entry(f"{_WAYS}:masked", "the shipped model for text tasks", {"name": "tiny-text"}),
        "tiny-ar": Entry(f"{_WAYS}:causal", "the autoregressive counterpart of tiny", {"name": "tiny-ar"}),
        "tiny-ar2": Entry(f"{_WAYS}:causal", "the autoregressive counterpart of tiny2", {"name": "tiny-ar2"}),
        "lora": Entry(f"{_WAYS}:adapter", "lora:base=tiny,task=waiting_line/shuffle, a LoRA adapter of any checkpoint"),
        "full": Entry(f"{_WAYS}:whole", "full:base=tiny,task=waiting_line/shuffle, all weights of a small checkpoint"),
    },
)
"""Loading an entry and calling it with its preset gives a `training.ways.Way`."""
