"""How a decoder compares with the code that its authors published, and what it does where a block or the canvas ends.

Every decoder of the registry declares both (`Decoder.published`, `Decoder.borders`); `parallelbench list decoders` and
docs/decoders.md print them, and tests/decoding/test_decoder_published.py decodes the same prompts as the published code.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Comparison = Literal["equal", "paper", "ours", "text only", "own method", "control"]

MEANING: dict[Comparison, str] = {
    "equal": "writes the same tokens in the same forwards as the authors' code",
    "paper": "follows the paper by default; `compat=authors` follows the authors' code, which differs from the paper",
    "ours": "differs from paper and code by choice; `compat=authors` follows the authors' code",
    "text only": "the authors published no code, so it was compared with the text of the paper only",
    "own method": "proposed here",
    "control": "a baseline that needs no source",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """The result of comparing a decoder with its authors' code.

    Attributes:
        state: one of `MEANING`.
        defaults: the source of the default parameters.
        code: the public repository that was compared, as owner/name; empty where there is none.
        difference: how the default differs from that code, and by how much; empty where it does not.
    """

    state: Comparison
    defaults: str
    code: str = ""
    difference: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Borders:
    """What a decoder does where a block ends and where the canvas ends.

    Attributes:
        block: what happens when the last mask of a block is filled.
        canvas: what happens when the last mask of the canvas is filled.
        state: what the decoder remembers from forward to forward; empty where nothing.
        over_blocks: whether a new block begins without that state or goes on with it.
    """

    block: str = "the next block begins"
    canvas: str = "the decode ends"
    state: str = ""
    over_blocks: Literal["reset", "carried", ""] = ""
