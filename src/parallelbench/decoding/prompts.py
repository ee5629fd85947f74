"""A sample as a model reads it: its turns through the chat template, and the canvas of masks to fill."""

from __future__ import annotations

from parallelbench.contracts.denoiser import Codec, Denoiser
from parallelbench.contracts.info import ModelInfo
from parallelbench.errors import UserError
from parallelbench.schema import MASK_ITEM, Prompt, Sample


def make_prompt(model: Denoiser, sample: Sample, max_new_tokens: int, infill: bool = False) -> Prompt:
    """Tokenise a sample for a model.

    The canvas has `max_new_tokens` masks. For a block-causal model it is completed to whole blocks, counted from the start of
    the prompt, because such a model is trained on whole blocks and the published code decodes them; so an answer may be up to
    a block less one token longer. With `infill` the tokens of the sample's frame are fixed and only its `[MASK]` slots are
    open: as many masks a slot as the tokens of the right answer there.

    Raises:
        UserError: prompt and canvas do not fit into the model's context, or infill is asked of a sample without a frame.
    """
    codec, info = model.codec_for(sample), model.info
    ids, text = codec.encode_chat(sample.turns)
    size = max_new_tokens + _to_whole_blocks(len(ids) + max_new_tokens, info)
    canvas = framed_canvas(codec, sample, info.mask_id) if infill else [info.mask_id] * size
    if len(ids) + len(canvas) > info.context_length:
        raise UserError(
            f"{sample.id} takes {len(ids)} prompt and {len(canvas)} answer tokens, but {info.name} reads "
            f"{info.context_length}; use shorter lists, fewer shots or a smaller max_new_tokens."
        )
    return Prompt(sample, tuple(ids), tuple(canvas), text)


def _to_whole_blocks(length: int, info: ModelInfo) -> int:
    """How many tokens a row of `length` lacks to whole blocks of a block-causal model."""
    return -length % info.block if info.attention == "block_causal" and info.block else 0


def framed_canvas(codec: Codec, sample: Sample, mask_id: int) -> list[int]:
    """Return the tokens of the right answer, with every token that a slot of the frame covers masked.

    Raises:
        UserError: the sample has no frame.
    """
    if sample.frame is None:
        raise UserError(f"{sample.task} has no frame to fill in; run it without infill.")
    canvas: list[int] = []
    position = 0
    for fixed in _fixed_parts(sample):
        start = sample.answer.index(fixed, position)
        canvas += [mask_id] * len(codec.encode(sample.answer[position:start]))
        canvas += codec.encode(fixed)
        position = start + len(fixed)
    return canvas + [mask_id] * len(codec.encode(sample.answer[position:]))


def _fixed_parts(sample: Sample) -> list[str]:
    return [part for part in (sample.frame or "").split(MASK_ITEM) if part]
