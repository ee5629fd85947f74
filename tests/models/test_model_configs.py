"""A config.json is read by meaning: each key is used, neutral at its value, or stops the loading with its name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from published_configs import DREAM_7B, LLADA2_MINI, LLADA_8B, LLADA_MOE, PUBLISHED, SDAR_4B, SDAR_30B

from parallelbench.errors import UserError
from parallelbench.models.configs import Settings, read_settings
from parallelbench.models.layouts import LAYOUTS
from parallelbench.models.neutral import COMMON
from parallelbench.models.rope import ROPE_KEYS

PATH = Path("config.json")
OF_LAYOUT: dict[str, dict[str, Any]] = {
    "llada": LLADA_8B, "dream": DREAM_7B, "sdar": SDAR_4B, "sdar_moe": SDAR_30B, "llada_moe": LLADA_MOE, "llada2": LLADA2_MINI,
}  # fmt: skip
KNOWN = set(COMMON) | ROPE_KEYS
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def read(layout: str, **changes: Any) -> Settings:
    return read_settings({**OF_LAYOUT[layout], **changes}, layout, PATH)


def without(layout: str, *keys: str) -> dict[str, Any]:
    return {key: value for key, value in OF_LAYOUT[layout].items() if key not in keys}


@pytest.mark.parametrize("repository", PUBLISHED)
def test_every_published_config_is_read(repository: str) -> None:
    layout, published = PUBLISHED[repository]
    settings = read_settings(published, layout, PATH)
    for ours, theirs in LAYOUTS[layout].used.items():
        assert getattr(settings, ours) == published[theirs]
    assert settings.rope_theta == published["rope_theta"] and settings.wide_rotation == (layout == "llada")


@given(st.sampled_from(sorted(OF_LAYOUT)), st.text(st.characters(codec="ascii"), min_size=1, max_size=12), VALUES)
def test_a_key_that_nobody_knows_stops_the_loading_with_its_name(layout: str, key: str, value: Any) -> None:
    if key in KNOWN | set(LAYOUTS[layout].neutral) | set(OF_LAYOUT[layout]) | {LAYOUTS[layout].block}:
        return
    with pytest.raises(UserError) as caught:
        read(layout, **{key: value})
    assert f"{key}=" in str(caught.value) and f"ignore={key}" in str(caught.value)
    assert read_settings({**OF_LAYOUT[layout], key: value}, layout, PATH, ignore=(key,)) == read(layout)


@given(st.sampled_from(sorted(OF_LAYOUT)), st.data(), VALUES)
def test_any_value_of_a_known_key_is_read_or_refused_by_name(layout: str, data: st.DataObject, value: Any) -> None:
    key = data.draw(st.sampled_from(sorted(OF_LAYOUT[layout])))
    try:
        read(layout, **{key: value})
    except UserError as error:
        names = {theirs: ours for ours, theirs in LAYOUTS[layout].used.items()}
        assert key in str(error) or names.get(key, "?") in str(error) or "config.json:" in str(error)


# fault 9
@pytest.mark.parametrize(
    ("layout", "changes", "named"),
    [
        ("llada", {"input_emb_norm": True}, "input_emb_norm=True"),
        ("llada", {"alibi": True}, "alibi=True"),
        ("llada", {"attention_layer_norm": True}, "attention_layer_norm=True"),
        ("llada", {"scale_logits": True}, "scale_logits=True"),
        ("llada", {"layer_norm_with_affine": False}, "layer_norm_with_affine=False"),
        ("llada", {"bias_for_layer_norm": True}, "bias_for_layer_norm=True"),
        ("llada", {"block_group_size": 2}, "block_group_size=2"),
        ("llada", {"activation_type": "gelu"}, "activation_type='gelu'"),
        ("llada", {"multi_query_attention": True}, "multi_query_attention=True"),
        ("dream", {"rope_parameters": {"rope_type": "yarn", "factor": 4.0, "rope_theta": 1e6}}, "rope_parameters="),
        ("dream", {"rope_scaling": {"type": "linear", "factor": 2.0}}, "rope_scaling="),
        ("dream", {"rope_scaling": {"mrope_section": [16, 24, 24], "type": "default"}}, "rope_scaling="),
        ("dream", {"rope_parameters": {"rope_type": "default", "rope_theta": 5e5}}, "rope_theta=500000.0 and 1000000.0"),
        ("dream", {"partial_rotary_factor": 0.5}, "partial_rotary_factor=0.5"),
        ("dream", {"rope_parameters": {"rope_type": "default", "partial_rotary_factor": 0.5}}, "rotates a part of each head"),
        ("dream", {"use_sliding_window": True}, "use_sliding_window=True"),
        ("dream", {"layer_types": ["full_attention", "sliding_attention"]}, "layer_types="),
        ("sdar", {"quantization_config": {"quant_method": "fp8"}}, "quantization_config="),
        ("sdar", {"hidden_act": "gelu"}, "hidden_act='gelu'"),
        ("sdar_moe", {"mlp_only_layers": [3]}, "mlp_only_layers=[3]"),
        ("sdar_moe", {"decoder_sparse_step": 2}, "decoder_sparse_step=2"),
        ("llada_moe", {"moe_layer_freq": [0] + [1] * 15}, "moe_layer_freq="),
        ("llada_moe", {"clip_qkv": 8.0}, "clip_qkv=8.0"),
        ("llada_moe", {"qk_layernorm": False}, "qk_layernorm=False"),
        ("llada2", {"score_function": "softmax"}, "score_function='softmax'"),
        ("llada2", {"rotary_dim": 128}, "rotary_dim=128"),
        ("llada2", {"num_nextn_predict_layers": 1}, "num_nextn_predict_layers=1"),
    ],
)
def test_a_setting_that_changes_arithmetic_is_refused_by_name(layout: str, changes: dict[str, Any], named: str) -> None:
    with pytest.raises(UserError) as caught:
        read(layout, **changes)
    assert named in str(caught.value) and "\n" not in str(caught.value)


# fault 10
@pytest.mark.parametrize(
    ("layout", "removed", "changes"),
    [
        ("dream", ("rope_theta",), {"rope_parameters": {"rope_type": "default", "rope_theta": 1e6}}),
        ("dream", ("rope_theta", "rope_scaling"), {"rope_parameters": {"rope_type": "default", "rope_theta": 1_000_000}}),
        ("dream", (), {"rope_scaling": {"rope_type": "default"}}),
        ("dream", (), {"rope_scaling": {"type": "linear", "factor": 1.0}}),
        ("dream", (), {"rope_scaling": {"type": "yarn", "factor": 1, "original_max_position_embeddings": 32768}}),
        ("dream", (), {"rope_scaling": {}}),
        ("dream", (), {"layer_types": ["full_attention"] * 28}),
        ("dream", ("rms_norm_eps", "use_sliding_window", "hidden_act"), {}),
        ("sdar", ("head_dim",), {}),
        ("sdar", ("attention_bias",), {}),
        ("llada", ("embedding_size",), {}),
        ("llada", ("n_kv_heads",), {}),
        ("llada", ("rms_norm_eps", "activation_type", "block_type"), {}),
        ("llada", ("mlp_hidden_size",), {"mlp_ratio": 3}),
        ("llada", (), {"tie_word_embeddings": True}),  # LLaDA's code reads weight_tying
        ("llada2", ("partial_rotary_factor",), {"rope_parameters": {"rope_theta": 600000.0, "partial_rotary_factor": 0.5}}),
        ("llada2", ("rotary_dim",), {}),
    ],
)
def test_the_same_arithmetic_in_another_spelling_is_accepted(
    layout: str, removed: tuple[str, ...], changes: dict[str, Any]
) -> None:
    assert read_settings({**without(layout, *removed), **changes}, layout, PATH) == read(layout)


def test_settings_that_the_authors_code_derives() -> None:
    assert read_settings(without("llada", "mlp_hidden_size"), "llada", PATH).intermediate_size == 4 * 4096
    assert read_settings(without("llada", "n_kv_heads"), "llada", PATH).num_key_value_heads == 32
    single = read_settings({**without("llada", "n_kv_heads"), "multi_query_attention": True}, "llada", PATH)
    assert single.num_key_value_heads == 1
    assert read_settings(without("dream", "num_key_value_heads"), "dream", PATH).num_key_value_heads == 28
    for tied in (True, False):
        assert read_settings(without("dream", "tie_word_embeddings"), "dream", PATH, tied=tied).tie_word_embeddings is tied


def test_a_rotation_in_the_weights_precision_is_computed_so() -> None:
    assert read("llada").wide_rotation and not read("llada", rope_full_precision=False).wide_rotation


# fault 55
@pytest.mark.parametrize(
    "changes",
    [
        {"n_layers": 10**9}, {"n_layers": "32"}, {"n_layers": 32.0}, {"n_layers": True}, {"n_layers": 0}, {"n_heads": 0},
        {"n_heads": 33}, {"n_kv_heads": 7}, {"d_model": -1}, {"d_model": 10**12}, {"rms_norm_eps": float("nan")},
        {"rope_theta": float("inf")}, {"rope_theta": "1e6"}, {"rope_theta": []}, {"weight_tying": "yes"},
        {"embedding_size": [1]}, {"rope_scaling": "linear"}, {"rope_parameters": 3}, {"n_heads": None}, {"n_layers": {}},
    ],
)  # fmt: skip
def test_sizes_that_cannot_be_are_one_sentence(changes: dict[str, Any]) -> None:
    with pytest.raises(UserError) as caught:
        read("llada", **changes)
    assert len(str(caught.value)) < 400 and "\n" not in str(caught.value)


def test_tables_do_not_contradict_themselves() -> None:
    for layout in LAYOUTS.values():
        used = set(layout.used.values()) - {"partial_rotary_factor"}
        assert not used & set(layout.neutral) and not used & set(COMMON)
        assert set(layout.used) | set(layout.fixed) | set(layout.defaults) <= set(Settings.model_fields)
