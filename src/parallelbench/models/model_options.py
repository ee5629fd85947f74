"""What a user can say about a model behind its name: `path:DIR,dtype=bfloat16,template=none`."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from parallelbench.errors import UnknownName, UserError
from parallelbench.models.cards import CARDS, Card
from parallelbench.specs import Options, build, parse_options


def _as_list(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else (value,)


Token = Annotated[int, Field(ge=0)] | Annotated[str, Field(min_length=1)]
Several = BeforeValidator(_as_list)


class LoadOptions(Options):
    """What can be said about a checkpoint. Whatever a model card says can be said otherwise here."""

    card: str | None = Field(None, description="the model card whose tokens and template apply (default: what fits)")
    name: str | None = Field(None, min_length=1, max_length=200, description="what results are listed under")
    template: Literal["chat", "none"] | None = Field(
        None, description="chat: the card's chat template; none: turns as plain text (default: chat, for base models none)"
    )
    shots: int | None = Field(None, ge=0, le=8, description="demonstrations, where neither task nor command line says how many")
    mask: Token | None = Field(None, description="the mask token, by id or text")
    ends: Annotated[tuple[Token, ...], Several] | None = Field(None, description="tokens that end an answer, by id or text")
    pad: Token | None = Field(None, description="the padding token, by id or text")
    dtype: Literal["float32", "bfloat16", "float16"] | None = Field(
        None, description="precision of weights and activations (default: bfloat16 for published weights on a GPU)"
    )
    device_map: Literal["auto"] | None = Field(None, description="auto lays the layers over all devices")
    compile: bool = Field(False, description="hand the blocks to torch.compile")
    block: int | None = Field(None, ge=1, description="block of a block-causal model, where its config is silent or wrong")
    tokenizer: str | None = Field(None, description="folder of the tokenizer, where the checkpoint comes without one")
    read: Literal["first_end", "canvas"] = Field(
        "first_end", description="an answer is what stands before the first end token, or all ordinary tokens of the canvas"
    )
    adapter: str | None = Field(
        None, min_length=1, description="folder of a LoRA adapter in peft's format, added to the weights"
    )
    ignore: Annotated[tuple[str, ...], Several] = Field((), description="keys of config.json that are known to change nothing")

    @property
    def tokens(self) -> dict[str, Any]:
        """The special tokens that were named, by the fields of a card."""
        named = {"mask": self.mask, "pad": self.pad, "ends": self.ends}
        return {
            key: tuple(map(_text, value)) if isinstance(value, tuple) else _text(value)
            for key, value in named.items()
            if value is not None
        }

    def suffix(self) -> str:
        """What ends the revision because it can change an answer and is in no other field of a cell."""
        said = {
            "block": self.block,
            "read": None if self.read == "first_end" else self.read,
            **{key: "+".join(value) if isinstance(value, tuple) else value for key, value in self.tokens.items()},
        }
        return "".join(f",{key}={value}" for key, value in said.items() if value is not None)


def _text(token: int | str) -> str:
    """A token as cards write it: its text, or `#ID`."""
    return f"#{token}" if isinstance(token, int) else token


def read_options(text: str, whole: str, **preset: Any) -> LoadOptions:
    """Read the options behind a model's name; `preset` are those that the name implies.

    Raises:
        UserError: an option is unknown or out of range, or names no card.
    """
    options = build(LoadOptions, f"model '{whole}'", {**preset, **(parse_options(text, whole) if text else {})})
    if options.card is not None and options.card not in CARDS:
        raise UnknownName("model card", options.card, CARDS)
    return options


def adapt(card: Card, options: LoadOptions, name: str | None) -> Card:
    """Return the card as the options change it; `name` is what results are listed under (None: the card's name).

    Raises:
        UserError: a chat template is wanted of a card that has none.
    """
    if options.template == "chat" and card.template == "none":
        raise UserError(f"{card.name} has no chat template; leave template=chat out, or name another card.")
    plain = options.template == "none" or (options.template is None and card.base)
    shots = card.shots if options.shots is None else options.shots
    template = "none" if plain else card.template
    listed = options.name or name or card.name
    return replace(card, key=card.name, name=listed, template=template, shots=shots, **options.tokens)
