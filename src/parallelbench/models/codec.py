"""Tokenizers and chat templates."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tokenizers import Tokenizer

from parallelbench.errors import UserError
from parallelbench.models.base import Codec
from parallelbench.models.cards import Card
from parallelbench.schema import Turn


def _llada(turns: Sequence[Turn]) -> str:
    """LLaDA's template: begin, then header, text and end of each turn, then the assistant's header."""
    parts = [f"<|start_header_id|>{turn.role}<|end_header_id|>\n\n{turn.text}<|eot_id|>" for turn in turns]
    return "<|startoftext|>" + "".join(parts) + "<|start_header_id|>assistant<|end_header_id|>\n\n"


def _tiny(turns: Sequence[Turn]) -> str:
    return "".join(f"<|{turn.role}|>{turn.text}" for turn in turns) + "<|assistant|>"


def _none(turns: Sequence[Turn]) -> str:
    return "\n\n".join(turn.text for turn in turns) + "\n\n"


TEMPLATES: dict[str, Callable[[Sequence[Turn]], str]] = {"llada": _llada, "tiny": _tiny, "none": _none}


class ChatCodec(Codec):
    """A tokenizer of the `tokenizers` library with a model card's chat template and alignment."""

    def __init__(self, tokenizer: Tokenizer, card: Card) -> None:
        self.tokenizer = tokenizer
        self._render = TEMPLATES[card.template]
        self._align = card.align
        self._pad = special_id(tokenizer, card.pad, card)

    def encode_chat(self, turns: Sequence[Turn]) -> tuple[list[int], str]:
        text = self._render(turns)
        ids = self.encode(text)
        return [*ids[:-1], *[self._pad] * (-len(ids) % self._align), ids[-1]], text

    def encode(self, text: str) -> list[int]:
        return list(self.tokenizer.encode(text, add_special_tokens=False).ids)

    def decode(self, ids: Sequence[int]) -> str:
        return str(self.tokenizer.decode(list(ids), skip_special_tokens=False))


def special_id(tokenizer: Tokenizer, text: str, card: Card) -> int:
    """The id of a special token, as the tokenizer has it.

    Raises:
        UserError: the tokenizer does not know it, or at another id than the card says.
    """
    found = tokenizer.token_to_id(text)
    if found is None:
        raise UserError(f"the tokenizer has no token '{text}', which a {card.name} model needs; check the tokenizer.json.")
    if card.ids.get(text, found) != found:
        raise UserError(
            f"the tokenizer has '{text}' at id {found}, but {card.name} models at {card.ids[text]}; check tokenizer.json."
        )
    return found
