"""Tokenizers and chat templates. Templates are facts of a format, written here in our own code: no template file is run."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path

from tokenizers import AddedToken, Tokenizer

from parallelbench.contracts.denoiser import Codec
from parallelbench.errors import UserError
from parallelbench.models.cards import Card
from parallelbench.models.checkpoint import read_json
from parallelbench.schema import Turn

SYSTEM = Turn("system", "You are a helpful assistant.")


def _llada(turns: Sequence[Turn]) -> str:
    """LLaDA's template: begin, then header, text and end of each turn, then the assistant's header."""
    parts = [f"<|start_header_id|>{turn.role}<|end_header_id|>\n\n{turn.text}<|eot_id|>" for turn in turns]
    return "<|startoftext|>" + "".join(parts) + "<|start_header_id|>assistant<|end_header_id|>\n\n"


def _chatml(turns: Sequence[Turn]) -> str:
    """ChatML as SDAR has it: no system turn unless one is given."""
    return "".join(f"<|im_start|>{turn.role}\n{turn.text}<|im_end|>\n" for turn in turns) + "<|im_start|>assistant\n"


def _chatml_system(turns: Sequence[Turn]) -> str:
    """ChatML as Dream and DiffuCoder have it: with a system turn of their own."""
    return _chatml([SYSTEM, *turns])


def _ling(turns: Sequence[Turn]) -> str:
    """The template of LLaDA-MoE and LLaDA2: a system turn that switches thinking off, then roles in tags."""
    names = {"user": "HUMAN", "assistant": "ASSISTANT"}
    parts = [f"<role>{names[turn.role]}</role>{turn.text}<|role_end|>" for turn in turns]
    return "<role>SYSTEM</role>detailed thinking off<|role_end|>" + "".join(parts) + "<role>ASSISTANT</role>"


def _tiny(turns: Sequence[Turn]) -> str:
    return "".join(f"<|{turn.role}|>{turn.text}" for turn in turns) + "<|assistant|>"


def _none(turns: Sequence[Turn]) -> str:
    return "\n\n".join(turn.text for turn in turns) + "\n\n"


TEMPLATES: dict[str, Callable[[Sequence[Turn]], str]] = {
    "llada": _llada, "chatml": _chatml, "chatml_system": _chatml_system, "ling": _ling, "tiny": _tiny, "none": _none,
}  # fmt: skip


def vocabulary_size(tokenizer: Tokenizer) -> int:
    """One more than the highest id: a vocabulary may have holes."""
    return max(tokenizer.get_vocab().values()) + 1


def tokenizer_hash(tokenizer: Tokenizer) -> str:
    """The first 12 hexadecimal digits of the SHA-256 of what a tokenizer is."""
    return sha256(tokenizer.to_str().encode()).hexdigest()[:12]


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
    """The id of a special token, as the tokenizer has it; `#ID` names one by its id.

    Raises:
        UserError: the tokenizer does not know it, or at another id than the card says.
    """
    if text.startswith("#"):
        if tokenizer.id_to_token(int(text[1:])) is None:
            raise UserError(f"the tokenizer has no token {text[1:]}, which a {card.name} model needs; check its files.")
        return int(text[1:])
    found = tokenizer.token_to_id(text)
    if found is None:
        raise UserError(f"the tokenizer has no token '{text}', which a {card.name} model needs; check the tokenizer.json.")
    if card.ids.get(text, found) != found:
        raise UserError(
            f"the tokenizer has '{text}' at id {found}, but {card.name} models at {card.ids[text]}; check tokenizer.json."
        )
    return found


def read_tokenizer(folder: Path) -> Tokenizer:
    """Read the tokenizer of a checkpoint folder: tokenizer.json, or Qwen's vocab.json and merges.txt (Dream, SDAR).

    Raises:
        UserError: there is none, or it describes no tokenizer.
    """
    path = folder / "tokenizer.json"
    if not path.exists() and (folder / "merges.txt").exists():
        return _from_merges(folder)
    described = read_json(path)
    if "model" not in described:
        raise UserError(f"{path} describes no tokenizer; copy the checkpoint again.")
    return Tokenizer.from_str(json.dumps(described))


def _from_merges(folder: Path) -> Tokenizer:
    """Build Qwen2's byte-level BPE from its two files and the added tokens of tokenizer_config.json."""
    from transformers import Qwen2Tokenizer

    vocabulary = read_json(folder / "vocab.json")
    lines = (folder / "merges.txt").read_text(encoding="utf-8").splitlines()
    merges = [tuple(line.split(" ")) for line in lines if line and not line.startswith("#version")]
    added = read_json(folder / "tokenizer_config.json").get("added_tokens_decoder", {})
    tokenizer: Tokenizer = Qwen2Tokenizer(vocab=vocabulary, merges=merges).backend_tokenizer
    for key, token in sorted(added.items(), key=lambda item: int(item[0])):
        tokenizer.add_tokens([AddedToken(token["content"], special=token["special"], normalized=False)])
        if tokenizer.token_to_id(token["content"]) != int(key):
            raise UserError(f"{folder}: the added token '{token['content']}' is not at id {key}; copy the tokenizer again.")
    return tokenizer
