"""The ids of a text that continues another, and its probability under a causal model by the chain rule."""

from __future__ import annotations

import inspect
from collections.abc import Sequence

import torch
from transformers import PreTrainedModel

from parallelbench.contracts.denoiser import Codec
from parallelbench.contracts.generator import TextLikelihood


def continuation_ids(codec: Codec, context: str, continuation: str) -> tuple[list[int], list[int]]:
    """Return the ids of a context and of the text after it, as lm-evaluation-harness splits them.

    Both are tokenised as one text, because a tokenizer may write a word differently after another one than alone; spaces at
    the end of the context belong to the continuation. Where a token holds the end of one and the beginning of the other, each
    is tokenised alone, so that no part of the continuation is lost.
    """
    kept = context.rstrip()
    before, whole = codec.encode(kept), codec.encode(context + continuation)
    if whole[: len(before)] == before:
        return before, whole[len(before) :]
    return before, codec.encode(context[len(kept) :] + continuation)


def chain_rule(model: PreTrainedModel, before: Sequence[int], target: Sequence[int], vocabulary: int) -> TextLikelihood:
    """Return log p(target | before) = sum over i of log p(target_i | before, target_1 .. target_i-1), in one forward.

    Args:
        model: a causal model.
        before: ids of the context, at least one.
        target: ids of the text.
        vocabulary: how many ids the tokenizer has; logits of further ones, which exist to fill up a matrix, do not count.
    """
    ids = torch.tensor([[*before, *target][:-1]], device=model.device)
    last = len(target)
    spare = {"logits_to_keep": last} if "logits_to_keep" in inspect.signature(model.forward).parameters else {}
    with torch.inference_mode():
        logits = model(input_ids=ids, **spare).logits[0, -last:, :vocabulary].double()
    wanted = torch.tensor(target, device=logits.device)
    logs = torch.log_softmax(logits, -1).gather(1, wanted[:, None])
    return TextLikelihood(float(logs.sum()), bool((logits.argmax(-1) == wanted).all()))
