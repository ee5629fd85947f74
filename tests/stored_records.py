"""What a run left on disk, in a form that two runs can be compared by."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def records(out: Path) -> dict[str, list[dict[str, Any]]]:
    """Every record with its trace by cell, in the order of the samples, without the seconds; a sample twice is an error."""
    found = {}
    for path in sorted(out.glob("cells/*/records.jsonl")):
        rows = [json.loads(line) for line in path.read_bytes().splitlines()]
        traces = path.with_name("traces.jsonl").read_bytes()
        for row in rows:
            del row["seconds"]
            extent = row.pop("trace")
            row["trace"] = json.loads(traces[extent["offset"] : extent["offset"] + extent["size"]])
            assert row["trace"]["sample_id"] == row["sample_id"]
        assert len({row["sample_id"] for row in rows}) == len(rows), "a sample twice"
        found[path.parent.name] = sorted(rows, key=lambda row: row["index"])
    return found


def lines(out: Path) -> int:
    """How many records are on disk."""
    return sum(path.read_bytes().count(b"\n") for path in out.glob("cells/*/records.jsonl"))
