"""How far can a diffusion language model be decoded in parallel before its answers break, and whose is the loss?

    import parallelbench as pb

    model = pb.load_model("tiny")
    task = pb.load_task("waiting_line/shuffle")
    results = pb.run(model, task, decoders=["confidence:k=[1,2,4,8]", "threshold:gamma=0.9"], limit=20)
    print(results.frame)

Names are imported when they are used: `import parallelbench` alone costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from parallelbench.api import run
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
    from parallelbench.models import load_model
    from parallelbench.results import Results
    from parallelbench.tasks import load_task

__version__ = "0.1.0"

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
    "load_decoder",
    "load_decoders",
    "load_model",
    "load_task",
    "run",
]  # fmt: skip

_HOMES = {
    "run": "parallelbench.api",
    "Results": "parallelbench.results",
    "load_model": "parallelbench.models",
    "load_task": "parallelbench.tasks",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'parallelbench' has no attribute '{name}'")
    return getattr(importlib.import_module(_HOMES.get(name, "parallelbench.decoding")), name)
