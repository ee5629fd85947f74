"""Chat templates: how a conversation is written out for each family of models, in our own code; no template file is run.

A template returns pieces. In a `markup` piece the text of a special token stands for that token; in any other piece it is
content and stays text. Each template gives what the published Jinja template gives for plain conversations without tools,
with the header of the assistant's turn at the end:

* llada: LLaDA-8B-Instruct, LLaDA-1.5. White space around each turn's text is removed.
* chatml: SDAR, TraDo (the template of Qwen3). No system turn unless there is one; earlier answers without their thoughts.
* chatml_system: Dream, DiffuCoder (the template of Qwen2.5). A default system turn, unless the conversation begins with one.
* ling: LLaDA-MoE, LLaDA2 (the template of Ling 2). A first system turn that ends in "detailed thinking off".
* tiny: the models that ship with the package. Every turn that is shown counts as the user's, also the answer of a
  demonstration, so that `<|assistant|>` stands once, where the answer begins.
* none: base models. The turns as plain text, with an empty line after each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from parallelbench.schema import Turn

DEFAULT_SYSTEM = Turn("system", "You are a helpful assistant.")
THOUGHTS_END = "</think>"


class Piece(NamedTuple):
    """A part of a written-out conversation; in `markup` the texts of special tokens stand for these tokens."""

    text: str
    markup: bool = True


WITHOUT_SYSTEM = frozenset({"tiny", "none"})
"""Templates that have no place for a system prompt: they would write it as a turn of the user's."""

Template = Callable[[Sequence[Turn]], Iterator[Piece]]


def _llada(turns: Sequence[Turn]) -> Iterator[Piece]:
    for number, turn in enumerate(turns):
        begin = "" if number else "<|startoftext|>"
        yield Piece(f"{begin}<|start_header_id|>{turn.role}<|end_header_id|>\n\n")
        yield Piece(turn.text.strip(), markup=False)
        yield Piece("<|eot_id|>")
    yield Piece("<|start_header_id|>assistant<|end_header_id|>\n\n")


def _chatml_turn(role: str, text: str) -> Iterator[Piece]:
    yield Piece(f"<|im_start|>{role}\n")
    yield Piece(text, markup=False)
    yield Piece("<|im_end|>\n")


def _chatml(turns: Sequence[Turn]) -> Iterator[Piece]:
    for turn in turns:
        yield from _chatml_turn(turn.role, _without_thoughts(turn))
    yield Piece("<|im_start|>assistant\n")


def _chatml_system(turns: Sequence[Turn]) -> Iterator[Piece]:
    system = [] if turns and turns[0].role == "system" else [DEFAULT_SYSTEM]
    for turn in [*system, *turns]:
        yield from _chatml_turn(turn.role, turn.text)
    yield Piece("<|im_start|>assistant\n")


def _ling(turns: Sequence[Turn]) -> Iterator[Piece]:
    names = {"user": "HUMAN", "assistant": "ASSISTANT", "system": "SYSTEM"}
    yield Piece("<role>SYSTEM</role>")
    if turns and turns[0].role == "system":
        yield Piece(turns[0].text, markup=False)
        yield Piece("\n")
        turns = turns[1:]
    yield Piece("detailed thinking off<|role_end|>")
    for turn in turns:
        yield Piece(f"<role>{names[turn.role]}</role>")
        yield Piece(_without_thoughts(turn), markup=False)
        yield Piece("<|role_end|>")
    yield Piece("<role>ASSISTANT</role>")


def _without_thoughts(turn: Turn) -> str:
    """An earlier answer without the thoughts before it; any other turn as it is."""
    if turn.role != "assistant" or THOUGHTS_END not in turn.text:
        return turn.text
    return turn.text.split(THOUGHTS_END)[-1].lstrip("\n")


def _tiny(turns: Sequence[Turn]) -> Iterator[Piece]:
    for turn in turns:
        yield Piece("<|user|>")
        yield Piece(turn.text, markup=False)
    yield Piece("<|assistant|>")


def _none(turns: Sequence[Turn]) -> Iterator[Piece]:
    yield Piece("\n\n".join(turn.text for turn in turns) + "\n\n", markup=False)


TEMPLATES: dict[str, Template] = {
    "llada": _llada, "chatml": _chatml, "chatml_system": _chatml_system, "ling": _ling, "tiny": _tiny, "none": _none,
}  # fmt: skip


def written_out(template: str, turns: Sequence[Turn]) -> str:
    """Return a conversation as the text that a template makes of it."""
    return "".join(piece.text for piece in TEMPLATES[template](turns))
