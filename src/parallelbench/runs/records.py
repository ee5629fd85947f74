"""What is stored of one sample: a record (scores and costs, read by every table) and a trace (how it was decoded, read for one
sample at a time). docs/records.md says what each field means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import ConfigDict, Field, TypeAdapter

from parallelbench.errors import UserError
from parallelbench.runs.border import SCHEMA as SCHEMA
from parallelbench.runs.border import STRICT, Schema

Count = Annotated[int, Field(ge=0, le=1 << 53)]
Rate = Annotated[float, Field(ge=0, le=1)]
Cost = Annotated[float, Field(ge=0)]
Write = tuple[Count, Count, float | None, str]
"""Position from the start of the canvas, token id, confidence, and "commit", "remask" or "edit"."""


@dataclass(frozen=True, slots=True)
class Costs:
    """What a sample's decoding cost: forwards by role, row-forwards, query tokens, attended keys, floating-point operations.

    `flags` names what a guard had to do ("capped"), or that a server cut the answer off ("truncated"). None is unknown.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    nfe: Mapping[str, Count]
    rows: Count | None
    q_tokens: Count | None
    kv_tokens: Count | None
    flops: Cost | None
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DecodingOrder:
    """In which order the canvas was filled (`metrics.speed.Order`); None where that is undefined."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    afp: float | None
    kendall_tau: float | None
    spearman: float | None


@dataclass(frozen=True, slots=True)
class LawShape:
    """What decides the law of a sample's right answers up to the names of its symbols (`theory.shape_of_sample`)."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    law: str
    n: Count
    must_differ: bool


@dataclass(frozen=True, slots=True)
class Reported:
    """What a generator reports of a sample; None is what it does not say. `usage` is its account as it came."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    prompt_tokens: Count | None
    tokens: Count | None
    cost: Cost | None
    attempts: Count
    finish: str
    usage: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Extent:
    """Where the trace of a sample lies in `traces.jsonl`: its first byte, and how many."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    offset: Count
    size: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One line of `records.jsonl`: an answer with its scores and its costs.

    Attributes:
        cell: the id of its cell, so that a line that was moved to another cell's file is noticed.
        text: the content tokens, decoded.
        answer_hash: hash of one right answer, by which a task that has changed since is noticed.
        canvas_tokens: tokens of the canvas; 0 where a generator does not say.
        nfe: sequential forwards that the sample took part in, all roles.
        tokens_per_step, content_tokens_per_forward: tokens of the canvas, and of the content, divided by nfe; neither counts
            what a frame gives, and both are None where nothing had to be decoded.
        seconds: its part of the wall time of its forwards; the one field that differs from run to run.
        replaced: fields in which characters that no file can hold (lone surrogates) were replaced.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    schema: Schema
    cell: str
    sample_id: str
    index: Count
    prompt_hash: str
    answer_hash: str
    text: str
    canvas_tokens: Count
    content_tokens: Count | None
    scores: Mapping[str, Rate]
    nfe: Count | None
    tokens_per_step: Cost | None
    content_tokens_per_forward: Cost | None
    seconds: Cost
    costs: Costs
    order: DecodingOrder
    law: LawShape | None
    reported: Reported | None = None
    replaced: tuple[str, ...] = ()
    trace: Extent


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """One line of `traces.jsonl`: how a sample was decoded.

    Attributes:
        cell: the id of its cell.
        prompt: the prompt as it was tokenised or sent.
        answer: one right answer.
        token_ids: the whole canvas, and `pieces` the text of each of its tokens; empty where a generator does not say.
        thought: what the model wrote before its answer, if it thinks aloud.
        history: one list of writes for each forward.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    schema: Schema
    cell: str
    sample_id: str
    prompt: str
    answer: str
    token_ids: tuple[Count, ...]
    pieces: tuple[str, ...]
    history: tuple[tuple[Write, ...], ...]
    thought: str | None = None


RECORD = TypeAdapter(Record)
TRACE = TypeAdapter(Trace)


def line_of(value: Record | Trace) -> bytes:
    """Write a record or a trace as one line of JSON that the reader is known to accept.

    Raises:
        UserError: it holds something that could not be read again, for example a number that is none.
    """
    adapter: TypeAdapter[Any] = RECORD if isinstance(value, Record) else TRACE
    try:
        line = adapter.dump_json(value)
        adapter.validate_json(line)
    except ValueError as error:
        raise UserError(
            f"the result of {value.sample_id} cannot be stored ({' '.join(str(error).split())[:200]}); this is a fault of the "
            "model or server that made it, or of parallelbench."
        ) from error
    return line + b"\n"
