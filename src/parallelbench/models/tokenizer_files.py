"""Reading the tokenizer of a checkpoint folder. Whatever is wrong with its files is one sentence that names the file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from tokenizers import AddedToken, Tokenizer
from tokenizers.models import BPE, Unigram

from parallelbench.errors import UserError
from parallelbench.models.json_files import TOKENIZER_BYTES, parse_json, read_bounded, read_json

TokenId = Annotated[int, Field(ge=0, lt=1 << 24)]


class _Added(BaseModel):
    model_config = ConfigDict(strict=True)

    content: str = Field(min_length=1)
    special: bool = False


_VOCABULARY: TypeAdapter[dict[str, int]] = TypeAdapter(dict[str, TokenId], config=ConfigDict(strict=True))
_ADDED: TypeAdapter[dict[str, _Added]] = TypeAdapter(dict[Annotated[str, Field(pattern=r"^\d{1,8}$")], _Added])


def read_tokenizer(folder: Path) -> Tokenizer:
    """Read the tokenizer of a checkpoint folder: tokenizer.json, or Qwen's vocab.json and merges.txt (Dream, SDAR).

    Raises:
        UserError: there is none, or it describes no tokenizer.
    """
    path = folder / "tokenizer.json"
    if not path.exists() and (folder / "merges.txt").exists():
        return _from_merges(folder)
    data = read_bounded(path, TOKENIZER_BYTES)
    described = parse_json(data, path).get("model")
    if not isinstance(described, dict):
        raise UserError(f"{path} describes no tokenizer; copy the checkpoint again.")
    if described.get("type") == "Unigram" and described.get("unk_id") is None:
        raise UserError(f"{path} names no token of its vocabulary for unknown text; copy the checkpoint again.")
    try:
        return _checked(Tokenizer.from_buffer(data), path)
    except ValueError as error:  # what the library raises for a description that it cannot build
        raise UserError(f"{path} describes no tokenizer ({error!s:.120}); copy the checkpoint again.") from error


def _checked(tokenizer: Tokenizer, path: Path) -> Tokenizer:
    """Refuse a tokenizer without tokens, with ids beyond any vocabulary, or with no token for what it does not know."""
    vocabulary = tokenizer.get_vocab()
    if not vocabulary or max(vocabulary.values()) >= 1 << 24:
        raise UserError(f"{path} has no tokens, or ids beyond {1 << 24:,}; copy the checkpoint again.")
    model = tokenizer.model
    unknown = getattr(model, "unk_token", None)
    needed = not isinstance(model, (BPE, Unigram))
    if (unknown is None and needed) or (unknown is not None and model.token_to_id(unknown) is None):
        raise UserError(f"{path} names no token of its vocabulary for unknown text; copy the checkpoint again.")
    return tokenizer


def _from_merges(folder: Path) -> Tokenizer:
    """Build Qwen2's byte-level BPE from its two files and the added tokens of tokenizer_config.json."""
    from transformers import Qwen2Tokenizer

    path = folder / "merges.txt"
    try:
        vocabulary = _VOCABULARY.validate_python(read_json(folder / "vocab.json", TOKENIZER_BYTES))
        added = _ADDED.validate_python(
            read_json(folder / "tokenizer_config.json", TOKENIZER_BYTES).get("added_tokens_decoder", {})
        )
        lines = read_bounded(path, TOKENIZER_BYTES).decode("utf-8").splitlines()
    except (ValidationError, UnicodeDecodeError) as error:
        raise UserError(
            f"{folder}: vocab.json, merges.txt and tokenizer_config.json describe no tokenizer; copy them again."
        ) from error
    merges = [tuple(line.split(" ")) for line in lines if line and not line.startswith("#version")]
    wrong = [line for line in merges if len(line) != 2]
    if wrong:
        raise UserError(f"{path} holds '{' '.join(wrong[0]):.40}', which is no pair of tokens; copy it again.")
    try:
        tokenizer: Tokenizer = Qwen2Tokenizer(vocab=vocabulary, merges=merges).backend_tokenizer
    except ValueError as error:
        raise UserError(f"{path} does not go with vocab.json ({error!s:.120}); copy both again.") from error
    for key, token in sorted(added.items(), key=lambda item: int(item[0])):
        tokenizer.add_tokens([AddedToken(token.content, special=token.special, normalized=False)])
        if tokenizer.token_to_id(token.content) != int(key):
            raise UserError(f"{folder}: the added token '{token.content}' is not at id {key}; copy the tokenizer again.")
    return _checked(tokenizer, path)
