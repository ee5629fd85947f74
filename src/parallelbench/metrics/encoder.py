"""A BERT or RoBERTa encoder in NumPy: enough to read the hidden states of one layer, with no torch and no version to suit.

x_0 = LayerNorm(word + position + type)
x_l = LayerNorm(h + W2 gelu(W1 h)),  h = LayerNorm(x + attention(x)),  x = x_(l-1)
"""

from __future__ import annotations

import hashlib
import math
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from parallelbench.errors import UserError
from parallelbench.files import read_bytes

Floats = npt.NDArray[np.float32]
_WORDS = "embeddings.word_embeddings.weight"
LONGEST = 512
"""Tokens, as in bert-score; what is longer is cut."""
TOKENIZER_BYTES = 64 << 20
ADVICE = "name the folder of a BERT or RoBERTa model"


class _Config(BaseModel):
    """What is read of config.json."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False, protected_namespaces=())
    model_type: str
    num_attention_heads: int = Field(ge=1)
    layer_norm_eps: float = Field(gt=0)
    pad_token_id: int = Field(0, ge=0, le=8)
    max_position_embeddings: int = Field(ge=32)


class Encoder:
    """The first `layers` layers of a model in a folder with config.json, tokenizer.json and model.safetensors."""

    def __init__(self, folder: Path, layers: int) -> None:
        from safetensors import SafetensorError, safe_open
        from tokenizers import Tokenizer

        config = _config(folder / "config.json")
        described = read_bytes(folder / "tokenizer.json", ADVICE, TOKENIZER_BYTES)
        try:
            self._tokenizer = Tokenizer.from_buffer(described)
        except ValueError as error:  # what the library raises for a description that it cannot build
            raise UserError(f"{folder}/tokenizer.json describes no tokenizer ({error!s:.100}); {ADVICE}.") from error
        try:
            with safe_open(folder / "model.safetensors", framework="numpy") as file:
                names = list(file.keys())
                prefix = next((name.partition(_WORDS)[0] for name in names if name.endswith(_WORDS)), "")
                wanted = [name for name in names if _used(name.removeprefix(prefix), layers)]
                self._weights: dict[str, Floats] = {
                    name.removeprefix(prefix): np.asarray(file.get_tensor(name), dtype=np.float32) for name in wanted
                }
        except (OSError, SafetensorError) as error:
            raise UserError(f"{folder}/model.safetensors cannot be read ({error}); restore it.") from error
        if not {_WORDS, f"encoder.layer.{layers - 1}.output.dense.weight"} <= self._weights.keys():
            raise UserError(f"{folder}/model.safetensors holds no BERT or RoBERTa of {layers} layers; {ADVICE}.")
        self._layers, self._heads = layers, config.num_attention_heads
        self._epsilon = config.layer_norm_eps
        self._spaced = config.model_type == "roberta"
        self._first = config.pad_token_id + 1 if self._spaced else 0
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(min(LONGEST, config.max_position_embeddings - self._first))
        self.encode = lru_cache(1 << 10)(self._encode)

    def _encode(self, text: str) -> Floats:
        """Return the hidden states of a text [tokens, width], its first and last mark included."""
        text = text.encode("utf-8", "replace").decode().strip()
        ids = self._tokenizer.encode(f" {text}" if self._spaced else text).ids
        x = self._named("embeddings.word_embeddings")[ids] + self._named("embeddings.token_type_embeddings")[0]
        x = self._normed(x + self._named("embeddings.position_embeddings")[self._first : self._first + len(ids)], "embeddings")
        for layer in range(self._layers):
            name = f"encoder.layer.{layer}"
            h = self._normed(x + self._attention(x, f"{name}.attention"), f"{name}.attention.output")
            up = gelu(self._linear(h, f"{name}.intermediate.dense"))
            x = self._normed(h + self._linear(up, f"{name}.output.dense"), f"{name}.output")
        return x

    def _attention(self, x: Floats, name: str) -> Floats:
        length, width = x.shape
        q, k, v = (
            self._linear(x, f"{name}.self.{part}").reshape(length, self._heads, -1).swapaxes(0, 1)
            for part in ("query", "key", "value")
        )
        scores = q @ k.swapaxes(1, 2) / math.sqrt(width // self._heads)
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        weights /= weights.sum(-1, keepdims=True)
        return self._linear((weights @ v).swapaxes(0, 1).reshape(length, width), f"{name}.output.dense")

    def _linear(self, x: Floats, name: str) -> Floats:
        product: Floats = x @ self._named(name).T + self._named(name, "bias")
        return product

    def _normed(self, x: Floats, name: str) -> Floats:
        centred = x - x.mean(-1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + self._epsilon)
        normed: Floats = scaled * self._named(f"{name}.LayerNorm") + self._named(f"{name}.LayerNorm", "bias")
        return normed

    def _named(self, name: str, part: str = "weight") -> Floats:
        return self._weights[f"{name}.{part}"]


def gelu(x: Floats) -> Floats:
    """x * Phi(x), with the normal distribution function."""
    from scipy.special import ndtr

    result: Floats = x * ndtr(x)
    return result


def digest(folder: Path) -> str:
    """The SHA-256 of a model's weights.

    Raises:
        UserError: there are none.
    """
    try:
        with (folder / "model.safetensors").open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UserError(f"{folder} has no model.safetensors that can be read ({error.strerror}); give another.") from error


def _used(name: str, layers: int) -> bool:
    if name.startswith("encoder.layer."):
        return int(name.split(".")[2]) < layers
    return name.startswith("embeddings.") and not name.endswith("position_ids")


def _config(path: Path) -> _Config:
    try:
        return _Config.model_validate_json(read_bytes(path, ADVICE))
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in fault["loc"]) or "the file"
        raise UserError(f"{path} describes no such model ({where}: {fault['msg']:.100}); {ADVICE}.") from error
