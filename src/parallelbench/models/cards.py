"""Model cards: what a published checkpoint of each family looks like. One loader reads this table.

Facts from the checkpoints' own config.json and tokenizer files; ids are read from the tokenizer at load time and compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Card:
    """One family of checkpoints.

    `fields` maps names of transformers' LlamaConfig to the names in the published config.json; `renames` are (pattern,
    replacement) pairs, applied in order to the published tensor names; `mask`, `ends`, `pad` are the texts of the special
    tokens; `template` names a chat template; `align` is what the length of a prompt is a multiple of (filled up with padding
    that the model reads, before the last token); `shots` is what the model was trained for (None: whatever the task says).
    """

    name: str
    hub_id: str
    architecture: str
    mask: str
    ends: tuple[str, ...]
    pad: str
    template: str
    licence: str
    summary: str
    fields: Mapping[str, str]
    renames: tuple[tuple[str, str], ...]
    ids: Mapping[str, int] = field(default_factory=dict)
    shift: int = 0
    shots: int | None = None
    align: int = 1


LLADA_FIELDS = {
    "hidden_size": "d_model",
    "num_hidden_layers": "n_layers",
    "num_attention_heads": "n_heads",
    "num_key_value_heads": "n_kv_heads",
    "intermediate_size": "mlp_hidden_size",
    "rms_norm_eps": "rms_norm_eps",
    "rope_theta": "rope_theta",
    "max_position_embeddings": "max_sequence_length",
    "vocab_size": "embedding_size",
    "tie_word_embeddings": "weight_tying",
}

LLADA_RENAMES = (
    (r"^model\.transformer\.wte\.", "model.embed_tokens."),
    (r"^model\.transformer\.ln_f\.", "model.norm."),
    (r"^model\.transformer\.ff_out\.", "lm_head."),
    (r"^model\.transformer\.blocks\.(\d+)\.attn_norm\.", r"model.layers.\1.input_layernorm."),
    (r"^model\.transformer\.blocks\.(\d+)\.ff_norm\.", r"model.layers.\1.post_attention_layernorm."),
    (r"^model\.transformer\.blocks\.(\d+)\.([qkv]_proj)\.", r"model.layers.\1.self_attn.\2."),
    (r"^model\.transformer\.blocks\.(\d+)\.attn_out\.", r"model.layers.\1.self_attn.o_proj."),
    (r"^model\.transformer\.blocks\.(\d+)\.ff_proj\.", r"model.layers.\1.mlp.gate_proj."),
    (r"^model\.transformer\.blocks\.(\d+)\.up_proj\.", r"model.layers.\1.mlp.up_proj."),
    (r"^model\.transformer\.blocks\.(\d+)\.ff_out\.", r"model.layers.\1.mlp.down_proj."),
)


def _llada(name: str, hub_id: str, summary: str) -> Card:
    return Card(
        name=name, hub_id=hub_id, architecture="llada", mask="<|mdm_mask|>", ends=("<|endoftext|>", "<|eot_id|>"),
        pad="<|endoftext|>", template="llada", licence="MIT", summary=summary, fields=LLADA_FIELDS, renames=LLADA_RENAMES,
        ids={"<|mdm_mask|>": 126336, "<|endoftext|>": 126081, "<|eot_id|>": 126348},
    )  # fmt: skip


CARDS: dict[str, Card] = {
    card.name: card
    for card in (
        Card(
            name="tiny", hub_id="", architecture="llada", mask="<|mask|>", ends=("<|endoftext|>",), pad="<|pad|>",
            template="tiny", licence="Apache-2.0", summary="ships with the package: 0.9 M parameters, list and puzzle tasks",
            fields=LLADA_FIELDS, renames=LLADA_RENAMES, shots=0, align=64,
        ),
        _llada("llada-8b-base", "GSAI-ML/LLaDA-8B-Base", "LLaDA 8B, base"),
        _llada("llada-8b-instruct", "GSAI-ML/LLaDA-8B-Instruct", "LLaDA 8B, instruction-tuned"),
        _llada("llada-1.5", "GSAI-ML/LLaDA-1.5", "LLaDA 1.5 8B, preference-optimised"),
    )
}  # fmt: skip
