"""Models of published sizes with random weights, made on the device, so that a benchmark needs no checkpoint."""

from __future__ import annotations

import random
import zlib
from collections.abc import Sequence
from typing import Any

import torch
import transformers

from parallelbench.contracts.denoiser import Codec
from parallelbench.contracts.info import ModelInfo
from parallelbench.models.native import NativeDenoiser
from parallelbench.schema import Turn

SHAPES: dict[str, dict[str, Any]] = {
    "llada-8b": {
        "model": "LlamaForCausalLM", "hidden_size": 4096, "intermediate_size": 12288, "num_hidden_layers": 32,
        "num_attention_heads": 32, "num_key_value_heads": 32, "head_dim": 128, "vocab_size": 126464, "rope_theta": 5e5,
        "tie_word_embeddings": False,
    },
    "sdar-4b": {
        "model": "Qwen3ForCausalLM", "hidden_size": 2560, "intermediate_size": 9728, "num_hidden_layers": 36,
        "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 128, "vocab_size": 151936, "rope_theta": 1e6,
        "tie_word_embeddings": True, "block": 4,
    },
    "small": {
        "model": "LlamaForCausalLM", "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 4, "head_dim": 16, "vocab_size": 512, "rope_theta": 1e4,
        "tie_word_embeddings": False,
    },
    "small-blocks": {
        "model": "Qwen3ForCausalLM", "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16, "vocab_size": 512, "rope_theta": 1e4,
        "tie_word_embeddings": True, "block": 4,
    },
}  # fmt: skip
CONTEXT = 4096


class NumberCodec(Codec):
    """Prompts of a fixed number of tokens that follow from the text; a token's text is its number."""

    def __init__(self, vocabulary: int, prompt: int) -> None:
        self._vocabulary, self._prompt = vocabulary, prompt

    def encode_chat(self, turns: Sequence[Turn]) -> tuple[list[int], str]:
        text = "\n".join(turn.text for turn in turns)
        draws = random.Random(zlib.crc32(text.encode()))
        return [draws.randrange(16, self._vocabulary) for _ in range(self._prompt)], text

    def encode(self, text: str) -> list[int]:
        return [16 + number % (self._vocabulary - 16) for number in text.encode()[:8]]

    def decode(self, ids: Sequence[int]) -> str:
        return "".join(f" {token}" for token in ids)


def random_model(
    shape: str, device: str, dtype: str, prompt: int, *, compiled: bool = False, network: Any = None
) -> NativeDenoiser:
    """Make a model of a published size, or another denoiser around the network of one; prompts have so many tokens."""
    sizes = dict(SHAPES[shape])
    name, block = sizes.pop("model"), sizes.pop("block", None)
    config = getattr(transformers, name).config_class(
        **sizes, max_position_embeddings=CONTEXT, attention_bias=False, attn_implementation="sdpa"
    )
    config.is_causal = False
    if network is None:
        network = _network(getattr(transformers, name), config, device, getattr(torch, dtype))
    head = sizes["hidden_size"] * sizes["vocab_size"]
    total = sum(weight.numel() for weight in network.parameters())
    info = ModelInfo(
        name=f"random {shape}", revision="random", vocab_size=sizes["vocab_size"], mask_id=0, pad_id=1, end_ids=(2,),
        context_length=CONTEXT, dtype=dtype, device=device, attention="full" if block is None else "block_causal", block=block,
        shots=0, offers=frozenset({"cache"}), active_params=total - head * (1 if sizes["tie_word_embeddings"] else 2),
        total_params=total, head_params=head, hidden_size=sizes["hidden_size"], layers=sizes["num_hidden_layers"],
    )  # fmt: skip
    return NativeDenoiser(network, NumberCodec(sizes["vocab_size"], prompt), info, compiled)  # type: ignore[arg-type]


def _network(cls: Any, config: Any, device: str, dtype: torch.dtype) -> Any:
    with torch.device("meta"):
        network = cls(config).to(dtype)
    network = network.to_empty(device=device)
    network.model.rotary_emb = type(network.model.rotary_emb)(config).to(device)
    generator = torch.Generator(device).manual_seed(0)
    with torch.no_grad():
        for weight in network.parameters():
            if weight.ndim == 1:
                weight.fill_(1.0)
            else:
                weight.normal_(0.0, 0.02, generator=generator)
    network.tie_weights()
    return network.eval()
