"""How masks are filled. `load_decoders("confidence:k=[1,2]")` returns decoders; the `Engine` runs them.

Names are imported when they are used, so that listing decoders needs no torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from parallelbench.registry import Entry, Registry

if TYPE_CHECKING:
    from parallelbench.decoding.decoder import Decoder, Program, Score, Step
    from parallelbench.decoding.engine import Engine
    from parallelbench.decoding.load import check_law, check_pair, load_decoder, load_decoders
    from parallelbench.decoding.prompts import make_prompt
    from parallelbench.decoding.signals import Forward, Signals
    from parallelbench.decoding.state import State

__all__ = [
    "DECODERS",
    "Decoder",
    "Engine",
    "Forward",
    "Program",
    "Score",
    "Signals",
    "State",
    "Step",
    "check_law",
    "check_pair",
    "load_decoder",
    "load_decoders",
    "make_prompt",
]

_CLASSIC = "parallelbench.decoding.decoders.classic"
_FAST = "parallelbench.decoding.decoders.fast_dllm"

DECODERS = Registry(
    "decoder",
    {
        "one_by_one": Entry(f"{_CLASSIC}:OneByOne", "control: the most confident position, one forward each"),
        "all_at_once": Entry(f"{_CLASSIC}:AllAtOnce", "control: every position in one forward"),
        "random": Entry(f"{_CLASSIC}:Random", "k positions in random order"),
        "confidence": Entry(f"{_CLASSIC}:Confidence", "the k most confident positions"),
        "margin": Entry(f"{_CLASSIC}:Margin", "the k largest leads of best over second token"),
        "entropy": Entry(f"{_CLASSIC}:Entropy", "the k lowest entropies"),
        "left_to_right": Entry(f"{_CLASSIC}:LeftToRight", "the next k positions"),
        "threshold": Entry(f"{_FAST}:Threshold", "every position at least as confident as gamma"),
        "factor": Entry(f"{_FAST}:Factor", "the n most confident with (n + 1)(1 - c) < f"),
    },
)

_HOMES = {
    "decoder": ("Decoder", "Program", "Score", "Step"),
    "engine": ("Engine",),
    "load": ("check_law", "check_pair", "load_decoder", "load_decoders"),
    "prompts": ("make_prompt",),
    "signals": ("Forward", "Signals"),
    "state": ("State",),
}


def __getattr__(name: str) -> Any:
    for module, names in _HOMES.items():
        if name in names:
            return getattr(importlib.import_module(f"parallelbench.decoding.{module}"), name)
    raise AttributeError(f"module 'parallelbench.decoding' has no attribute '{name}'")
