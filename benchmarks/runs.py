"""What planning, continuing and reporting cost beside decoding. `python benchmarks/runs.py [--cells 2823] [--samples 100]`

Nothing is decoded: records of the shape that real runs leave (some 770 bytes, all fields filled) are written straight into a
run folder, for the cells of a real plan, with the reasons of failures that the first report of a run computes. Traces are some
1.1 kB a sample; no table reads them, which is what the layout is for, and the page reads those of its examples.

The bars, on two cores: a plan of 2,823 cells with its forecast in 1 s after imports; a dry run of the paper's 2,788 cells in
.8 s of processor time; a report over 282,000 records in 20 s and 2 GB; continuing a finished run of 10,000 records in 1.5 s.

What bounds them:

* A plan makes one frozen value and one hash of 400 bytes for each cell, some 50 us; no weights are touched.
* Records are JSON, parsed and checked field by field in compiled code, in about the time that `json.loads` takes for the same
  bytes (`loads_s`, measured beside it): 282,000 times 770 bytes are 217 MB. The rest of a report's data (`data_s`) is grouping
  and intervals over columns, which is NumPy's. `report_s` is the whole command in a process of its own, imports included, and
  `report_cpu_s` the processor time of that process and of the one that draws its charts on the other core. On a machine that
  has other work to do, `report_cpu_s` divided by `loads_s` of the same call is what to compare.
* Continuing reads every record of the run once, to know which samples are there and that DONE is right, and once more for the
  table; then come the 3 kB of cell.json and three small files for each cell.

The last line is one JSON object; peak memory is that of a process of its own.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from functools import cache
from pathlib import Path

from parallelbench import models
from parallelbench.api import run_plan
from parallelbench.experiments.costs import Prices
from parallelbench.experiments.model_pool import ModelPool
from parallelbench.experiments.plan import PlannedCell, plan
from parallelbench.experiments.plan_forecast import forecast_plan
from parallelbench.experiments.progress import Silent
from parallelbench.experiments.provenance import environment
from parallelbench.experiments.spec import Sweep, load_sweep
from parallelbench.metrics.failures import VERSION
from parallelbench.report.data import read_report_data
from parallelbench.runs.calls import Environment
from parallelbench.runs.cell_files import DONE_FILE, Done, Session
from parallelbench.runs.cell_folder import DONE, RECORDS, TRACES, CellFolder
from parallelbench.runs.folder import SCHEMA
from parallelbench.runs.records import Costs, DecodingOrder, Extent, LawShape, Record, Trace, line_of
from parallelbench.runs.scores import FAILURES, HEAD, ScoreRow, head_of, row_line, score_file
from parallelbench.runs.store import open_run
from parallelbench.runs.times import now
from parallelbench.tasks.lists import names

TASKS = ("waiting_line/*",)
REASONS = ("item_lost", "order_wrong")
FIRST, LAST = names()
TEXT = '["Adrian Perez", "Joe Smith", "Maria Garcia", "Ann Lee", "Bo Chan"]'


def sweep_of(cells: int, tasks: int, samples: int) -> Sweep:
    """A sweep of at least so many cells: one task after another, with enough thresholds."""
    gammas = ",".join(f"{0.5 + 0.4999 * place / cells:.6f}" for place in range(-(-cells // tasks)))
    return Sweep(models=("exact",), tasks=TASKS, decoders=(f"threshold:gamma=[{gammas}]",), limit=samples)


def write_cell(work: PlannedCell, folder: CellFolder, draws: random.Random) -> None:
    """Write a finished cell with records of a real shape."""
    session = Session(call=1, started=now(), device="cpu", batch_size=64, model={}, environment=environment_of())
    folder.begin(work.cell, dict.fromkeys(work.cell.metrics, "rules 1"), "0" * 16, session)
    lines, traces, end = [], [], 0
    for index in work.indices:
        nfe = draws.randint(2, 32)
        traces.append(line_of(trace(work, index, nfe)))
        lines.append(line_of(record(work, index, nfe, Extent(end, len(traces[-1])), draws)))
        end += len(traces[-1])
    write_reasons(work, folder, lines)
    (folder.path / RECORDS).write_bytes(b"".join(lines))
    (folder.path / TRACES).write_bytes(b"".join(traces))
    (folder.path / DONE).write_bytes(DONE_FILE.dump_json(Done(SCHEMA, len(lines))))


def write_reasons(work: PlannedCell, folder: CellFolder, lines: list[bytes]) -> None:
    """Write why each wrong answer among these records is wrong, as the first report of a run does."""
    headline = work.cell.metrics[0]
    path = score_file(folder, FAILURES)
    path.parent.mkdir()
    head = head_of(work.cell.id, FAILURES, f"labels {VERSION}; {headline}: rules 1")
    found = [json.loads(line) for line in lines]
    rows = [ScoreRow(one["sample_id"], labels=() if one["scores"][headline] else REASONS) for one in found]
    path.write_bytes(HEAD.dump_json(head) + b"\n" + b"".join(map(row_line, rows)))


def trace(work: PlannedCell, index: int, nfe: int) -> Trace:
    """How a sample of 32 tokens was decoded in `nfe` forwards."""
    history = tuple(tuple((at, 7, 0.5, "commit") for at in range(step, 32, nfe)) for step in range(nfe))
    name = f"{work.cell.sample_prefix}{index}"
    return Trace(
        schema=SCHEMA,
        cell=work.cell.id,
        sample_id=name,
        prompt="a prompt",
        answer=TEXT,
        token_ids=tuple(range(32)),
        pieces=("a",) * 32,
        history=history,
    )


def record(work: PlannedCell, index: int, nfe: int, place: Extent, draws: random.Random) -> Record:
    """One record as a diffusion model of 32 tokens leaves it."""
    right = float(draws.random() < 0.7)
    return Record(
        schema=SCHEMA,
        cell=work.cell.id,
        sample_id=f"{work.cell.sample_prefix}{index}",
        index=index,
        prompt_hash="0123456789abcdef",
        answer_hash="fedcba9876543210",
        text=json.dumps([f"{draws.choice(FIRST)} {draws.choice(LAST)}" for _ in range(5)]),
        canvas_tokens=32,
        content_tokens=21,
        scores=dict.fromkeys(work.cell.metrics, right),
        nfe=nfe,
        tokens_per_step=32 / nfe,
        content_tokens_per_forward=21 / nfe,
        seconds=draws.random(),
        costs=Costs({"denoise": nfe}, nfe, nfe * 180, nfe * 32400, nfe * 1.7e12),
        order=DecodingOrder(32 / nfe, draws.random(), draws.random()),
        law=LawShape("deterministic", 5, False),
        trace=place,
    )


@cache
def environment_of() -> Environment:
    """The environment of this process, found once."""
    return environment()


def write_run(out: Path, works: list[PlannedCell]) -> None:
    """Write a finished run of planned cells."""
    draws = random.Random(0)
    cells = {work.cell.id: len(work.indices) for work in works}
    with open_run(out, cells, ["benchmark"], {}, environment_of()) as store:
        for work in works:
            write_cell(work, store.cell(work.cell), draws)


def planned(cells: int, samples: int) -> tuple[list[PlannedCell], float]:
    """A plan of exactly so many cells, and how long it took."""
    tasks = len(plan(sweep_of(1, 1, 1), ModelPool()))
    start = time.perf_counter()
    works = plan(sweep_of(cells, tasks, samples), ModelPool())
    return works[:cells], time.perf_counter() - start


def forecast_of(works: list[PlannedCell]) -> float:
    """Seconds to forecast a plan: forwards, time and memory of every cell, without records."""
    start = time.perf_counter()
    made = forecast_plan(works, ModelPool(), Path("nowhere"), "auto", Prices({}, {}), speeds=["100"])
    assert len(made.cells) == len(works) and made.expected > 0
    return time.perf_counter() - start


def paper(folder: Path) -> dict[str, float]:
    """CPU seconds of a dry run of the paper's whole benchmark, four models on 17 tasks under 41 settings.

    Copies of the shipped text model stand for the four checkpoints, of which a plan reads the configuration and the tokenizer.
    `paper_first_s` is in a new process, with the modules that only now are imported, and `paper_again_s` the same once more.
    """
    for number in range(4):
        shutil.copytree(Path(models.__file__).with_name("tiny_text"), folder / f"model {number}")
    names = tuple(f'path:"{folder}/model {number}"' for number in range(4))
    sweep, found = load_sweep("paper:fig21").model_copy(update={"models": names}), {}
    for name in ("paper_first_s", "paper_again_s"):
        start, pool = time.process_time(), ModelPool()
        works = plan(sweep, pool)
        forecast_plan(works, pool, Path("nowhere"), "auto", Prices({}, {}))
        found[name] = round(time.process_time() - start, 2)
    return {"paper_cells": len(works), **found}


def continued(out: Path) -> float:
    """Seconds to continue a finished run of 10,000 records, its plan and its table included."""
    tasks = len(plan(sweep_of(1, 1, 1), ModelPool()))
    each = 10_000 // tasks
    sweep = sweep_of(1, 1, each).model_copy(update={"tasks": (f"waiting_line/*:samples={each}",)})
    write_run(out, plan(sweep, ModelPool()))
    start = time.perf_counter()
    results = run_plan(plan(sweep, ModelPool()), sweep, ModelPool(), out, Silent())
    assert sum(row.samples for row in results.rows) == each * tasks
    return time.perf_counter() - start


def report(out: Path) -> None:
    """Print the time of a report's data and of the whole command, its samples, and the largest peak memory of a process."""
    start = time.perf_counter()
    samples = len(read_report_data(out).samples)
    seconds = time.perf_counter() - start
    start = time.perf_counter()
    subprocess.run([sys.executable, "-m", "parallelbench", "report", str(out)], capture_output=True, check=True)
    whole = time.perf_counter() - start
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.process_time()
    for path in out.glob("cells/*/records.jsonl"):
        for line in path.read_bytes().splitlines():
            json.loads(line)
    bare = time.process_time() - start
    times = {"data_s": seconds, "report_s": whole, "report_cpu_s": used.ru_utime + used.ru_stime, "loads_s": bare}
    times = {name: round(one, 2) for name, one in times.items()}
    print(json.dumps({**times, "records": samples, "peak_gb": peak()}))


def peak() -> float:
    """The largest peak memory of this process and of those that it started, in GB."""
    unit = 1 if sys.platform == "darwin" else 1024
    most = max(resource.getrusage(which).ru_maxrss for which in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return round(most * unit / 1e9, 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=2823)
    parser.add_argument("--samples", type=int, default=100)
    parser.add_argument("--report", type=Path, help="only read the data of a report on this folder")
    options = parser.parse_args()
    if options.report:
        report(options.report)
        return
    with tempfile.TemporaryDirectory() as folder:
        of_paper = paper(Path(folder))
        works, plan_s = planned(options.cells, options.samples)
        start = time.perf_counter()
        write_run(Path(folder) / "large", works)
        write_s = time.perf_counter() - start
        command = [sys.executable, __file__, "--report", str(Path(folder) / "large")]
        found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[-1])
        figures = {
            **of_paper,
            "cells": len(works),
            "plan_s": round(plan_s, 2),
            "forecast_s": round(forecast_of(works), 2),
            "write_s": round(write_s, 1),
            **found,
        }
        print(json.dumps({**figures, "continue_10000_s": round(continued(Path(folder) / "finished"), 2)}))


if __name__ == "__main__":
    main()
