"""SSD: self-speculative decoding over a tree of drafts (Gao et al., arXiv 2510.04147).

The n most confident candidates are the drafts. One forward looks at a hierarchy of canvases: level j holds canvases with j
drafts filled in, each made from one of level j - 1 by any of its `width` most confident missing drafts. The walk starts at
the root and follows what one-by-one decoding commits at each canvas; it ends where that is no draft. Output: that of
`one_by_one`. width = 1 is the chain of canvases 0, {1}, {1, 2}, ...; a wider tree also follows drafts that prove right in
another order than guessed, for more rows.

Parameters: drafts n (default 3, the depth), width (default 2). Cost: at most as many forwards as one by one, 1 to n + 1 of its
steps each; n + 1 rows a forward at width 1, n (n + 1) / 2 + 1 at width 2. Needs nothing of the model but its distribution.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from parallelbench.decoding import quota
from parallelbench.decoding.decoders.speculation import Node, Speculative


class SSD(Speculative):
    """Verify a tree of drafts."""

    family: ClassVar[str] = "ssd"
    speed = {"drafts": "faster"}
    drafts: int = Field(3, ge=0, le=32, description="depth of the tree: candidates guessed ahead")
    width: int = Field(2, ge=1, le=4, description="drafts that may come next at each canvas of the tree")

    def quota(self) -> quota.Quota:
        return quota.Fixed(1)

    def nodes(self, drafts: int) -> list[Node]:
        usable = min(self.drafts, drafts)
        level, tree = [Node()], [Node()]
        for _ in range(usable):
            level = sorted({node | {at} for node in level for at in self._next(node, usable)}, key=sorted)
            tree += level
        return tree

    def _next(self, node: Node, usable: int) -> list[int]:
        return [at for at in range(usable) if at not in node][: self.width]
