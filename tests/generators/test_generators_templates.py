"""A chat template is a program from outside: its time, memory and text are limited, and its faults are sentences."""

from __future__ import annotations

import json
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer
from transformers.utils.chat_template_utils import render_jinja_template

from parallelbench.errors import UserError
from parallelbench.models.generators.load_local import TINY_AR
from parallelbench.models.generators.local_folder import template_codec
from parallelbench.models.generators.template_renderer import TemplateRenderer
from parallelbench.schema import Turn
from thinned import thinned

TURNS = (Turn("user", "one"), Turn("assistant", "two"), Turn("user", "three"))
CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] | trim + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% if enable_thinking is defined and not enable_thinking %}"
    "<think>\n\n</think>\n\n{% endif %}{% endif %}"
)
HOSTILE = {
    "a long text": "{{ 'a' * 10**9 }}",
    "a long text in steps": "{% set n = namespace(x='a') %}{% for i in range(40) %}{% set n.x = n.x + n.x %}{% endfor %}",
    "a filter": "{{ 'a' | center(10**9) }}",
    "a format": "{{ '%1000000000d' % 1 }}",
    "another format": "{{ '{:>1000000000}'.format(1) }}",
    "a list": "{{ ([0] * 10**9) | length }}",
    "a number": "{{ 10 ** (10 ** 9) }}",
    "a loop": "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "a recursion": "{% macro f(x) %}{{ f(x) }}{% endmacro %}{{ f(1) }}",
    "a prompt of two million characters": "{{ 'a' * 2000000 }}",
    "syntax": "{% for %}",
    "depth": "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
    "an unknown name": "{{ nothing.at.all }}",
    "its own refusal": "{{ raise_exception('roles must \x1b[31m alternate') }}",
    "a way out": "{{ ().__class__.__base__.__subclasses__() }}",
    "a file": "{% include '/etc/passwd' %}",
    "a division": "{{ 1 // 0 }}",
    "a type": "{{ messages + 1 }}",
}


def renderer(template: str, **variables: Any) -> TemplateRenderer:
    return TemplateRenderer(template, variables, "folder")


shared = renderer(CHATML)


@pytest.mark.parametrize("name", thinned(HOSTILE, 2))
def test_a_hostile_template_is_one_sentence(name: str, monkeypatch: pytest.MonkeyPatch) -> None:  # fault 56
    monkeypatch.setattr(shared._worker, "_seconds", 2.0)
    monkeypatch.setattr(shared, "_template", HOSTILE[name])
    start = time.monotonic()
    with pytest.raises(UserError) as caught:
        shared.render(TURNS)
    said = str(caught.value)
    assert "the chat template of folder cannot be used (" in said and "\n" not in said and "\x1b" not in said
    assert len(said) < 600 and time.monotonic() - start < 60


def test_after_a_fault_the_next_prompt_is_rendered(monkeypatch: pytest.MonkeyPatch) -> None:
    picky = "{% if messages | length > 1 %}{{ raise_exception('too long') }}{% endif %}{{ messages[0].content }}"
    monkeypatch.setattr(shared, "_template", picky)
    for _ in range(2):
        with pytest.raises(UserError, match="too long"):
            shared.render(TURNS)
        assert shared.render(TURNS[:1]) == "one"
    assert shared._worker._process is not None
    shared._worker._process.kill()
    with pytest.raises(UserError, match=r"ended with code|cannot be used"):
        shared.render(TURNS)
    assert shared.render(TURNS[:1]) == "one"


TEXTS = st.lists(st.text(st.characters(codec="utf-8"), max_size=20), min_size=1, max_size=4)


@settings(max_examples=60, deadline=None)
@given(TEXTS, st.sampled_from([None, False, True]))
def test_it_is_what_transformers_renders(texts: list[str], thinking: bool | None) -> None:
    turns = [Turn(("user", "assistant")[place % 2], text) for place, text in enumerate(texts)]
    extra = {} if thinking is None else {"enable_thinking": thinking}
    shared._variables = extra
    messages = [{"role": turn.role, "content": turn.text} for turn in turns]
    (expected,), _ = render_jinja_template([messages], chat_template=CHATML, add_generation_prompt=True, **extra)
    assert shared.render(turns) == expected


def checkpoint(folder: Path, **described: Any) -> Path:
    shutil.copytree(TINY_AR, folder, ignore=shutil.ignore_patterns("*.safetensors"))
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **described}))
    return folder


def test_a_checkpoint_without_thoughts(tmp_path: Path) -> None:
    folder = checkpoint(tmp_path / "chat", chat_template=CHATML)
    with_thoughts, without = (template_codec(folder, thoughts).encode_chat(TURNS)[1] for thoughts in (None, False))
    assert with_thoughts.endswith("<|im_start|>assistant\n") and without == with_thoughts + "<think>\n\n</think>\n\n"
    tokenizer = AutoTokenizer.from_pretrained(folder)
    messages = [{"role": turn.role, "content": turn.text} for turn in TURNS]
    assert with_thoughts == tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)


def test_the_name_of_a_special_token_is_no_text(tmp_path: Path) -> None:  # fault 19
    codec = template_codec(checkpoint(tmp_path / "plain"))
    (special, *_) = codec._special
    with pytest.raises(UserError, match="reads as a special token; change the text"):
        codec.encode_chat([Turn("user", f"say {special} twice")])


def test_of_several_templates_the_default_is_taken(tmp_path: Path) -> None:
    named = [{"name": "default", "template": "D"}, {"name": "tool_use", "template": "T"}]
    assert template_codec(checkpoint(tmp_path / "two", chat_template=named)).encode_chat(TURNS)[1] == "D"
    with pytest.raises(UserError, match="none is the default"):
        template_codec(checkpoint(tmp_path / "none", chat_template=named[1:]))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="processes are counted through /proc")
def test_a_renderer_leaves_no_process_behind() -> None:
    one = renderer("x")
    assert one.render(TURNS) == "x" and one._worker._process is not None
    process = Path(f"/proc/{one._worker._process.pid}")
    assert process.exists()
    del one
    assert not process.exists()
