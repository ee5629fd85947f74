"""FreeDave: lossless parallel decoding by a chain of drafts (Wu et al., arXiv 2510.00294, algorithm 2).

From the forward at hand, draft j is the canvas with its j most confident candidates filled in. One forward looks at draft 0 to
draft `drafts` - 1; target(j) is draft j with what the base decoder commits there. From j = 0 on, go to the draft that equals
target(j) as long as there is one; then commit target(j). The tokens are those of the base decoder: `one_by_one`, or with gamma
`threshold:gamma`.

Parameters: drafts (default 4, as in the authors' scripts; they use 2 to 8; 1 is the base decoder itself), gamma (default none:
one by one; the authors' FreeDave++ takes 0.95). Cost: at most as many forwards as the base decoder, each of which makes 1 to
`drafts` of its steps; `drafts` rows a forward. Needs only the model's distribution.

Differences from the authors' code: a forward whose drafts fill a block serves the next block too, where theirs makes another
one (20.2 forwards instead of 21.6 with 4 drafts in blocks of 8 on the recorded decodes, same tokens). With gamma, their
FreeDave++ goes on to the largest draft that target(j) *contains*, and drops the rest of target(j), so its tokens are not
always those of the threshold. compat="authors" does both. On models with shifted outputs their code also commits the first
token of a block from the forward that fills the cache, and it counts forwards but not rows; neither is done here.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from parallelbench.decoding import quota
from parallelbench.decoding.decoders.speculation import Node, Speculative
from parallelbench.decoding.published import Borders, Published


class FreeDave(Speculative):
    """Verify a chain of drafts, each with one more of the most confident candidates."""

    family: ClassVar[str] = "freedave"
    published: ClassVar[Published] = Published(
        state="ours",
        code="cychomatica/FreeDave",
        defaults="the authors' evaluation scripts (4 drafts); gamma is theirs for FreeDave only, FreeDave++ takes 0.95",
        difference="no extra forward where a block begins; with gamma a draft must equal the target, not be contained in it",
    )
    borders: ClassVar[Borders] = Borders(block="the walk goes on into the next block, as far as the forward has signals there")
    speed = {"drafts": "faster", "gamma": "slower"}
    drafts: int = Field(4, ge=1, le=64, description="canvases in one forward")
    gamma: float | None = Field(None, ge=0, le=1, description="reproduce threshold decoding at this gamma, not one by one")
    compat: Literal["authors"] | None = Field(
        None, description="authors: subset rule, and a forward at the start of each block"
    )

    @property
    def subsets(self) -> bool:
        return self.compat is not None

    def quota(self) -> quota.Quota:
        return quota.Fixed(1) if self.gamma is None else quota.Threshold(self.gamma)

    def nodes(self, drafts: int) -> list[Node]:
        return [Node(range(size)) for size in range(min(self.drafts, drafts + 1))]
