"""Reads `records.jsonl`: a torn last line is no line yet, any other damage is named by file and line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from parallelbench.errors import UserError
from parallelbench.schema import RECORD_SCHEMA

Row = dict[str, Any]
TAIL = 1 << 16
KINDS = {"index": int, "text": str, "scores": dict, "ledger": dict, "shown": dict, "token_ids": list}
"""What a record must have for anything to be made of it."""


def read_lines(path: Path) -> Iterator[Row]:
    """Yield the records of a file in the order they were written; none where there is no regular file.

    Raises:
        UserError: a line other than a torn last one is damaged, is of another schema, or repeats a sample.
    """
    if not path.is_file():
        return
    seen: set[str] = set()
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.endswith(b"\n"):
                return
            row = _parse(line, f"{path} line {number}")
            if row["sample_id"] in seen:
                raise _damage(f"{path} line {number}", f"repeats the sample {row['sample_id']}")
            seen.add(row["sample_id"])
            yield row


def whole_bytes(path: Path) -> int:
    """Return the length of a regular file up to its last line end: what a writer may append to."""
    with path.open("rb") as file:
        end = file.seek(0, 2)
        while end > 0:
            start = max(0, end - TAIL)
            file.seek(start)
            found = file.read(end - start).rfind(b"\n")
            if found >= 0:
                return start + found + 1
            end = start
    return 0


def _parse(line: bytes, where: str) -> Row:
    try:
        row = json.loads(line)
    except ValueError:
        raise _damage(where, "is damaged") from None
    if not isinstance(row, dict) or not isinstance(row.get("sample_id"), str):
        raise _damage(where, "is no record of a sample")
    if row.get("schema") != RECORD_SCHEMA:
        written = row.get("schema")
        raise UserError(f"{where} has record schema {written}, this version reads {RECORD_SCHEMA}; use a new output folder.")
    for key, kind in KINDS.items():
        if not isinstance(row.get(key), kind):
            raise _damage(where, f"has no good '{key}'")
    if not all(isinstance(value, (int, float)) and 0 <= value <= 1 for value in row["scores"].values()):
        raise _damage(where, "has a score that is no number from 0 to 1")
    return row


def _damage(where: str, what: str) -> UserError:
    return UserError(f"{where} {what}; delete that line and run the same command again, which decodes only what is missing.")
