"""What the config.json of published checkpoints says, as facts: every key with its value, but for file names in `auto_map`."""

from __future__ import annotations

from typing import Any

LLADA_8B: dict[str, Any] = {
    "activation_type": "silu", "alibi": False, "alibi_bias_max": 8.0, "architectures": ["LLaDAModelLM"],
    "attention_dropout": 0.0, "attention_layer_norm": False, "attention_layer_norm_with_affine": True, "auto_map": {},
    "bias_for_layer_norm": False, "block_group_size": 1, "block_type": "llama", "d_model": 4096, "embedding_dropout": 0.0,
    "embedding_size": 126464, "eos_token_id": 126081, "flash_attention": False, "include_bias": False,
    "include_qkv_bias": False, "init_cutoff_factor": None, "init_device": "meta", "init_fn": "mitchell", "init_std": 0.02,
    "input_emb_norm": False, "layer_norm_type": "rms", "layer_norm_with_affine": True, "mask_token_id": 126336,
    "max_sequence_length": 4096, "mlp_hidden_size": 12288, "mlp_ratio": 4, "model_type": "llada",
    "multi_query_attention": None, "n_heads": 32, "n_kv_heads": 32, "n_layers": 32, "pad_token_id": 126081,
    "precision": "amp_bf16", "residual_dropout": 0.0, "rms_norm_eps": 1e-05, "rope": True, "rope_full_precision": True,
    "rope_theta": 500000.0, "scale_logits": False, "transformers_version": "4.46.3", "use_cache": False,
    "vocab_size": 126464, "weight_tying": False,
}  # fmt: skip

DREAM_7B: dict[str, Any] = {
    "architectures": ["DreamModel"], "attention_dropout": 0.0, "auto_map": {}, "bos_token_id": 151643,
    "eos_token_id": 151643, "hidden_act": "silu", "hidden_size": 3584, "initializer_range": 0.02,
    "intermediate_size": 18944, "mask_token_id": 151666, "max_position_embeddings": 131072, "max_window_layers": 28,
    "model_type": "Dream", "num_attention_heads": 28, "num_hidden_layers": 28, "num_key_value_heads": 4,
    "pad_token_id": 151643, "rms_norm_eps": 1e-06, "rope_scaling": None, "rope_theta": 1000000.0, "sliding_window": None,
    "tie_word_embeddings": False, "torch_dtype": "bfloat16", "transformers_version": "4.46.2", "use_cache": True,
    "use_mrope": False, "use_sliding_window": False, "vocab_size": 152064,
}  # fmt: skip

SDAR_4B: dict[str, Any] = {
    "architectures": ["SDARForCausalLM"], "attention_bias": False, "attention_dropout": 0.0, "auto_map": {}, "block_size": 4,
    "bos_token_id": 151643, "debug": False, "eos_token_id": 151643, "ep_size": 1, "fuse_cross_entropy": True,
    "head_dim": 128, "hidden_act": "silu", "hidden_size": 2560, "initializer_range": 0.02, "intermediate_size": 9728,
    "mask_token_id": 151669, "max_position_embeddings": 32768, "max_window_layers": 36, "micro_forward": False,
    "model_type": "sdar", "num_attention_heads": 32, "num_hidden_layers": 36, "num_key_value_heads": 8,
    "pad_token_id": 151643, "rms_norm_eps": 1e-06, "rope_scaling": None, "rope_theta": 1000000, "skip_checkpoint": False,
    "sliding_window": None, "tie_word_embeddings": False, "torch_dtype": "bfloat16", "transformers_version": "4.52.3",
    "use_cache": False, "use_deepep": False, "use_sliding_window": False, "vocab_size": 151936,
}  # fmt: skip

SDAR_30B: dict[str, Any] = SDAR_4B | {
    "architectures": ["SDARMoeForCausalLM"], "model_type": "sdar_moe", "hidden_size": 2048, "intermediate_size": 6144,
    "num_hidden_layers": 48, "num_key_value_heads": 4, "max_window_layers": 48, "moe_intermediate_size": 768,
    "num_experts": 128, "num_experts_per_tok": 8, "norm_topk_prob": True, "decoder_sparse_step": 1, "mlp_only_layers": [],
    "output_router_logits": False, "router_aux_loss_coef": 0.001,
}  # fmt: skip

LLADA_MOE: dict[str, Any] = {
    "architectures": ["LLaDAMoEModelLM"], "attention_bias": False, "attention_dropout": 0.0, "auto_map": {},
    "clip_qkv": None, "dense_intermediate_size": 8192, "eos_token_id": 156892, "expert_intermediate_size": 1024,
    "hidden_act": "silu", "hidden_size": 2048, "initializer_range": 0.02, "max_position_embeddings": 8192,
    "model_type": "llada", "moe_layer_freq": [1] * 16, "moe_router_enable_expert_bias": False,
    "moe_router_score_function": "softmax", "norm_topk_prob": None, "num_attention_heads": 16, "num_experts": 64,
    "num_experts_per_tok": 8, "num_hidden_layers": 16, "num_key_value_heads": 16, "output_router_logits": False,
    "pad_token_id": 156892, "partial_rotary_factor": 1, "qk_layernorm": True, "rms_norm_eps": 1e-05, "rope_scaling": None,
    "rope_theta": 50000, "routed_scaling_factor": 1, "router_aux_loss_coef": 0.01, "router_num_group": None,
    "router_topk_group": None, "shared_expert_intermediate_size": None, "tie_word_embeddings": False,
    "torch_dtype": "bfloat16", "transformers_version": "4.53.2", "use_cache": False, "vocab_size": 157184,
}  # fmt: skip

LLADA2_MINI: dict[str, Any] = {
    "architectures": ["LLaDA2MoeModelLM"], "attention_dropout": 0.0, "auto_map": {}, "embedding_dropout": 0.0,
    "eos_token_id": 156892, "first_k_dense_replace": 1, "head_dim": 128, "hidden_act": "silu", "hidden_size": 2048,
    "initializer_range": 0.02, "intermediate_size": 5120, "max_position_embeddings": 32768, "max_window_layers": 28,
    "model_type": "llada2_moe", "moe_intermediate_size": 512, "moe_router_enable_expert_bias": True, "n_group": 8,
    "norm_topk_prob": True, "num_attention_heads": 16, "num_experts": 256, "num_experts_per_tok": 8,
    "num_hidden_layers": 20, "num_key_value_heads": 4, "num_shared_experts": 1, "output_dropout": 0.0,
    "output_router_logits": False, "pad_token_id": 156892, "partial_rotary_factor": 0.5, "rms_norm_eps": 1e-06,
    "rope_scaling": None, "rope_theta": 600000, "rotary_dim": 64, "routed_scaling_factor": 2.5, "router_dtype": "fp32",
    "score_function": "sigmoid", "sliding_window": 4096, "tie_word_embeddings": False, "topk_group": 4,
    "torch_dtype": "bfloat16", "transformers_version": "4.57.1", "use_bias": False, "use_cache": True, "use_qk_norm": True,
    "use_qkv_bias": False, "use_rmsnorm": True, "use_sliding_window": False, "vocab_size": 157184,
}  # fmt: skip

PUBLISHED: dict[str, tuple[str, dict[str, Any]]] = {
    "GSAI-ML/LLaDA-8B-Instruct": ("llada", LLADA_8B),
    "GSAI-ML/LLaDA-1.5": ("llada", LLADA_8B),
    "Dream-org/Dream-v0-Instruct-7B": ("dream", DREAM_7B),
    "apple/DiffuCoder-7B-cpGRPO": ("dream", DREAM_7B | {"pad_token_id": 151667}),
    "JetLM/SDAR-4B-Chat": ("sdar", SDAR_4B),
    "Gen-Verse/TraDo-4B-Instruct": ("sdar", {key: value for key, value in SDAR_4B.items() if key != "block_size"}),
    "JetLM/SDAR-30B-A3B-Chat": ("sdar_moe", SDAR_30B),
    "inclusionAI/LLaDA-MoE-7B-A1B-Instruct": ("llada_moe", LLADA_MOE),
    "inclusionAI/LLaDA2.0-mini": ("llada2", LLADA2_MINI),
}

SEDD_SMALL: dict[str, Any] = {
    "data": {"train": "openwebtext", "valid": "wikitext103", "cache_dir": "data"},
    "eval": {"batch_size": 512, "perplexity": True},
    "graph": {"file": "data", "report_all": False, "type": "absorb"},
    "model": {
        "cond_dim": 128, "dropout": 0.1, "hidden_size": 768, "length": 1024, "n_blocks": 12, "n_heads": 12, "name": "small",
        "scale_by_sigma": True, "type": "ddit",
    },
    "ngpus": 8, "noise": {"sigma_max": 20, "sigma_min": 0.0001, "type": "loglinear"}, "optim": {"lr": 0.0003, "warmup": 2500},
    "sampling": {"noise_removal": True, "predictor": "euler", "steps": 128}, "tokens": 50257,
    "training": {"accum": 1, "batch_size": 512, "ema": 0.9999, "n_iters": 1300001},
}  # fmt: skip
