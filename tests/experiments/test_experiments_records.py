"""What is stored of a sample can be read again by every reader, whatever a model wrote."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parallelbench import load_task, run
from parallelbench.contracts.generator import Reply
from parallelbench.errors import UserError
from parallelbench.experiments.decoded import from_reply
from parallelbench.experiments.records import make_row
from parallelbench.metrics.speed import measure
from parallelbench.runs.records import RECORD, TRACE, Record, line_of
from parallelbench.schema import Ledger
from parallelbench.tasks import Task

TASK: Task = load_task("waiting_line/copy:lengths=[3]")
ANY = st.text(st.characters(), max_size=40)


def reply(text: str, **more: Any) -> Reply:
    return Reply(TASK.sample(0, 0, 0), prompt="p", text=text, seconds=0.1, **more)


@given(text=ANY, prompt=ANY, piece=ANY, finish=ANY, usage=st.dictionaries(ANY, ANY, max_size=3))
def test_any_text_is_stored_and_read_again(text: str, prompt: str, piece: str, finish: str, usage: dict[str, str]) -> None:
    made = replace(reply(text, pieces=(piece,), token_ids=(5,), finish=finish, usage=usage), prompt=prompt)
    record, trace = make_row(from_reply(made), TASK.metrics, "0123456789abcdef")
    assert RECORD.validate_json(line_of(record)) == record and TRACE.validate_json(line_of(trace)) == trace
    whole = [
        name for name, value in (("prompt", prompt), ("pieces", piece)) if not any("\ud800" <= c <= "\udfff" for c in value)
    ]
    assert not {"prompt", "pieces"} & set(record.replaced) & set(whole)
    assert line_of(record).count(b"\n") == line_of(trace).count(b"\n") == 1


def test_lone_surrogates_are_replaced_and_flagged_before_the_text_is_scored() -> None:  # fault 48
    answer = TASK.sample(0, 0, 0).answer
    record, trace = make_row(
        from_reply(reply("\ud83d" + answer, pieces=("\udc00",), token_ids=(1,))), TASK.metrics, "0123456789abcdef"
    )
    assert record.text == "\ufffd" + answer and record.replaced == ("text", "pieces") and trace.pieces == ("\ufffd",)
    clean, _ = make_row(from_reply(reply(answer)), TASK.metrics, "0123456789abcdef")
    assert clean.replaced == () and clean.scores["list_exact"] == 1.0


@pytest.mark.parametrize(
    "change", [{"seconds": math.nan}, {"seconds": math.inf}, {"nfe": 10**30}, {"nfe": -1}, {"scores": {"m": 2.0}}]
)
def test_what_no_reader_would_accept_is_never_written(change: dict[str, Any]) -> None:  # fault 20
    record, _ = make_row(from_reply(reply("x")), TASK.metrics, "0123456789abcdef")
    with pytest.raises(UserError, match=r"the result of waiting_line/copy@1/0/0 cannot be stored"):
        line_of(replace(record, **change))


def test_a_sample_that_needs_no_forward_has_no_speed() -> None:  # fault 44
    found = measure(Ledger({}, 0, 0, 0, 0.0, ()), [5, 6, 1], [1], given=[0, 1, 2])
    assert (found.nfe, found.content_tokens, found.tokens_per_step, found.content_tokens_per_forward) == (0, 2, None, None)


def test_one_builder_makes_the_records_of_denoisers_and_generators(tmp_path: Path) -> None:
    run("exact", "list_ops/copy:lengths=3", "one_by_one", limit=1, out=tmp_path / "a")
    run("tiny-ar", "waiting_line/copy:lengths=[3],max_new_tokens=8", limit=1, out=tmp_path / "b")
    lines = [next((tmp_path / name).glob("cells/*/records.jsonl")).read_bytes() for name in "ab"]
    found: list[Record] = [RECORD.validate_json(line) for line in lines]
    assert found[0].reported is None and found[1].reported is not None
    assert all(record.nfe and record.costs.rows and record.trace.size for record in found)


def test_only_the_answer_behind_its_marker_is_scored_and_the_steps_are_kept() -> None:
    sample = load_task("waiting_line/copy:lengths=[3],chain_of_thought=true").sample(0, 0, 0)
    told = replace(reply(f'["Nobody"] is no answer.\nAnswer: {sample.answer}'), sample=sample)
    record, trace = make_row(from_reply(told), TASK.metrics, "0123456789abcdef")
    assert record.text == sample.answer and record.scores["list_exact"] == 1.0 and record.law is None
    assert trace.thought == '["Nobody"] is no answer.'
    record, trace = make_row(from_reply(replace(told, text=sample.answer)), TASK.metrics, "0123456789abcdef")
    assert record.text == "" and record.scores["list_exact"] == 0.0 and trace.thought == sample.answer
