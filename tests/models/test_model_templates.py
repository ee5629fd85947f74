"""Each chat template against the published one over a grid of contents, and the text of special tokens as content."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from layout_checkpoints import SPECIAL, tokenizer
from published_templates import PUBLISHED, render
from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers

from parallelbench.errors import UserError
from parallelbench.models.cards import CARDS
from parallelbench.models.codec import ChatCodec
from parallelbench.models.templates import TEMPLATES, written_out
from parallelbench.schema import Turn

CONTENTS = (
    "", " ", "\n", "plain", " outer space ", "\n\nlines around\n\n", "ends in a line\n", "\ttab\t", "\u00a0no break\u00a0",
    "a\r\nb\r\n", "<|im_end|>", "<|eot_id|> inside", "<role>HUMAN</role>", "</think>", "<think>\nwell\n</think>\n\nanswer",
    "{{ 7 * 7 }}", "日本 👩‍🚀",
)  # fmt: skip
ROLES = (
    ("user",), ("system", "user"), ("user", "assistant", "user"), ("system", "user", "assistant", "user"),
    ("user", "system", "user"), ("user", "assistant", "user", "assistant", "user"),
)  # fmt: skip
CARD = {"llada": "llada-8b-instruct", "dream": "dream-v0-instruct", "sdar": "sdar-4b-chat", "llada2": "llada2.0-mini"}


def conversations(template: str) -> list[tuple[Turn, ...]]:
    """The grid: every content in every turn of every order of roles; the shipped models know no system turn."""
    orders = [roles for roles in ROLES if template != "tiny" or "system" not in roles]
    return [
        tuple(Turn(role, content if place == at else "text") for at, role in enumerate(roles))
        for roles in orders
        for content, place in itertools.product(CONTENTS, range(len(roles)))
    ]


# fault 2
@pytest.mark.parametrize("template", TEMPLATES)
def test_a_conversation_is_what_the_published_template_writes(template: str) -> None:
    for turns in conversations(template):
        assert written_out(template, turns) == render(template, turns), turns


@given(
    st.lists(st.builds(Turn, st.sampled_from(["user", "assistant", "system"]), st.text(max_size=20)), min_size=1, max_size=5)
)
def test_so_it_is_for_any_text(turns: list[Turn]) -> None:
    for template in PUBLISHED.keys() - {"tiny"}:
        assert written_out(template, turns) == render(template, turns)


def test_llada_trims_each_turn() -> None:
    assert "\n\nlist<|eot_id|>" in written_out("llada", [Turn("user", " list\n")])


@pytest.mark.parametrize("layout", CARD)
def test_without_special_text_the_ids_are_those_of_the_text(layout: str) -> None:
    codec = ChatCodec(made := tokenizer(SPECIAL[layout]), CARDS[CARD[layout]])
    turns = (Turn("user", " a b\n"), Turn("assistant", "\nc"), Turn("user", "d"))
    ids, text = codec.encode_chat(turns)
    made.encode_special_tokens = False
    assert ids == made.encode(text, add_special_tokens=False).ids


# fault 19
@pytest.mark.parametrize("layout", CARD)
def test_the_text_of_a_special_token_is_content(layout: str) -> None:
    special = SPECIAL[layout]
    codec = ChatCodec(tokenizer(special), CARDS[CARD[layout]])
    plain, _ = codec.encode_chat([Turn("user", "x")])
    for token in special:
        ids, text = codec.encode_chat([Turn("user", f"x{token}x")])
        assert [at for at in ids if at in special.values()] == [at for at in plain if at in special.values()]
        assert codec.decode(ids) == text
        assert not set(codec.encode(token)) & set(special.values()) and codec.decode(codec.encode(token)) == token
        assert codec.encode_markup(token) == [special[token]]


@given(
    st.lists(st.sampled_from(["<|im_end|>", "<|mask|>", "<|im_start|>", "a", " ", "\n", "|>", "<|", "é"]), max_size=8).map(
        "".join
    )
)
def test_content_never_becomes_a_special_token(text: str) -> None:
    made = MADE.setdefault("dream", ChatCodec(tokenizer(SPECIAL["dream"]), CARDS["dream-v0-instruct"]))
    assert not set(made.encode(text)) & set(SPECIAL["dream"].values()) and made.decode(made.encode(text)) == text


MADE: dict[str, ChatCodec] = {}


def test_a_control_token_is_special_whatever_the_tokenizer_calls_it() -> None:
    made = tokenizer({token: at for token, at in SPECIAL["dream"].items() if token != "<|mask|>"})
    made.add_tokens([AddedToken(token, special=False, normalized=False) for token in ("<|mask|>", "<think>")])
    mask, think = made.token_to_id("<|mask|>"), made.token_to_id("<think>")
    codec = ChatCodec(made, replace(CARDS["dream-v0-instruct"], ids={}))
    assert mask not in codec.encode("a <|mask|> b") and codec.encode_markup("<|mask|>") == [mask]
    assert think in codec.encode("a <think> b")  # an ordinary token that was added later


def test_a_special_token_that_cannot_be_text_is_refused() -> None:
    made = Tokenizer(models.WordLevel({"<pad>": 0, "<mask>": 1, "<end>": 2, "word": 3, "?": 4}, unk_token="?"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    made.add_special_tokens(["<pad>", "<mask>", "<end>"])
    codec = ChatCodec(made, replace(CARDS["tiny"], mask="<mask>", pad="<pad>", ends=("<end>",), template="none"))
    assert codec.encode("word word") == [3, 3]
    with pytest.raises(UserError, match="'<mask>', which this model's tokenizer can only read as a special token"):
        codec.encode("word <mask> word")


def test_the_prompt_of_a_word_list_with_a_mask_holds_no_mask(random_checkpoint: Path) -> None:
    from parallelbench.models import load_model
    from parallelbench.tasks import load_task

    model = load_model(f"path:{random_checkpoint}")
    codec = model.codec_for(load_task("waiting_line/copy").sample(0, 0, shots=0))
    ids, _ = codec.encode_chat([Turn("user", 'Copy: ["Ann <|mask|>", "<|endoftext|>"]')])
    assert model.info.mask_id not in ids and not set(model.info.end_ids) & set(ids)
