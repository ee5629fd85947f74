"""A tokenizer of transformers with the chat template of its checkpoint; without one, turns are plain paragraphs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from parallelbench.contracts.denoiser import Codec
from parallelbench.errors import UserError
from parallelbench.models.codec import vocabulary_size
from parallelbench.schema import Turn


class TemplateCodec(Codec):
    """Text to ids and back as the checkpoint itself says."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer

    @property
    def template(self) -> str:
        """The name of the template in results."""
        return "none" if self._tokenizer.chat_template is None else "chat"

    @property
    def vocabulary(self) -> int:
        """One more than the highest id of the tokenizer."""
        return vocabulary_size(self._tokenizer)

    def encode_chat(self, turns: Sequence[Turn]) -> tuple[list[int], str]:
        if self._tokenizer.chat_template is None:
            text = "\n\n".join(turn.text for turn in turns) + "\n\n"
            return list(self._tokenizer.encode(text)), text
        messages = [{"role": turn.role, "content": turn.text} for turn in turns]
        text = str(self._tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True))
        return self.encode(text), text

    def encode(self, text: str) -> list[int]:
        return list(self._tokenizer.encode(text, add_special_tokens=False))

    def decode(self, ids: Sequence[int]) -> str:
        return str(self._tokenizer.decode(list(ids), skip_special_tokens=False, clean_up_tokenization_spaces=False))

    def ends(self, config: Any) -> tuple[int, ...]:
        """The ids that end an answer: those of generation_config.json, else the tokenizer's.

        Raises:
            UserError: there is none, so an answer would never end.
        """
        named = config.eos_token_id if config is not None else None
        found = named if named is not None else self._tokenizer.eos_token_id
        if found is None:
            raise UserError("the checkpoint names no end token; set eos_token_id in its generation_config.json.")
        return tuple(found) if isinstance(found, (list, tuple)) else (int(found),)

    def pad(self, ends: Sequence[int]) -> int:
        """The id that fills rows up; it is never read."""
        return int(self._tokenizer.pad_token_id if self._tokenizer.pad_token_id is not None else ends[0])
