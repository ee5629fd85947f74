"""Lines that are read fast are read as pydantic reads them: what it refuses is refused in its words, values are the same."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from parallelbench.runs.border import DamagedRun, OtherSchema, parse
from parallelbench.runs.fast_lines import FastLines
from parallelbench.runs.json_lines import whole_data
from parallelbench.runs.records import RECORD, Costs, DecodingOrder, Extent, LawShape, Record, line_of
from parallelbench.runs.scores import ROW, ScoreRow, row_line

WHERE = Path("records.jsonl")
LINE = line_of(
    Record(
        schema=3,
        cell="c",
        sample_id="t@1/0/0",
        index=0,
        prompt_hash="p",
        answer_hash="a",
        text="é\n",
        canvas_tokens=3,
        content_tokens=2,
        scores={"m": 1.0, "n": 0.5},
        nfe=3,
        tokens_per_step=1.0,
        content_tokens_per_forward=None,
        seconds=1e-9,
        costs=Costs({"denoise": 3}, 3, 9, None, 1.5e12, ("capped",)),
        order=DecodingOrder(None, -0.5, 1.0),
        law=LawShape("shuffle", 4, True),
        trace=Extent(0, 1),
    )
)
SCORE = row_line(ScoreRow("t@1/0/0", 0.5, (("rule", 1, 2),), ("item_lost",)))
KINDS: dict[str, tuple[bytes, FastLines, TypeAdapter[Any]]] = {
    "record": (LINE, FastLines(Record, RECORD), RECORD),
    "score": (SCORE, FastLines(ScoreRow, ROW), ROW),
}
HOSTILE = (
    "1", "-1", "0", "-0", "1.0", "1e3", "2", "0.5", "-0.5", "1e999", "NaN", "Infinity", "true", "null", '""', '"1"', "[]", "{}",
    "[1]", '{"m":2}', '{"m":1}', '{"m":null}', "9007199254740992", "9007199254740993", "1" + "0" * 30, "01", "+1", ".5", "1.",
    '"\\ud800"', '"\\udc00"', '"\\ud83d\\ude00"', '"\\u0000"', '"\\x"', "3", "3.0", "4", "[" * 150 + "]" * 150, "nul",
    '[["r",1,2]]', '[["r",1]]', '[["r",1,2,3]]', '[["r","1",2]]', '{"offset":1,"size":2}', '{"offset":1,"size":2,"x":0}',
)  # fmt: skip
ODD_BYTES = (b"\xff", b"\xed\xa0\x80", b"\x00", b"\xef\xbb\xbf", b" ", b"{", b"}", b",", b'"', b"\\", b"\n", b"e", b"9")
EDITS = st.lists(
    st.tuples(st.integers(0, 1 << 16), st.sampled_from(("value", "bytes", "cut", "twice", "new key")), st.integers(0, 1 << 16)),
    min_size=1, max_size=2,
)  # fmt: skip


def edited(line: bytes, edits: list[tuple[int, str, int]]) -> bytes:
    """Change a line at places that these numbers choose."""
    line = line.rstrip(b"\n")
    for place, what, choice in edits:
        ends = [at + 1 for at, byte in enumerate(line) if byte == ord(":")]
        at = ends[place % len(ends)] if ends else 0
        value, byte = HOSTILE[choice % len(HOSTILE)].encode(), ODD_BYTES[choice % len(ODD_BYTES)]
        after = min((end for end in (line.find(b",", at), line.find(b"}", at)) if end >= 0), default=len(line))
        anywhere = place % (len(line) + 1)
        line = {
            "value": line[:at] + value + line[after:],
            "bytes": line[:anywhere] + byte + line[anywhere:],
            "cut": line[:anywhere],
            "twice": line[:after] + b"," + line[1:after] + line[after:],
            "new key": b'{"new":' + value + b"," + line[1:],
        }[what]
    return line


def check(kind: str, edits: list[tuple[int, str, int]]) -> None:
    whole, fast, adapter = KINDS[kind]
    line = edited(whole, edits)
    try:
        wanted: Any = asdict(adapter.validate_json(line))
    except ValidationError:
        with pytest.raises((DamagedRun, OtherSchema)) as strict:
            parse(line, adapter, WHERE, 1)
        with pytest.raises((DamagedRun, OtherSchema)) as found:
            fast.parse(line, WHERE, 1)
        assert str(found.value) == str(strict.value)
    else:
        value = fast.parse(line, WHERE, 1)
        assert (asdict(value) if isinstance(value, (Record, ScoreRow)) else as_builtins(value)) == wanted


def as_builtins(value: Any) -> Any:
    """The value of a struct as `asdict` writes that of a data class, with tuples."""
    if isinstance(value, msgspec.Struct):
        return {name: as_builtins(getattr(value, name)) for name in value.__struct_fields__}
    return dict(value) if isinstance(value, dict) else value


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=250, deadline=None)
@given(edits=EDITS)
def test_a_changed_line_is_read_as_pydantic_reads_it(kind: str, edits: list[tuple[int, str, int]]) -> None:
    check(kind, edits)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=20_000, deadline=None)
@given(edits=EDITS)
def test_so_are_many_changed_lines(kind: str, edits: list[tuple[int, str, int]]) -> None:
    check(kind, edits)


@pytest.mark.parametrize("value", HOSTILE)
def test_each_hostile_value_in_each_place_is_read_as_pydantic_reads_it(value: str) -> None:
    for kind, (line, _, _) in KINDS.items():
        for place in range(line.count(b":")):
            check(kind, [(place, "value", HOSTILE.index(value))])


def test_whole_lines_are_read_without_pydantic_and_free_json_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bytes] = []

    def by_pydantic(line: bytes, adapter: TypeAdapter[Any], path: Path, number: int) -> Any:
        seen.append(line)
        return parse(line, adapter, path, number)

    monkeypatch.setattr("parallelbench.runs.fast_lines.parse", by_pydantic)
    for line, fast, _ in KINDS.values():
        fast.parse(line, WHERE, 1)
    assert not seen
    record = json.loads(LINE)
    record["reported"] = {"prompt_tokens": 1, "tokens": 2, "cost": 0.1, "attempts": 1, "finish": "stop", "usage": {"a": [1]}}
    record["text"] = '"usage"'
    value = KINDS["record"][1].parse(json.dumps(record).encode(), WHERE, 1)
    assert isinstance(value, Record) and len(seen) == 1


@pytest.mark.parametrize("tail", [b"", b'{"torn":', b"x"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_file_is_read_as_its_lines_are(tmp_path: Path, kind: str, tail: bytes) -> None:
    line, fast, _ = KINDS[kind]
    path = tmp_path / "lines.jsonl"
    assert fast.read(path) == [], "no file has no lines"
    whole = line.rstrip(b"\n") + b"\n"
    path.write_bytes(whole * 3 + tail)
    values = fast.read(path)
    assert [as_builtins(value) for value in values] == [as_builtins(fast.parse(whole, path, 1))] * 3
    assert len(fast.values(whole_data(path), path, first=2)) == 2
    for damaged in (b"\n", b"{}\n", whole[:-2] + b"\n", whole[:-1] + whole):
        path.write_bytes(whole + damaged + whole + tail)
        with pytest.raises(DamagedRun, match="line 2"):
            fast.read(path)
        with pytest.raises(DamagedRun, match="line 2"):
            fast.values(whole_data(path), path, first=2)
        with pytest.raises(DamagedRun, match="line 2"):
            fast.values(None, path, first=2)
