"""dual (Fast-dLLM, Wu et al., arXiv 2505.22618): keys before and after the block are kept, only the block is computed.

The first forward of a block computes the whole row and keeps the keys of everything but the block. Approximate, more so than
`prefix`: the keys of the masks after the block are kept too.

compat="authors" counts as the published loops do: they look at a block again after its first forward, also where that has
filled it, so such a block costs one forward more.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from parallelbench.contracts.info import Attention, ModelInfo
from parallelbench.decoding.caches.base import Cache
from parallelbench.decoding.caches.window import WindowCache


class Dual(Cache):
    """Keep everything but the block."""

    name: ClassVar[str] = "dual"
    attentions: ClassVar[tuple[Attention, ...]] = ("full", "causal")
    compat: Literal["authors"] | None = Field(None, description="one more forward for a block that its first has filled")

    def start(self, info: ModelInfo) -> WindowCache:
        return WindowCache(True, info.shift, self.compat == "authors")
