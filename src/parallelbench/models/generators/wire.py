"""What servers send, as types: every field that is read has a type and a bound, and every other field is ignored.

A field that is missing or null is unknown, because most parts of these protocols are optional. A field of another type is
malformed: the request is repeated, and where that does not help, the fault names the field.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, ValidationError

from parallelbench.bounded_http import HttpFault, read_json
from parallelbench.models.generators.faults import Fault

TOKENS_AT_MOST = 10**8
"""No answer has more tokens; a larger number is no count."""
TEXT_AT_MOST = 4 << 20
"""Characters of an answer at most."""
USAGE_DEPTH, USAGE_ENTRIES, USAGE_TEXT = 3, 40, 200
"""Nesting, entries of one object, and characters of one text that are kept of what a server reports."""


def _text(value: Any) -> str:
    if isinstance(value, list) and value and all(isinstance(part, dict) and part.get("type") == "text" for part in value):
        return "".join(_text(part.get("text")) for part in value)  # the parts that some servers send in place of one text
    if not isinstance(value, str):
        raise ValueError("should be a text")
    return value  # pydantic's own check refuses half of a surrogate pair, which servers that cut between tokens send


Text = Annotated[str, PlainValidator(_text)]
Word = Annotated[str, Field(max_length=200)]
Tokens = Annotated[int, Field(ge=0, le=TOKENS_AT_MOST)]


class Wire(BaseModel):
    """Base of everything that a server sends."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


T = TypeVar("T", bound=Wire)


def parse(kind: type[T], data: Any) -> T:
    """Check a JSON value against its type.

    Raises:
        Fault: it does not have that type; the message names the field.
    """
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        reason = str(first["msg"]).removeprefix("Value error, ")
        raise Fault(f"the reply is malformed{f' at {place}' if place else ''}: {reason[0].lower()}{reason[1:]}") from error


def json_of(document: str | bytes) -> dict[str, Any]:
    """Parse one JSON object from a server.

    Raises:
        Fault: it is none.
    """
    try:
        value = read_json(document)
    except HttpFault as error:
        raise Fault(f"the reply is malformed: {error}") from error
    if not isinstance(value, dict):
        raise Fault("the reply is malformed: it is no JSON object")
    return value


def bounded(value: Any, depth: int = USAGE_DEPTH) -> Any:
    """What is kept of a value that a server reports in other fields than those that are read: anything a record may hold.

    Objects and lists down to `USAGE_DEPTH`, short texts, truth values, finite numbers below 2^53; everything else becomes None.
    """
    if isinstance(value, str):
        return value[:USAGE_TEXT].encode("utf-8", "replace").decode()
    if isinstance(value, (int, float)):
        return value if abs(value) < 1 << 53 and math.isfinite(value) else None
    if depth and isinstance(value, dict):
        entries = list(value.items())[:USAGE_ENTRIES]
        return {bounded(str(key)): bounded(inner, depth - 1) for key, inner in entries}
    if depth and isinstance(value, list):
        return [bounded(inner, depth - 1) for inner in value[:USAGE_ENTRIES]]
    return None


def whole_text(pieces: list[str]) -> str:
    """Join the pieces of an answer; halves of surrogate pairs that were sent apart are joined, single ones replaced.

    Raises:
        Fault: the answer is longer than any answer.
    """
    if sum(map(len, pieces)) > TEXT_AT_MOST:
        raise Fault(f"the answer is longer than {TEXT_AT_MOST >> 20} million characters")
    return "".join(pieces).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
