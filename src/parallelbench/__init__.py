"""How far can a diffusion language model be decoded in parallel before its answers break, and what causes the loss?

    import parallelbench as pb

    model = pb.load_model("tiny")
    task = pb.load_task("waiting_line/shuffle")
    results = pb.run(model, task, decoders=["confidence:k=[1,2,4,8]", "threshold:gamma=0.9"], limit=20)
    results                 # a table in a notebook; results.frame, .cells, .samples, .plot(), .report()

Names are imported when they are used: `import parallelbench` alone loads nothing heavy. `help(pb.run)` says the rest.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from parallelbench.api import run, run_sweep
    from parallelbench.decoding import (
        Decoder,
        Engine,
        ForwardRequest,
        ProgramDecoder,
        RankingDecoder,
        Signals,
        State,
        StepDecoder,
        load_decoder,
        load_decoders,
    )
    from parallelbench.errors import UserError
    from parallelbench.experiments.spec import Sweep, load_sweep
    from parallelbench.models import load_model
    from parallelbench.results import Results
    from parallelbench.tasks import Task, load_task

__version__ = "0.1.0"

_HOMES = {
    "parallelbench.api": ("run", "run_sweep"),
    "parallelbench.decoding": (
        "Decoder", "Engine", "ForwardRequest", "ProgramDecoder", "RankingDecoder", "Signals", "State", "StepDecoder",
        "load_decoder", "load_decoders",
    ),
    "parallelbench.errors": ("UserError",),
    "parallelbench.experiments.spec": ("Sweep", "load_sweep"),
    "parallelbench.models": ("load_model",),
    "parallelbench.results": ("Results",),
    "parallelbench.tasks": ("Task", "load_task"),
}  # fmt: skip

__all__ = [
    "Decoder",
    "Engine",
    "ForwardRequest",
    "ProgramDecoder",
    "RankingDecoder",
    "Results",
    "Signals",
    "State",
    "StepDecoder",
    "Sweep",
    "Task",
    "UserError",
    "load_decoder",
    "load_decoders",
    "load_model",
    "load_sweep",
    "load_task",
    "run",
    "run_sweep",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    for module, names in _HOMES.items():
        if name in names:
            return getattr(importlib.import_module(module), name)
    raise AttributeError(f"module 'parallelbench' has no attribute '{name}'; it has {', '.join(__all__)}")


def __dir__() -> list[str]:
    return [*__all__, "__doc__", "__name__", "__version__"]
