"""A tokenizer of transformers with the chat template of its checkpoint; without one, turns are plain paragraphs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from parallelbench.clean import for_terminal
from parallelbench.contracts.denoiser import Codec
from parallelbench.errors import UserError
from parallelbench.models.codec import vocabulary_size
from parallelbench.models.generators.template_renderer import TemplateRenderer
from parallelbench.schema import Turn


class TemplateCodec(Codec):
    """Text to ids and back as the checkpoint itself says.

    Args:
        tokenizer: a fast tokenizer of transformers.
        source: the checkpoint, for messages.
        thoughts: whether the chat template is told to let the model think (`enable_thinking`); None leaves it out.
    """

    def __init__(self, tokenizer: Any, source: str = "the checkpoint", thoughts: bool | None = None) -> None:
        self._tokenizer = tokenizer
        self._source = source
        self._special = sorted(
            {str(token) for token in tokenizer.added_tokens_decoder.values() if token.special and str(token)}
            | set(tokenizer.all_special_tokens)
        )
        self._renderer = None
        if tokenizer.chat_template is not None:
            extra = {} if thoughts is None else {"enable_thinking": thoughts}
            variables = {**tokenizer.special_tokens_map, **extra}
            self._renderer = TemplateRenderer(_chosen(tokenizer.chat_template, source), variables, source)

    @property
    def template(self) -> str:
        """The name of the template in results."""
        return "none" if self._renderer is None else "chat"

    @property
    def vocabulary(self) -> int:
        """One more than the highest id of the tokenizer."""
        return vocabulary_size(self._tokenizer)

    def encode_chat(self, turns: Sequence[Turn]) -> tuple[list[int], str]:
        self._check(turns)
        if self._renderer is None:
            text = "\n\n".join(turn.text for turn in turns) + "\n\n"
            return list(self._tokenizer.encode(text)), text
        text = self._renderer.render(turns)
        return self.encode(text), text

    def _check(self, turns: Sequence[Turn]) -> None:
        """Refuse a text that holds the name of a special token, which the tokenizer would read as that token."""
        for turn in turns:
            for token in self._special:
                if token in turn.text:
                    raise UserError(
                        f"a prompt holds '{for_terminal(token)}', which the tokenizer of {self._source} reads as a special "
                        "token; change the text of the task."
                    )

    def encode(self, text: str) -> list[int]:
        return list(self._tokenizer.encode(text, add_special_tokens=False))

    def decode(self, ids: Sequence[int]) -> str:
        return str(self._tokenizer.decode(list(ids), skip_special_tokens=False, clean_up_tokenization_spaces=False))

    def ends(self, named: Sequence[int] | None) -> tuple[int, ...]:
        """The ids that end an answer: those that the checkpoint names, else the tokenizer's.

        Raises:
            UserError: there is none, so an answer would never end.
        """
        if named is not None:
            return tuple(named)
        if self._tokenizer.eos_token_id is None:
            raise UserError(f"{self._source} names no end token; set eos_token_id in its generation_config.json.")
        return (int(self._tokenizer.eos_token_id),)

    def pad(self, ends: Sequence[int]) -> int:
        """The id that fills rows up; it is never read."""
        return int(self._tokenizer.pad_token_id if self._tokenizer.pad_token_id is not None else ends[0])


def _chosen(template: Any, source: str) -> str:
    """The Jinja source of a chat template; of several named ones the default.

    Raises:
        UserError: there is no default, or it is no text.
    """
    chosen = template.get("default") if isinstance(template, dict) else template
    if not isinstance(chosen, str):
        raise UserError(f"{source} has several chat templates and none is the default; keep one in its chat_template.jinja.")
    return chosen
