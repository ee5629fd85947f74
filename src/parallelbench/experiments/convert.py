"""Converts a run folder of an earlier schema. Schema 1 kept a decoder as a label: this is the one place that reads labels."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from parallelbench.clean import for_message
from parallelbench.decoding import load_decoder
from parallelbench.errors import UserError
from parallelbench.experiments.records import hash_of
from parallelbench.runs import schema_2
from parallelbench.runs.border import MAX_BYTES, SCHEMA, DamagedRun, cleaned
from parallelbench.runs.calls import Environment, begin_call, end_call
from parallelbench.runs.cell import IDENTITY, Cell, ModelFacts
from parallelbench.runs.cell_files import Session
from parallelbench.runs.cell_folder import CellFolder
from parallelbench.runs.disk import disk_errors, locked, write_bytes
from parallelbench.runs.folder import CELLS, RUN, RUN_FILE, RunFile
from parallelbench.runs.records import Costs, DecodingOrder, Extent, LawShape, Record, Reported, Trace
from parallelbench.runs.scores import SCORES, ScoreRow, appending_scores, head_of, row_line
from parallelbench.schema import DecoderFacts
from parallelbench.specs import parse

EARLIER = "schema1"
CONVERTED = (1, 2)
Json = dict[str, Any]


def earlier_schema(out: Path) -> int | None:
    """The schema of a run folder that `convert` reads, also where its conversion was cut off; None for any other folder."""
    if not (out / RUN).is_file():
        return next((number for number in CONVERTED if (out / f"schema{number}" / RUN).is_file()), None)
    try:
        found = _json(out / RUN).get("schema")
    except DamagedRun:
        return None
    return found if type(found) is int and found in CONVERTED else None


def convert(out: Path) -> int:
    """Convert a folder of an earlier schema in place and return the number of its cells; its files are kept in `schema<n>`.

    Raises:
        DamagedRun: one of its files is damaged.
        UserError: a file is not what that schema holds, or it cannot be written.
    """
    number = earlier_schema(out)
    try:
        return schema_2.convert_schema_2(out) if number == 2 else _convert_schema_1(out)
    except UserError:
        raise
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        fault, kept = for_message(repr(error))[:200], out / f"schema{number}"
        raise UserError(
            f"{out} cannot be converted, because one of its files is not what schema {number} holds ({fault}); its files "
            f"are in {kept}."
        ) from error


def _convert_schema_1(out: Path) -> int:
    """Convert a folder of schema 1.

    Raises:
        DamagedRun: one of its files is damaged.
        UserError: it cannot be written.
    """
    earlier = out / EARLIER
    with locked(out), disk_errors(out):
        earlier.mkdir(exist_ok=True)
        for name in (CELLS, RUN):  # run.json last: what was cut off before is begun again
            if (out / name).exists() and not (earlier / name).exists():
                (out / name).replace(earlier / name)
        run = _json(earlier / RUN)
        paths = [path for cell_id in run["cells"] if (path := earlier / CELLS / cell_id / "cell.json").is_file()]
        cells = {path.parent.name: _json(path) for path in paths}
        if not cells:
            raise UserError(f"{out} has no cell to convert; run its command again in another folder.")
        origin = next(iter(cells.values()))["provenance"]
        rows = {cell_id: list(_lines(earlier / CELLS / cell_id / "records.jsonl")) for cell_id in cells}
        counts = {cell_id: len(rows.get(cell_id, ())) for cell_id in run["cells"]}
        call = begin_call(out, run["arguments"], run["resolved"], counts, _environment(origin), run["created"])
        for cell_id, cell in cells.items():
            _convert_cell(earlier / CELLS / cell_id, CellFolder(out / CELLS / cell_id), cell, rows[cell_id])
        end_call(out, call, "complete", run["created"])
        write_bytes(out / RUN, RUN_FILE.dump_json(RunFile(SCHEMA, run["created"])) + b"\n")
    return len(cells)


def _convert_cell(earlier: Path, folder: CellFolder, old: Json, rows: list[Json]) -> None:
    cell = _cell(old)
    origin = old["provenance"]
    session = Session(
        call=1,
        started=origin["created"],
        samples=len(rows),
        device=origin["device"],
        batch_size=origin["batch_size"],
        model=origin["model"],
        environment=_environment(origin),
    )
    folder.begin(cell, old.get("backends", {}), old["prompt_hash"], session)
    with folder.writing(0, 0) as writer:
        for row in rows:
            writer.append(*_record(row, cell.id))
    if (earlier / "DONE").is_file():
        folder.finish(cell, len(rows))
    for path in sorted((earlier / SCORES).glob("*.jsonl")):
        head, *scores = _lines(path)
        first = head_of(cell.id, head["metric"], head["backend"])
        with appending_scores(folder.path / SCORES / path.name, first, keep=False) as file:
            for row in scores:
                hits = tuple((rule, start, end) for rule, start, end in row.get("hits", ()))
                file.append(row_line(ScoreRow(row["sample_id"], row.get("value"), hits, tuple(row.get("labels", ())))))


def _cell(old: Json) -> Cell:
    identity = {key: old[key] for key in IDENTITY if key in old}
    return Cell(
        **identity,
        task_spec=old["task_spec"],
        metrics=tuple(old["metrics"]),
        approximate=old.get("approximate", False),
        decoder_facts=_facts(old),
        model_facts=ModelFacts(old["model"], exact=old["model"] == "exact", aux=(old.get("aux") or "").partition("@")[0]),
    )


def _facts(old: Json) -> DecoderFacts:
    """What the decoder of today says of itself; of one that is gone (a user's file), what its label shows."""
    try:
        return load_decoder(old["decoder"]).facts
    except UserError:
        _, options = parse(old["decoder"])
        return DecoderFacts(old["family"], old["family"], options, speed={}, variant=options, adaptive=False)


def _record(row: Json, cell_id: str) -> tuple[Record, Trace]:
    ledger, shown, reported, law = row["ledger"], row["shown"], row.get("reported"), row["law"]
    record = Record(
        schema=SCHEMA,
        cell=cell_id,
        **{name: row[name] for name in ("sample_id", "index", "prompt_hash", "content_tokens", "scores", "nfe", "seconds")},
        **{name: row[name] for name in ("tokens_per_step", "content_tokens_per_forward")},
        answer_hash=hash_of(shown["answer"]),
        text=cleaned(row["text"]),
        canvas_tokens=len(row["token_ids"]),
        costs=Costs(
            ledger["nfe"], ledger["rows"], ledger["q_tokens"], ledger["kv_tokens"], ledger["flops"], tuple(ledger["flags"])
        ),
        order=DecodingOrder(**row["order"]),
        law=None if law is None else LawShape(**law),
        reported=None if reported is None else Reported(**cleaned(reported)),
        trace=Extent(0, 0),
    )
    trace = Trace(
        schema=SCHEMA,
        cell=cell_id,
        sample_id=row["sample_id"],
        prompt=cleaned(shown["prompt"]),
        answer=cleaned(shown["answer"]),
        token_ids=tuple(row["token_ids"]),
        pieces=tuple(cleaned(shown["pieces"])),
        history=tuple(tuple((at, token, sure, action) for at, token, sure, action in step) for step in ledger["history"]),
    )
    return record, trace


def _environment(origin: Mapping[str, Any]) -> Environment:
    return Environment(origin["packages"], origin["git"], origin["python"], origin["platform"])


def _json(path: Path) -> Json:
    return _parse(path.read_bytes()[:MAX_BYTES], path)


def _lines(path: Path) -> Iterator[Json]:
    """The whole lines of a file; none where there is none."""
    if path.is_file():
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if line.endswith(b"\n"):
                    yield _parse(line, path, number)


def _parse(data: bytes, path: Path, line: int | None = None) -> Json:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise DamagedRun(path, "is damaged", line) from error
    if not isinstance(value, dict):
        raise DamagedRun(path, "is no object", line)
    return value
