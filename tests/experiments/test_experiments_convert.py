"""A folder of schema 1 is converted by one command, and continues."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from run_files import DECODERS, TASKS

from parallelbench import run
from parallelbench.analysis import frame
from parallelbench.cli import invoke
from parallelbench.errors import UserError
from parallelbench.experiments.scoring import score_run
from parallelbench.runs.cell import IDENTITY
from parallelbench.runs.folder import read_run
from stored_records import records

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
            (target / "scores" / score.name).write_text(score.read_text().replace('"schema":3', '"schema":1'))
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
    with pytest.raises(UserError, match=r"has schema 1, and this version reads 3; 'parallelbench repair"):
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


def as_schema_2(out: Path) -> None:
    """Turn a folder into what schema 2 left: nothing but the cell's own file says which cell a line belongs to."""
    for path in [*out.glob("calls/*"), out / "run.json", *out.glob("cells/*/DONE"), *out.glob("cells/*/cell.json")]:
        path.write_text(json.dumps({**json.loads(path.read_text()), "schema": 2}))
    for path in [*out.glob("cells/*/scores/*")]:
        first, *rest = path.read_text().splitlines()
        path.write_text("\n".join([json.dumps({**without_cell(first), "schema": 2}), *rest]) + "\n")
    for path in out.glob("cells/*/records.jsonl"):
        rows, data = [], b""
        for line in path.read_text().splitlines():
            row = without_cell(line)
            at = row["trace"]
            trace = without_cell(path.with_name("traces.jsonl").read_bytes()[at["offset"] : at["offset"] + at["size"]].decode())
            text = json.dumps({**trace, "schema": 2}).encode() + b"\n"
            rows.append({**row, "schema": 2, "trace": {"offset": len(data), "size": len(text)}})
            data += text
        path.with_name("traces.jsonl").write_bytes(data)
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def without_cell(line: str) -> dict[str, Any]:
    return {key: value for key, value in json.loads(line).items() if key != "cell"}


def test_a_folder_of_schema_2_is_converted_and_continues(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    run("fake", TASKS, DECODERS, limit=3, out=out)
    score_run(out, ["failures"], jobs=1)
    whole, table = records(out), frame.samples(out)
    as_schema_2(out)
    with pytest.raises(UserError, match=r"has schema 2, and this version reads 3; 'parallelbench repair"):
        frame.samples(out)
    assert invoke(["repair", str(out)]) == 0
    said = capsys.readouterr().out
    assert "converted 4 cells" in said and "is not damaged" in said and (out / "schema2" / "run.json").is_file()
    assert records(out) == whole and frame.samples(out).equals(table)
    assert sum(found.computed for found in score_run(out, ["failures"], jobs=1)) == 0, "scores are kept"
    assert [row.samples for row in run("fake", TASKS, DECODERS, limit=4, out=out).rows] == [4] * 4


def test_a_damaged_folder_of_schema_2_is_converted_and_then_mended(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    run("fake", TASKS[0], DECODERS, limit=3, out=out)
    whole = records(out)
    as_schema_2(out)
    path = next(out.glob("cells/*/records.jsonl"))
    first, second, third = path.read_text().splitlines()
    path.write_text(f"{first}\nnonsense\n{third}\n{second[:50]}")
    (out / "schema2").mkdir()
    (out / "cells").rename(out / "schema2" / "cells")
    (out / "run.json").rename(out / "schema2" / "run.json")  # as a conversion that was cut off left it
    assert invoke(["repair", str(out)]) == 0
    assert f"cells/{path.parent.name}/records.jsonl line 2 is damaged" in capsys.readouterr().out
    run("fake", TASKS[0], DECODERS, limit=3, out=out)
    assert records(out) == whole


@pytest.mark.parametrize(
    "content", ['{"schema": 1}', '{"schema": 1, "cells": 5}', '{"schema": 1, "cells": ["a"]}', '{"schema": 2}']
)
def test_what_is_no_run_of_its_schema_is_refused_in_one_sentence(content: str, tmp_path: Path, capsys: Any) -> None:
    cell = tmp_path / "cells" / "a"
    cell.mkdir(parents=True)
    (cell / "cell.json").write_text('{"provenance": {}}')
    (tmp_path / "run.json").write_text(content)
    assert invoke(["repair", str(tmp_path)]) in (0, 2)
    assert "Traceback" not in (said := capsys.readouterr().err) and len(said.splitlines()) <= 1
