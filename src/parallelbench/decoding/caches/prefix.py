"""prefix (Fast-dLLM, Wu et al., arXiv 2505.22618): keys before the block are kept, the block and all that follows is computed.

The first forward of a block computes the whole row and keeps the keys of what lies before the block; the other forwards of the
block compute the block and what follows it. Approximate, because under full attention the kept keys depend on tokens that
have changed since.

compat="authors" counts as the published loops do: they look at a block again after its first forward, also where that has
filled it, so such a block costs one forward more.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from parallelbench.contracts.info import Attention, ModelInfo
from parallelbench.decoding.caches.base import Cache
from parallelbench.decoding.caches.window import WindowCache


class Prefix(Cache):
    """Keep what lies before the block."""

    name: ClassVar[str] = "prefix"
    attentions: ClassVar[tuple[Attention, ...]] = ("full", "causal")
    compat: Literal["authors"] | None = Field(None, description="one more forward for a block that its first has filled")

    def start(self, info: ModelInfo) -> WindowCache:
        return WindowCache(False, info.shift, self.compat == "authors")
