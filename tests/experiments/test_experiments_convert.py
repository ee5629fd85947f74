"""A folder of schema 1 is converted by one command, and continues."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from run_files import DECODERS, TASKS, records

from parallelbench import run
from parallelbench.analysis import frame
from parallelbench.cli import invoke
from parallelbench.errors import UserError
from parallelbench.experiments.scoring import score_run
from parallelbench.runs.cell import IDENTITY
from parallelbench.runs.folder import read_run

ORIGIN = ("packages", "git", "python", "platform")


def as_schema_1(new: Path, old: Path) -> None:
    """Write the run of a folder in the layout of schema 1."""
    call = json.loads((new / "calls" / "0001.json").read_text())
    for path in new.glob("cells/*"):
        target = old / "cells" / path.name
        (target / "scores").mkdir(parents=True)
        file = json.loads((path / "cell.json").read_text())
        cell, session = file["cell"], file["sessions"][0]
        origin = {**session["environment"], "created": "2026-11-20T10:00:00+00:00", "arguments": [], "resolved": {}}
        origin |= {key: session[key] for key in ("device", "batch_size", "model")}
        more = {"task_spec": cell["task_spec"], "family": cell["decoder_facts"]["family"], "metrics": cell["metrics"]}
        more |= {"backends": file["backends"], "approximate": False, "provenance": origin, "prompt_hash": file["prompt_hash"]}
        whole = {"schema": 1, "id": file["id"], **{key: cell[key] for key in IDENTITY}, **more}
        (target / "cell.json").write_text(json.dumps(whole))
        traces = [json.loads(line) for line in (path / "traces.jsonl").read_text().splitlines()]
        with (target / "records.jsonl").open("w") as lines:
            for line, trace in zip((path / "records.jsonl").read_text().splitlines(), traces, strict=True):
                lines.write(json.dumps(earlier(json.loads(line), trace)) + "\n")
        (target / "DONE").write_text(json.dumps({"rows": len(traces)}))
        for score in path.glob("scores/*"):
            (target / "scores" / score.name).write_text(score.read_text().replace('"schema":2', '"schema":1'))
    run_file = {"schema": 1, "identity": "x", "cells": list(call["cells"]), "arguments": ["parallelbench", "run"]}
    (old / "run.json").write_text(
        json.dumps({**run_file, "resolved": call["resolved"], "created": "2026-11-20T10:00:00+00:00"})
    )


def earlier(record: dict[str, Any], trace: dict[str, Any]) -> dict[str, Any]:
    kept = ("sample_id", "index", "prompt_hash", "text", "content_tokens", "scores", "nfe", "tokens_per_step")
    row = {key: record[key] for key in (*kept, "content_tokens_per_forward", "seconds", "order", "law", "reported")}
    shown = {key: trace[key] for key in ("prompt", "answer", "pieces")}
    ledger = {**record["costs"], "history": trace["history"]}
    return {**row, "schema": 1, "token_ids": trace["token_ids"], "ledger": ledger, "shown": shown}


def test_a_folder_of_schema_1_is_converted_and_continues(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:  # fault 39
    new, old = tmp_path / "new", tmp_path / "old"
    run("fake", TASKS, DECODERS, limit=3, out=new)
    score_run(new, ["failures"], jobs=1)
    old.mkdir()
    as_schema_1(new, old)
    with pytest.raises(UserError, match=r"has schema 1, and this version reads 2; 'parallelbench repair"):
        read_run(old)
    assert invoke(["repair", str(old)]) == 0
    said = capsys.readouterr().out
    assert "converted 4 cells" in said and "is not damaged" in said and (old / "schema1" / "run.json").is_file()
    assert records(old) == records(new)
    one, two = frame.samples(old), frame.samples(new)
    assert one.drop(columns="seconds").equals(two.drop(columns="seconds"))
    assert sum(found.computed for found in score_run(old, ["failures"], jobs=1)) == 0, "scores are kept"
    results = run("fake", TASKS, DECODERS, limit=4, out=old)
    assert [row.samples for row in results.rows] == [4] * 4
    assert invoke(["repair", str(old)]) == 0 and "is not damaged" in capsys.readouterr().out


def test_a_conversion_that_was_cut_off_is_done_again(tmp_path: Path) -> None:
    new, old = tmp_path / "new", tmp_path / "old"
    run("fake", TASKS[0], DECODERS[0], limit=2, out=new)
    old.mkdir()
    as_schema_1(new, old)
    (old / "schema1").mkdir()
    for name in ("cells", "run.json"):
        (old / name).rename(old / "schema1" / name)
    (old / "cells" / "0123456789abcdef").mkdir(parents=True)
    (old / "cells" / "0123456789abcdef" / "records.jsonl").write_text("half")
    assert invoke(["repair", str(old)]) == 0
    assert records(old) == records(new)
