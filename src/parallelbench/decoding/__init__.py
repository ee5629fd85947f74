"""How masks are filled. `load_decoders("confidence:k=[1,2]")` returns decoders; the `Engine` runs them.

Names are imported when they are used, so that listing decoders needs no torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from parallelbench.registry import Entry, Registry

if TYPE_CHECKING:
    from parallelbench.decoding.caches.base import Cache
    from parallelbench.decoding.decoder import Decoder, ProgramDecoder, RankingDecoder, StepDecoder
    from parallelbench.decoding.engine import Engine
    from parallelbench.decoding.load import (
        caution,
        check_auxiliary,
        check_compatibility,
        check_law,
        load_decoder,
        load_decoders,
    )
    from parallelbench.decoding.prompts import make_prompt
    from parallelbench.decoding.signals import ForwardRequest, Signals
    from parallelbench.decoding.state import State

__all__ = [
    "CACHES",
    "DECODERS",
    "Cache",
    "Decoder",
    "Engine",
    "ForwardRequest",
    "ProgramDecoder",
    "RankingDecoder",
    "Signals",
    "State",
    "StepDecoder",
    "caution",
    "check_auxiliary",
    "check_compatibility",
    "check_law",
    "load_cache",
    "load_decoder",
    "load_decoders",
    "make_prompt",
]

_CLASSIC = "parallelbench.decoding.decoders.classic"
_OF = "parallelbench.decoding.decoders"
_CACHES = "parallelbench.decoding.caches"
_FAST = "parallelbench.decoding.decoders.fast_dllm"

DECODERS = Registry(
    "decoder",
    {
        "one_by_one": Entry(f"{_CLASSIC}:OneByOne", "control: the most confident position, one forward each", note="control"),
        "all_at_once": Entry(f"{_CLASSIC}:AllAtOnce", "control: every position in one forward", note="control"),
        "random": Entry(f"{_CLASSIC}:Random", "k positions in random order", note="control"),
        "confidence": Entry(f"{_CLASSIC}:Confidence", "the k most confident positions", note="equal"),
        "margin": Entry(f"{_CLASSIC}:Margin", "the k largest margins between the best two tokens", note="equal"),
        "entropy": Entry(f"{_CLASSIC}:Entropy", "the k lowest entropies", note="equal"),
        "left_to_right": Entry(f"{_CLASSIC}:LeftToRight", "the next k positions", note="control"),
        "threshold": Entry(f"{_FAST}:Threshold", "every position at least as confident as gamma", note="equal"),
        "factor": Entry(f"{_FAST}:Factor", "the n most confident with (n + 1)(1 - c) < f", note="paper"),
        "rcr": Entry(f"{_OF}.rcr:RCR", "k more each step; the least sure of all are remasked", note="equal"),
        "remdm": Entry(f"{_OF}.remdm:ReMDM", "remasks some of what is committed: cap, rescale, conf or loop", note="paper"),
        "eb_sampler": Entry(f"{_OF}.eb_sampler:EBSampler", "as many positions as an entropy bound allows", note="text only"),
        "klass": Entry(f"{_OF}.klass:KLASS", "confident positions with a stable distribution", note="paper"),
        "credit": Entry(f"{_OF}.credit:Credit", "threshold on confidences that remember earlier steps", note="equal"),
        "dus": Entry(f"{_OF}.dus:DUS", "fixed spacing, halved from level to level", note="equal"),
        "slowfast": Entry(f"{_OF}.slowfast:SlowFast", "finds the end of a sure region, then fills it", note="paper"),
        "local_leap": Entry(f"{_OF}.local_leap:LocalLeap", "threshold, lower beside positions that pass it", note="equal"),
        "hierarchical": Entry(f"{_OF}.hierarchical:Hierarchical", "the surest position of each run of masks", note="equal"),
        "dream_origin": Entry(f"{_OF}.dream_origin:DreamOrigin", "each open position with the same probability", note="equal"),
        "saber": Entry(f"{_OF}.saber:Saber", "bar that follows earlier commits; steepest falls are remasked", note="equal"),
        "pc_sampler": Entry(f"{_OF}.pc_sampler:PCSampler", "k positions: early, confident and uncommon first", note="ours"),
        "euler": Entry(f"{_OF}.sedd:Euler", "each token changes at the reverse rate of the noise", note="equal"),
        "analytic": Entry(f"{_OF}.sedd:Analytic", "the exact reverse step of the noise, for each token alone", note="equal"),
        "random_steps": Entry(
            f"{_OF}.random_steps:RandomSteps", "control: random positions, a random number of them", note="control"
        ),
        "end_of_text": Entry(f"{_OF}.end_of_text:EndOfText", "another decoder, stopped where the text ends", note="text only"),
        "prophet": Entry(f"{_OF}.prophet:Prophet", "k positions, and all the rest once leads are large", note="equal"),
        "sched": Entry(f"{_OF}.sched:SchED", "k positions, and all the rest once leads pass a falling bar", note="equal"),
        "freedave": Entry(f"{_OF}.freedave:FreeDave", "lossless: a chain of drafts verified in one forward", note="ours"),
        "ssd": Entry(f"{_OF}.ssd:SSD", "lossless: a tree of drafts verified in one forward", note="text only"),
        "lopa": Entry(f"{_OF}.lopa:LoPA", "the branch after which the model is most confident", note="paper"),
        "punt": Entry(f"{_OF}.punt:PUNT", "masks that do not change when others are filled in", note="text only"),
        "core": Entry(f"{_OF}.core:CoRe", "k positions; remasks what is improbable beside other masks", note="paper"),
        "t2m": Entry(f"{_OF}.llada21:T2M", "threshold; remasks committed tokens that look suspect", note="equal"),
        "joint_edit": Entry(
            f"{_OF}.llada21:JointEdit", "threshold; overwrites tokens where another is more probable", note="equal"
        ),
        "p2": Entry(f"{_OF}.p2:P2", "the best-scored positions, committed or not, k more each step", note="paper"),
        "wino": Entry(f"{_OF}.wino:WINO", "commits generously; remasks what the other tokens contradict", note="ours"),
        "dapd": Entry(f"{_OF}.dapd:DAPD", "masks that do not attend to each other", note="equal"),
        "dawn": Entry(f"{_OF}.dawn:DAWN", "confident masks, what depends on anchors, and independent ones", note="equal"),
        "clad": Entry(f"{_OF}.clad:CLAD", "threshold; of two groups that attend to each other, the longer", note="equal"),
        "matching": Entry(
            f"{_OF}.matching:Matching", "ours: a group of positions drawn jointly, from shared tokens", note="own method"
        ),
        "apd": Entry(f"{_OF}.apd:APD", "from the left, as far as an autoregressive model agrees", note="paper"),
    },
)

CACHES = Registry(
    "cache",
    {
        "none": Entry(f"{_CACHES}.base:NoCache", "every forward computes whole rows"),
        "prefix": Entry(f"{_CACHES}.prefix:Prefix", "keys before the block are kept; approximate"),
        "dual": Entry(f"{_CACHES}.dual:Dual", "keys before and after the block are kept; approximate"),
        "block": Entry(f"{_CACHES}.block:Block", "keys of finished blocks of a block-causal model; exact"),
    },
)

_HOMES = {
    "caches.base": ("Cache",),
    "decoder": ("Decoder", "ProgramDecoder", "RankingDecoder", "StepDecoder"),
    "engine": ("Engine",),
    "load": ("caution", "check_auxiliary", "check_law", "check_compatibility", "load_cache", "load_decoder", "load_decoders"),
    "prompts": ("make_prompt",),
    "signals": ("ForwardRequest", "Signals"),
    "state": ("State",),
}


def __getattr__(name: str) -> Any:
    for module, names in _HOMES.items():
        if name in names:
            return getattr(importlib.import_module(f"parallelbench.decoding.{module}"), name)
    raise AttributeError(f"module 'parallelbench.decoding' has no attribute '{name}'")
