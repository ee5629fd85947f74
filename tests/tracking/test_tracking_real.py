"""Weights & Biases offline, MLflow on a local store and Trackio on this machine, each read back; skipped where missing."""

from __future__ import annotations

import json
import struct
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fake_model  # noqa: F401  (registers the fake model)
import pytest
from run_files import DECODERS, TASKS

from parallelbench import Results, cli, report

WORDS = ["run", "-m", "fake", *(f"-t{task}" for task in TASKS), *(f"-d{decoder}" for decoder in DECODERS), "--limit"]
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]


def numbers(out: Path) -> dict[str, dict[str, float]]:
    """The numbers of each cell by its id, from the folder."""
    return {
        row["cell"]: {name: row[name] for name in ("accuracy", "nfe", "tokens_per_step")} | {"accuracy_low": row["low"]}
        for row in Results(out).cells.to_dict("records")
    }


def log_records(data: bytes) -> Iterator[bytes]:
    """The records of a .wandb file: LevelDB's log format, blocks of 32 KiB, after a header of 7 bytes."""
    at, found = 7, b""
    while at + 7 <= len(data):
        if 32768 - at % 32768 < 7:  # no header fits in the rest of a block
            at += 32768 - at % 32768
            continue
        size, kind = struct.unpack_from("<HB", data, at + 4)
        found += data[at + 7 : at + 7 + size]
        at += 7 + size
        if kind in (1, 4):  # whole, or the last part
            yield found
            found = b""


def rows_of(file: Path) -> tuple[int, int]:
    """How many rows of cells, and how many tables, a .wandb file adds to the history of its run."""
    from wandb.proto import wandb_internal_pb2

    keys = []
    for data in log_records(file.read_bytes()):
        record = wandb_internal_pb2.Record()
        record.ParseFromString(data)
        if record.WhichOneof("record_type") == "history":
            keys.append({item.key or item.nested_key[0] for item in record.history.item})
    return sum("cell" in one for one in keys), sum("cells" in one for one in keys)


def test_wandb_offline_holds_the_numbers_of_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("wandb", reason="needs parallelbench[wandb], about 25 MB")
    from wandb.proto import wandb_internal_pb2

    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    assert cli.invoke([*WORDS, "2", "-o", "out", "--track", "wandb:project=trial"]) == 2, "no key, and not offline"
    monkeypatch.setenv("WANDB_MODE", "offline")
    for limit in ("2", "3"):  # the second run goes on under the same id
        assert cli.invoke([*WORDS, limit, "-o", "out", "--track", "wandb:project=trial,entity=us"]) == 0
    monkeypatch.setattr(report, "write_report", lambda folder: folder / "report.html")  # as the last run has written it
    for more in ([], [], ["--again"]):
        assert cli.invoke(["track", "out", "--to", "wandb:project=trial,entity=us", *more]) == 0
    files = sorted(tmp_path.glob("wandb/offline-run-*/run-*.wandb"))
    assert len(files) == 5 and len({file.name for file in files}) == 1
    # The first run has four cells, the second the same four with one more sample each; sending again adds none of them.
    assert [rows_of(file) for file in files] == [(4, 1), (4, 1), (0, 0), (0, 0), (4, 1)]
    summary: dict[str, Any] = {}
    config: dict[str, Any] = {}
    kinds: set[str] = set()
    for data in log_records(files[1].read_bytes()):
        record = wandb_internal_pb2.Record()
        record.ParseFromString(data)
        kinds.add(record.WhichOneof("record_type"))
        summary |= {item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in record.summary.update}
        if record.WhichOneof("record_type") == "run":
            config |= {item.key: json.loads(item.value_json) for item in record.run.config.update}
            assert (record.run.project, record.run.entity, record.run.run_group) == ("trial", "us", "out")
    assert {"run", "history", "summary", "artifact"} <= kinds
    assert config["tasks"] == TASKS and len(config["provenance"]["calls"]) == 2
    for cell, row in numbers(tmp_path / "out").items():
        for name, value in row.items():
            assert summary[f"{cell}/{name}"] == pytest.approx(value)
    assert summary["cells/nrows"] == 4


def test_mlflow_on_sqlite_holds_the_numbers_of_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mlflow = pytest.importorskip("mlflow", reason="needs parallelbench[mlflow], about 120 MB")
    pytest.importorskip("sqlalchemy", reason="needs parallelbench[mlflow]")
    monkeypatch.chdir(tmp_path)
    uri = f"sqlite:///{tmp_path}/store.db"
    for limit in ("2", "3"):
        assert cli.invoke([*WORDS, limit, "-o", "out", "--track", f"mlflow:uri={uri}"]) == 0
    assert cli.invoke(["track", "out", "--to", f"mlflow:uri={uri}"]) == 0, "sending again replaces what is there"
    client = mlflow.MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name("out")
    found: dict[bool, list[Any]] = defaultdict(list)
    for one in client.search_runs([experiment.experiment_id]):
        found["mlflow.parentRunId" in one.data.tags].append(one)
    (parent,), cells = found[False], found[True]
    expected = numbers(tmp_path / "out")
    assert len(cells) == len(expected) == 4 and parent.info.status == "FINISHED"
    for one in cells:
        assert one.data.tags["mlflow.parentRunId"] == parent.info.run_id and one.info.status == "FINISHED"
        for name, value in expected[one.data.tags["parallelbench.cell"]].items():
            assert one.data.metrics[name] == pytest.approx(value)
        assert one.data.metrics["samples"] == 3 and one.data.params["task"] in TASKS
    assert {one.path for one in client.list_artifacts(parent.info.run_id)} >= {"report.html", "summary.json", "cells.json"}


def test_trackio_on_this_machine_holds_the_numbers_of_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path / "kept"))  # read when it is imported
    trackio = pytest.importorskip("trackio", reason="needs parallelbench[trackio], about 20 MB")
    storage = pytest.importorskip("trackio.sqlite_storage").SQLiteStorage
    monkeypatch.chdir(tmp_path)
    for limit in ("2", "3"):
        assert cli.invoke([*WORDS, limit, "-o", "out", "--json", "--track", "trackio:project=trial"]) == 0
        streams = capfd.readouterr()
        assert "rackio" in streams.err and "rackio" not in streams.out, "stdout belongs to the results"
    assert cli.invoke(["track", "out", "--to", "trackio:project=trial"]) == 0, "no row is added twice"
    (found,) = trackio.Api().runs("trial")
    rows = storage.get_logs("trial", found.name)
    cells, tables = [row for row in rows if "cell" in row], [row for row in rows if "cells" in row]
    assert len(tables) == 2 and [row["samples"] for row in cells] == [2] * 4 + [3] * 4
    expected = numbers(tmp_path / "out")
    assert {row["cell"] for row in cells} == set(expected)
    for row in cells[4:]:
        for name, value in expected[row["cell"]].items():
            assert row[name] == pytest.approx(value)
    assert found.config["tasks"] == TASKS
