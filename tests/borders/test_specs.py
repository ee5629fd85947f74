"""The language of specs: quotes, lists, scalars; what `render` writes `parse` reads back."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from parallelbench.errors import UserError
from parallelbench.specs import grid, parse, render, split_head, split_specs

READ: dict[str, tuple[str, dict[str, Any]]] = {
    "confidence:k=[1,2],block=8": ("confidence", {"k": [1, 2], "block": 8}),
    'path:dir="runs/lr=1e-5,bs=8",dtype=float32': ("path", {"dir": "runs/lr=1e-5,bs=8", "dtype": "float32"}),  # fault 16
    "a:label='it''s, so: [x]'": ("a", {"label": "it's, so: [x]"}),
    'a:label="say \\"k = 2\\", then",k=2': ("a", {"label": 'say "k = 2", then', "k": 2}),
    '"my, task.yaml":shots=0': ("my, task.yaml", {"shots": 0}),
    "a:template=off,b=no,c=~": ("a", {"template": "off", "b": "no", "c": None}),  # fault 22
    "a:label=it's,b=[x,'y,z']": ("a", {"label": "it's", "b": ["x", "y,z"]}),
    "a:w=*,x=&b,y=#c,z=1e-6": ("a", {"w": "*", "x": "&b", "y": "#c", "z": 1e-6}),
    "a:url=http://host:80/v1": ("a", {"url": "http://host:80/v1"}),
    "a:k='2'": ("a", {"k": "2"}),
}


@pytest.mark.parametrize("spec", READ)
def test_specs_are_read(spec: str) -> None:
    assert parse(spec) == READ[spec]


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("a:label='x", "is not closed; add another '"),
        ("a:k=[1,2", "is not closed; add a ]"),
        ("a:k='x' y", "cannot be read"),
        ("a:k=[{a: 1}]", "no list of numbers and words"),
        ("a:k=[*x]", "cannot be read"),
        ("a:k=" + "9" * 400, "cannot be read"),
        ("a:" + "k" * 30_000, "at most 20000"),
        ("a:k", "is not key=value"),
        ("a:k=1,k=2", "occurs twice"),
    ],
)
def test_a_mistake_in_a_spec_is_one_sentence(spec: str, said: str) -> None:
    with pytest.raises(UserError) as raised:
        parse(spec)
    assert said in str(raised.value) and "\n" not in str(raised.value) and len(str(raised.value)) < 1000


def test_comma_lists_keep_quotations_together() -> None:
    given_texts = ['"a,b.yaml":x=1,y="c,d",e', "f:label='g, h',k=2"]
    assert split_specs(given_texts) == ['"a,b.yaml":x=1,y="c,d"', "e", "f:label='g, h',k=2"]
    assert split_head('"runs/lr=1e-5,bs=8",dtype=float32', ",") == ("runs/lr=1e-5,bs=8", "dtype=float32")


def test_a_grid_is_bounded() -> None:
    with pytest.raises(UserError, match="make 1000000 combinations"):
        grid({key: list(range(10)) for key in "abcdef"})


scalars = (
    st.none() | st.booleans() | st.integers(-(10**12), 10**12) | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
    | st.text(st.sampled_from("ab1e-.:,=[]{}\"'\\ #&*~\n"), max_size=10)
)  # fmt: skip


@example({"_": "='"})
@example({"_": "a:'b"})
@given(st.dictionaries(st.from_regex(r"[a-z_]{1,6}", fullmatch=True), scalars | st.lists(scalars, min_size=1, max_size=3)))
@settings(max_examples=300, deadline=None)
def test_what_render_writes_parse_reads_back(options: dict[str, Any]) -> None:
    for name in ("confidence", "my file.py/A,b@1"):
        assert parse(render(name, options)) == (name, options)


def refusal(text: str) -> str:
    """The sentence that refuses a text as a spec; empty where it is one."""
    try:
        for spec in split_specs([text]):
            grid(parse(spec)[1])
    except UserError as error:
        return str(error)
    return ""


noise = st.text(st.sampled_from("ab1:,=[]{}\"'\\ #&*!~\n\x00\ud800é"), max_size=60)


@given(noise)
@settings(max_examples=300, deadline=None)
def test_any_text_is_a_spec_or_a_sentence(text: str) -> None:
    assert len(refusal(text)) < 21_000


@pytest.mark.slow
@pytest.mark.timeout(3600)
@given(noise | st.text(max_size=200))
@settings(max_examples=5_000, deadline=None)
def test_any_text_is_a_spec_or_a_sentence_at_length(text: str) -> None:
    assert len(refusal(text)) < 21_000
