"""When the parts of a traced answer are shown: by an animation in CSS, or as they stand after one forward."""

from __future__ import annotations

from typing import Literal, NamedTuple, Protocol

Kind = Literal["on", "off", "now"]
"""A part is shown from its forward on, until its forward, or during its forward only."""
ANIMATION = (
    ".off{{opacity:0}}.now{{visibility:hidden}}"
    "@media not (prefers-reduced-motion:reduce){{"
    ".on{{animation:on 1ms both}}.off{{animation:off 1ms both}}.now{{animation:now {seconds:.2f}s}}}}"
    "@keyframes on{{from{{opacity:0}}}}@keyframes off{{from{{opacity:1}}to{{opacity:0}}}}"
    "@keyframes now{{from,to{{visibility:visible}}}}"
)


class Clock(Protocol):
    """What the drawing of a trace asks."""

    @property
    def css(self) -> str:
        """Style rules that the attributes need."""
        ...

    def when(self, kind: Kind, forward: int, look: str = "") -> str:
        """The attributes of a part with the class `look`; forward -1 is the canvas before the first."""
        ...


class Animated(NamedTuple):
    """Each forward is shown for some seconds. Without an animation all parts of the end are shown."""

    seconds: float

    @property
    def css(self) -> str:
        return ANIMATION.format(seconds=self.seconds)

    def when(self, kind: Kind, forward: int, look: str = "") -> str:
        return f'class="{f"{look} {kind}".strip()}" style="animation-delay:{(forward + 1) * self.seconds:.2f}s"'


class Frame(NamedTuple):
    """The picture after one forward."""

    forward: int

    @property
    def css(self) -> str:
        return ""

    def when(self, kind: Kind, forward: int, look: str = "") -> str:
        shown = {"on": forward <= self.forward, "off": forward > self.forward, "now": forward == self.forward}[kind]
        return f'class="{look}"' if shown else 'display="none"'
