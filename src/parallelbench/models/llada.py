"""LLaDA's layout on transformers' own Llama classes: bidirectional attention by configuration, no remote code."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM

from parallelbench.errors import UserError
from parallelbench.models.base import Codec, Denoiser, ForwardBatch, ModelInfo
from parallelbench.models.cards import Card
from parallelbench.models.checkpoint import load_strictly, read_json, read_tensors, revision
from parallelbench.models.codec import ChatCodec, special_id
from parallelbench.schema import Sample

ROWS_MULTIPLE = 16  # below about 8 rows a matrix product takes another path whose last bit differs


class Llada(Denoiser):
    """A masked diffusion LM of full attention, loaded from a folder."""

    def __init__(self, model: LlamaForCausalLM, codec: ChatCodec, info: ModelInfo) -> None:
        self._model = model
        self._codec = codec
        self._info = info

    @property
    def info(self) -> ModelInfo:
        return self._info

    def codec_for(self, sample: Sample) -> Codec:
        return self._codec

    def forward(self, batch: ForwardBatch) -> Tensor:
        device = self._model.device
        ids = torch.from_numpy(batch.ids).to(device)
        lengths = torch.from_numpy(batch.lengths).to(device)
        attend = torch.arange(ids.shape[1], device=device) < lengths[:, None]
        hidden = self._model.model(input_ids=ids, attention_mask=attend, use_cache=False).last_hidden_state
        asked = hidden[torch.from_numpy(batch.rows).to(device), torch.from_numpy(batch.columns).to(device)]
        missing = -len(asked) % ROWS_MULTIPLE
        padded = torch.cat([asked, asked.new_zeros(missing, asked.shape[1])]) if missing else asked
        logits: Tensor = self._model.lm_head(padded)[: len(asked)]
        return logits


class SteadySilu(torch.nn.Module):
    """x / (1 + e^-x), to the same bit wherever an element lies in its array.

    Torch's own ends each thread's share with a scalar loop that rounds otherwise. Halves of our rows have no such rest, so
    it serves up to two threads; beyond, the exponential is taken apart, which no share changes.
    """

    def forward(self, x: Tensor) -> Tensor:
        if torch.get_num_threads() <= 2:
            return torch.nn.functional.silu(x)
        below = torch.neg(x).exp_().add_(1.0)
        return torch.div(x, below, out=below)


def load(folder: Path, card: Card, device: str = "cpu", dtype: torch.dtype = torch.float32) -> Llada:
    """Load a checkpoint folder in LLaDA's layout.

    Raises:
        UserError: a file is missing or damaged, a tensor does not fit, or a special token is not where the card says.
    """
    published = read_json(folder / "config.json")
    tokenizer = read_tokenizer(folder / "tokenizer.json")
    config = _config(published, card, folder)
    with torch.device("meta"):
        model = LlamaForCausalLM(config)
    load_strictly(model, read_tensors(folder, card.renames, dtype), folder)
    model.model.rotary_emb = type(model.model.rotary_emb)(config)  # its buffers are computed, not stored
    if config.tie_word_embeddings:
        model.tie_weights()
    if device == "cpu" and dtype == torch.float32:
        for layer in model.model.layers:
            layer.mlp.act_fn = SteadySilu()
    model.to(device).eval()
    return Llada(model, ChatCodec(tokenizer, card), _info(model, tokenizer, card, folder, device, dtype))


def read_tokenizer(path: Path) -> Tokenizer:
    """Read a tokenizer.json.

    Raises:
        UserError: it is missing or describes no tokenizer.
    """
    described = read_json(path)
    if "model" not in described:
        raise UserError(f"{path} describes no tokenizer; copy the checkpoint again.")
    return Tokenizer.from_str(json.dumps(described))


def _config(published: dict[str, object], card: Card, folder: Path) -> LlamaConfig:
    missing = [theirs for theirs in card.fields.values() if theirs not in published]
    if missing:
        raise UserError(
            f"{folder / 'config.json'} lacks {', '.join(missing)}; it is no checkpoint in {card.architecture} layout."
        )
    fields = {ours: published[theirs] for ours, theirs in card.fields.items()}
    config = LlamaConfig(**fields, attention_bias=False, attn_implementation="sdpa")
    config.is_causal = False
    return config


def _info(
    model: LlamaForCausalLM, tokenizer: Tokenizer, card: Card, folder: Path, device: str, dtype: torch.dtype
) -> ModelInfo:
    config = model.config
    head = model.lm_head.weight.numel()
    vocabulary = max(tokenizer.get_vocab().values()) + 1
    if vocabulary > config.vocab_size:
        raise UserError(
            f"{folder / 'tokenizer.json'} has {vocabulary} ids, but the embedding only {config.vocab_size}; "
            "copy tokenizer and weights of the same model."
        )
    inner = sum(p.numel() for name, p in model.named_parameters() if not name.startswith(("lm_head", "model.embed_tokens")))
    return ModelInfo(
        name=card.name, revision=revision(folder), vocab_size=vocabulary,
        mask_id=special_id(tokenizer, card.mask, card), pad_id=special_id(tokenizer, card.pad, card),
        end_ids=tuple(special_id(tokenizer, end, card) for end in card.ends), context_length=config.max_position_embeddings,
        dtype=str(dtype).removeprefix("torch."), device=device, shift=card.shift, shots=card.shots, template=card.template,
        licence=card.licence, active_params=inner, head_params=head, hidden_size=config.hidden_size,
        layers=config.num_hidden_layers,
    )  # fmt: skip
