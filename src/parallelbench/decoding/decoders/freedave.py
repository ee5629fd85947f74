"""FreeDave: lossless parallel decoding by a chain of drafts (Wu et al., arXiv 2510.00294, algorithm 2).

From the forward at hand, draft j is the canvas with the j most confident candidates. One forward looks at draft 0 to draft
drafts - 1; target(j) is draft j with what the careful rule commits there. From j = 0, go to the draft that equals target(j),
as long as there is one, then commit its target. Output: that of `one_by_one`, or with gamma that of `threshold:gamma`.

Parameters: drafts (default 4; the authors use 2 to 8; 1 is the careful decoder itself), gamma (none: one by one).
Cost: at most as many forwards as the careful decoder, 1 to `drafts` of its steps each; `drafts` rows a forward. Needs nothing
of the model but its distribution.

The authors' FreeDave++ goes to any draft that is contained in the threshold's target, which is no longer the threshold's
output; here a draft must equal it. Their code counts forwards, not rows, and on shifted models commits the first token of
a block from the forward that fills the cache; neither is copied.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from parallelbench.decoding import quota
from parallelbench.decoding.decoders.speculation import Node, Speculative


class FreeDave(Speculative):
    """Verify a chain of drafts, each with one more of the most confident candidates."""

    family: ClassVar[str] = "freedave"
    speed = {"drafts": "faster", "gamma": "slower"}
    drafts: int = Field(4, ge=1, le=64, description="canvases looked at in one forward")
    gamma: float | None = Field(None, ge=0, le=1, description="reproduce threshold decoding at this gamma, not one by one")

    def quota(self) -> quota.Quota:
        return quota.Fixed(1) if self.gamma is None else quota.Threshold(self.gamma)

    def nodes(self, drafts: int) -> list[Node]:
        return [Node(range(size)) for size in range(min(self.drafts, drafts + 1))]
