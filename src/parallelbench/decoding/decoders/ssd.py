"""SSD: self-speculative decoding over a tree of drafts (Gao et al., arXiv 2510.04147).

The n most confident candidates are the drafts. One forward looks at a tree of canvases: level j holds canvases with j drafts
filled in, each made from a canvas of level j - 1 by adding one of its `width` most confident missing drafts. The walk starts
at the root and follows what one-by-one decoding commits at each canvas; it ends where that is not a draft. The tokens are
those of `one_by_one`. width = 1 is the chain of canvases {}, {1}, {1, 2}, ...; a wider tree has more rows, and also follows
drafts that are right but come in another order than their confidences.

Parameters: drafts n (default 3, the depth), width (default 2); the paper's text names no single setting. Cost: at most as many
forwards as one by one, each of which makes 1 to n + 1 of its steps; n + 1 rows a forward at width 1, n (n + 1) / 2 + 1 at
width 2. Needs only the model's distribution.

No code of the authors is public; this follows the text.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from parallelbench.decoding import quota
from parallelbench.decoding.decoders.speculation import Node, Speculative
from parallelbench.decoding.published import Borders, Published


class SSD(Speculative):
    """Verify a tree of drafts."""

    family: ClassVar[str] = "ssd"
    published: ClassVar[Published] = Published(state="text only", defaults="ours; the paper names no single setting")
    borders: ClassVar[Borders] = Borders(block="the walk goes on into the next block, as far as the forward has signals there")
    speed = {"drafts": "faster"}
    drafts: int = Field(3, ge=0, le=32, description="depth of the tree: how many commits are guessed")
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
