"""Keys of a published config.json that no native class reads: at which values they change nothing.

A key of a checkpoint is either *used* (`Layout.used`), *neutral* at its value (here and in `Layout.neutral`), or it stops the
loading with its name: a setting that nobody looked at could change every logit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Neutral:
    """At which values a key changes nothing: a test, and the values in words for a message."""

    holds: Callable[[Any], bool]
    values: str


ANY = Neutral(lambda value: True, "any value")
"""For what is read in training, by a tokenizer or a generation loop, and never in a forward."""


def only(*values: Any) -> Neutral:
    """These values change nothing; every other one does."""
    return Neutral(lambda value: any(_same(value, known) for known in values), " or ".join(map(repr, values)))


def all_equal(wanted: Any) -> Neutral:
    """`wanted`, a list of nothing else, or null change nothing."""
    return Neutral(
        lambda value: value is None or all(_same(one, wanted) for one in (value if isinstance(value, list) else [value])),
        f"{wanted!r} for every layer",
    )


def _same(value: Any, known: Any) -> bool:
    """Equal, where 1 and 1.0 are the same number and neither is a truth value."""
    return value == known and isinstance(value, bool) == isinstance(known, bool)


def each(rule: Neutral, *names: str) -> dict[str, Neutral]:
    """The same rule for several keys."""
    return dict.fromkeys(names, rule)


BOOKKEEPING: Mapping[str, Neutral] = each(
    ANY, "architectures", "auto_map", "model_type", "torch_dtype", "dtype", "transformers_version", "_name_or_path",
    "name_or_path", "_attn_implementation", "_attn_implementation_autoset", "attn_implementation", "_commit_hash", "use_cache",
    "tokenizer_class", "bos_token_id", "eos_token_id", "pad_token_id", "mask_token_id", "sep_token_id", "cls_token_id",
    "decoder_start_token_id", "id2label", "label2id", "num_labels", "problem_type", "finetuning_task", "task_specific_params",
    "return_dict", "output_attentions", "output_hidden_states", "output_router_logits", "torchscript", "tf_legacy_loss",
    "use_bfloat16", "prefix", "parallelbench_card", "parallelbench_tuned", "unsloth_version", "unsloth_fixed",
)  # fmt: skip
"""What names the checkpoint, its files and its tokens. The ids of special tokens are compared with the tokenizer elsewhere."""

TRAINING: Mapping[str, Neutral] = each(
    ANY, "initializer_range", "init_std", "init_fn", "init_device", "init_cutoff_factor", "attention_dropout",
    "residual_dropout", "embedding_dropout", "output_dropout", "hidden_dropout", "router_aux_loss_coef", "router_z_loss_coef",
    "mtp_loss_scaling_factor", "gradient_checkpointing", "pretraining_tp", "precision", "ep_size", "debug", "micro_forward",
    "skip_checkpoint", "use_deepep", "fuse_cross_entropy", "flash_attention", "seq_aux", "aux_loss_alpha",
)  # fmt: skip
"""What is read while a model is initialised or trained; dropout is off in a forward that decodes."""

GENERATION: Mapping[str, Neutral] = each(
    ANY, "max_length", "min_length", "do_sample", "early_stopping", "num_beams", "num_beam_groups", "diversity_penalty",
    "temperature", "top_k", "top_p", "typical_p", "repetition_penalty", "length_penalty", "no_repeat_ngram_size",
    "encoder_no_repeat_ngram_size", "bad_words_ids", "num_return_sequences", "output_scores", "return_dict_in_generate",
    "forced_bos_token_id", "forced_eos_token_id", "remove_invalid_values", "exponential_decay_length_penalty",
    "suppress_tokens", "begin_suppress_tokens",
)  # fmt: skip
"""Defaults of a generation loop, which older versions of transformers wrote into config.json; decoders here replace it."""

ARCHITECTURE: Mapping[str, Neutral] = {
    **each(only(False, None), "is_decoder", "is_encoder_decoder", "add_cross_attention", "tie_encoder_decoder"),
    **each(only(None), "quantization_config", "cross_attention_hidden_size"),
    "chunk_size_feed_forward": only(0, None),
    "pruned_heads": only({}, None),
}
"""Settings of any architecture that no native class here computes."""

COMMON: Mapping[str, Neutral] = {**BOOKKEEPING, **TRAINING, **GENERATION, **ARCHITECTURE}


def wrong(key: str, value: Any, rules: Iterable[Mapping[str, Neutral]]) -> str | None:
    """Say why a key that is not used may not be passed over; None where it is neutral at its value."""
    for table in rules:
        if key in table:
            return None if table[key].holds(value) else f"{key}={value!r:.60}, which is computed only at {table[key].values}"
    return f"{key}={value!r:.60}, which this layout does not know"
