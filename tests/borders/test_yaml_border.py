"""YAML comes in at one place: by the core schema of YAML 1.2, bounded in size, nesting, aliases and time."""

from __future__ import annotations

import math
import os
import time
import tracemalloc
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from parallelbench.errors import UserError
from parallelbench.files import read_bytes, read_yaml
from parallelbench.yaml_border import YamlFault, parse_yaml

SCALARS: dict[str, Any] = {
    "off": "off", "no": "no", "On": "On", "YES": "YES", "y": "y",  # fault 22
    "true": True, "FALSE": False, "tRue": "tRue",
    "1:30": "1:30", "2026-11-28": "2026-11-28", "1_000": "1_000", "010": 10, "0o10": 8, "0x1F": 31, "+7": 7, "-0": 0,
    "1e-6": 1e-6, "1.": 1.0, ".5": 0.5, "1E3": 1000.0, ".inf": math.inf, "-.inf": -math.inf, "e5": "e5",
    "~": None, "null": None, "nUll": "nUll", "<<": "<<", "=": "=",
}  # fmt: skip


@pytest.mark.parametrize(("text", "value"), SCALARS.items())
def test_scalars_are_read_by_the_core_schema(text: str, value: Any) -> None:
    found = parse_yaml(f"key: {text}")["key"]
    assert found == value and type(found) is type(value)
    assert parse_yaml(f"key: {text}", plain=True) == {"key": text}


BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{new}: &{new} [{','.join([f'*{old}'] * 9)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)
HOSTILE = {
    "alias bomb": BOMB,  # fault 53
    "long scalars behind aliases": "a: &a " + "x" * 500_000 + "\nb: [" + ",".join(["*a"] * 3000) + "]",
    "an alias of itself": "a: &a [*a]",
    "deep flow": "[" * 100_000,
    "deep blocks": "\n".join(" " * depth + "a:" for depth in range(400)),
    "deep sequence": "- " * 50_000,
    "many keys": "{" + ",".join(f"a{number}: 1" for number in range(120_000)) + "}",
    "open quotation": '"' + "a" * 1_000_000,
    "large": "a: " + "b" * 3_000_000,
    "digits": "a: " + "9" * 5_000,
    "a repeated key": "a: 1\nb: 2\na: 3",
    "a key that is a list": "? [a]\n: 1",
    "a tag of Python": "a: !!python/object/apply:os.system [ls]",
    "a tag of YAML 1.1": "a: !!binary aGk=",
    "a tag that does not fit": "a: !!int no",
    "two documents": "a: 1\n---\nb: 2",
    "NUL": "a: \x00",
    "surrogate": 'a: "\\ud800"',
    "unknown alias": "a: *b",
    "question marks": "? " * 20_000,
    "tabulators": "\t" * 100_000 + "a: b",
    "colons": ": " * 30_000,
    "anchors": "a: " + "&b " * 1000 + "c",
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_documents_are_refused_in_one_sentence_with_bounded_time_and_memory(name: str) -> None:
    tracemalloc.start()
    begun = time.process_time()
    with pytest.raises(YamlFault) as raised:
        parse_yaml(HOSTILE[name])
    seconds, (_, peak) = time.process_time() - begun, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert "\n" not in str(raised.value) and len(str(raised.value)) < 400
    assert seconds < 20 and peak < 300 << 20


def test_a_fault_names_the_line() -> None:
    with pytest.raises(YamlFault, match="line 3: the key 'a' occurs a second time") as raised:
        parse_yaml(HOSTILE["a repeated key"])
    assert raised.value.line == 3


def test_aliases_of_a_sensible_size_are_kept() -> None:
    assert parse_yaml("base: &b [1, 2]\nmore: [*b, *b]") == {"base": [1, 2], "more": [[1, 2], [1, 2]]}


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)


@given(values)
@settings(max_examples=60, deadline=None)
def test_what_json_writes_is_read_back(value: Any) -> None:
    """JSON is a part of YAML 1.2 but for its escapes of surrogate pairs and raw control characters."""
    import json

    text = json.dumps({"value": value}, ensure_ascii=False)
    if text.isprintable():
        assert parse_yaml(text) == {"value": value}


def refusal(text: str) -> str:
    """The sentence that refuses a text as YAML; empty where it is read."""
    try:
        parse_yaml(text)
    except YamlFault as fault:
        return str(fault)
    return ""


noise = st.text(st.sampled_from("ab01:-?[]{},&*!|>'\"%@` \n\t#.~<=\ud800\x00\x85é☃"), max_size=80)


@given(noise)
@settings(max_examples=300, deadline=None)
def test_any_text_is_read_or_refused(text: str) -> None:
    assert "\n" not in refusal(text)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@given(noise | st.text(max_size=400))
@settings(max_examples=5_000, deadline=None)
def test_any_text_is_read_or_refused_at_length(text: str) -> None:
    assert "\n" not in refusal(text)


def test_the_data_of_the_package_reads_alike_in_both_versions_of_yaml() -> None:
    for path in Path(str(files("parallelbench.tasks").joinpath("data"))).glob("*.yaml"):
        text = path.read_text(encoding="utf-8")
        assert parse_yaml(text) == yaml.safe_load(text)


def test_only_regular_files_of_a_bounded_size_are_read(tmp_path: Path) -> None:  # fault 53
    fifo, link = tmp_path / "fifo.yaml", tmp_path / "link.yaml"
    os.mkfifo(fifo)
    link.symlink_to("/dev/zero")
    huge = tmp_path / "huge.yaml"
    with huge.open("wb") as file:
        file.truncate(1 << 40)
    for path, said in (
        (fifo, "no regular file"), (link, "no regular file"), (Path("/dev/zero"), "no regular file"), (tmp_path, "a folder"),
        (huge, "larger than 16 MiB"), (tmp_path / "none", "No such file"), (Path("a\0b"), "cannot be read"),
    ):  # fmt: skip
        begun = time.monotonic()
        with pytest.raises(UserError, match=said):
            read_yaml(path, "name another file")
        assert time.monotonic() - begun < 20
    with pytest.raises(UserError, match="larger than"):
        read_bytes(Path("/proc/kallsyms"), "name another file", limit=1024)
