"""Any text survives the tokenizer; what a model reads is its template, word for word."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from parallelbench.contracts.denoiser import Denoiser
from parallelbench.decoding import make_prompt
from parallelbench.errors import UserError
from parallelbench.models.cards import CARDS
from parallelbench.models.codec import ChatCodec
from parallelbench.models.templates import written_out
from parallelbench.schema import Turn
from parallelbench.tasks import TASKS, load_task
from parallelbench.training.tokenizer import SPECIALS

TEXT = st.text(st.characters(codec="utf-8"), max_size=60)
WORDS = st.lists(
    st.sampled_from(['["', '", "', '"]', " Ada", "Ines", "\n", "  ", "é", "日本", "👩‍🚀", "1", ", ", "\x00", "'s"])
)
CONVERSATION = (Turn("user", "a"), Turn("assistant", "b"), Turn("user", "c"))


@given(st.one_of(TEXT, WORDS.map("".join)))
def test_every_text_comes_back(tokenizer: Tokenizer, text: str) -> None:
    codec = ChatCodec(tokenizer, CARDS["tiny"])
    assert codec.decode(codec.encode(text)) == text


@pytest.mark.parametrize("text", [*SPECIALS, "a<|mask|>b", "<|mask|><|mask|>", "x <|endoftext|>"])
def test_special_tokens_are_written_out(tokenizer: Tokenizer, text: str) -> None:
    codec = ChatCodec(tokenizer, CARDS["tiny"])
    assert codec.decode(codec.encode(text)) == text


def test_the_special_tokens_come_first() -> None:
    assert SPECIALS == ("<|pad|>", "<|mask|>", "<|endoftext|>", "<|user|>", "<|assistant|>")


def test_templates_end_where_the_answer_begins() -> None:
    assert written_out("tiny", CONVERSATION) == "<|user|>a<|user|>b<|user|>c<|assistant|>"
    assert written_out("none", CONVERSATION) == "a\n\nb\n\nc\n\n"
    assert written_out("llada", CONVERSATION) == (
        "<|startoftext|><|start_header_id|>user<|end_header_id|>\n\na<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\nb<|eot_id|>"
        "<|start_header_id|>user<|end_header_id|>\n\nc<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n"
    )


def without_padding(text: str) -> str:
    return text.replace("<|pad|>", "")


@pytest.mark.parametrize("align", [1, 2, 16])
def test_a_prompt_is_filled_up_to_the_cards_alignment(tokenizer: Tokenizer, align: int) -> None:
    card = replace(CARDS["tiny"], align=align)
    plain = ChatCodec(tokenizer, CARDS["tiny"]).encode_markup(written_out("tiny", CONVERSATION))
    ids, _ = ChatCodec(tokenizer, card).encode_chat(CONVERSATION)
    missing = -len(plain) % align
    assert ids == [*plain[:-1], *[tokenizer.token_to_id("<|pad|>")] * missing, plain[-1]] and len(ids) % align == 0


def test_a_conversation_is_its_template_tokenised(tokenizer: Tokenizer) -> None:
    codec = ChatCodec(tokenizer, CARDS["tiny"])
    ids, text = codec.encode_chat(CONVERSATION)
    user, assistant = (tokenizer.token_to_id(token) for token in ("<|user|>", "<|assistant|>"))
    assert text == written_out("tiny", CONVERSATION) and without_padding(codec.decode(ids)) == text
    assert (ids[0], ids[-1], ids.count(user), ids.count(assistant)) == (user, assistant, 3, 1)


@pytest.mark.parametrize("name", ["waiting_line/sort", "puzzle/latin_square_n4", "list_ops/shuffle"])
def test_a_prompt_is_the_sample_and_a_canvas_of_masks(name: str, random_model: Denoiser) -> None:
    task = load_task(name)
    sample = task.sample(0, 1, shots=1)
    prompt = make_prompt(random_model, sample, 24)
    codec = random_model.codec_for(sample)
    assert without_padding(codec.decode(prompt.ids)) == prompt.text == written_out("tiny", sample.turns)
    assert prompt.canvas == (random_model.info.mask_id,) * 24


@pytest.mark.parametrize("name", [name for name in TASKS.names() if not name.startswith("long/")])  # the model reads 512
def test_a_frame_fits_the_answer(name: str, random_model: Denoiser) -> None:
    task = load_task(name)
    for index in range(4):
        sample = task.sample(0, index, shots=0)
        if sample.frame is None:
            with pytest.raises(UserError, match="has no frame"):
                make_prompt(random_model, sample, 8, infill=True)
            continue
        prompt = make_prompt(random_model, sample, 8, infill=True)
        answer = random_model.codec_for(sample).encode(sample.answer)
        mask = random_model.info.mask_id
        assert len(prompt.canvas) == len(answer) and mask in prompt.canvas
        assert all(given in (mask, right) for given, right in zip(prompt.canvas, answer, strict=True))


def test_a_prompt_that_is_too_long_is_refused(random_model: Denoiser) -> None:
    sample = load_task("waiting_line/copy").sample(0, 0, shots=0)
    with pytest.raises(UserError, match="reads 512; use shorter lists"):
        make_prompt(random_model, sample, 500)
