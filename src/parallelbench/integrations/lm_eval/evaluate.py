"""Runs the harness's tasks with a model of ours through its public interface, and adds what the texts cost to its results."""

from __future__ import annotations

import fnmatch
import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lm_eval import simple_evaluate
from lm_eval.tasks import TaskManager

from parallelbench.errors import UnknownName, UserError, first_line
from parallelbench.integrations.lm_eval.model import ParallelBenchLM, mean_costs
from parallelbench.runs.disk import disk_errors, write_text

TASKS = Path(__file__).parent / "tasks"
"""Our tasks in the harness's form; `parallelbench path lm-eval-tasks` prints this folder."""


def evaluate(model: ParallelBenchLM, tasks: Sequence[str], include_path: Path | None = None, **options: Any) -> dict[str, Any]:
    """Run tasks of the harness and return its results; `options` are those of `lm_eval.simple_evaluate`.

    Each task has the mean nfe, tokens per step, content tokens per forward and seconds of its texts besides, and each logged
    sample the cost of its text under `parallelbench`.

    Raises:
        UserError: a task is unknown, or its data cannot be read.
    """
    manager = _manager(tasks, [str(path) for path in (TASKS, include_path) if path is not None])
    names = [name for task in tasks for name in fnmatch.filter(manager.all_tasks, task)]
    try:
        found = simple_evaluate(model, tasks=names, task_manager=manager, batch_size=1, bootstrap_iters=0, **options)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"lm-eval cannot run {', '.join(tasks)} ({first_line(error)}); correct the task or its data."
        ) from error
    if found is None:
        raise UserError("lm-eval made no results; name at least one task.")
    results: dict[str, Any] = dict(found)
    for task, values in results["results"].items():
        values.update({f"{name},none": value for name, value in mean_costs(model.costs, task).items()})
        errors = [error for place, of_doc in model.errors.items() if place[0] == task for error in of_doc]
        if known := [error for error in errors if not math.isnan(error)]:
            values["loglikelihood_stderr,none"] = max(known)
    for task, samples in results.get("samples", {}).items():
        for sample in samples:
            cost = model.costs.get((task, sample["doc_id"]))
            sample["parallelbench"] = None if cost is None else asdict(cost)
    return results


def _manager(tasks: Sequence[str], folders: list[str]) -> TaskManager:
    """The tasks of these folders, and those of the harness only where one of them is wanted: it has thousands of files.

    Raises:
        UnknownName: neither has one of the tasks.
    """
    ours = TaskManager(include_path=folders, include_defaults=False)
    if all(fnmatch.filter(ours.all_tasks, task) for task in tasks):
        return ours
    both = TaskManager(include_path=folders)
    for task in tasks:
        if not fnmatch.filter(both.all_tasks, task):
            raise UnknownName("task of lm-eval", task, both.all_tasks)
    return both


def write_results(results: dict[str, Any], out: Path) -> None:
    """Write results.json and one file of samples for each task into a folder.

    Raises:
        UserError: the folder cannot be written.
    """
    with disk_errors(out):
        out.mkdir(parents=True, exist_ok=True)
    for task, samples in results.get("samples", {}).items():
        lines = (json.dumps(sample, default=str, ensure_ascii=False) + "\n" for sample in samples)
        write_text(out / f"samples_{task}.jsonl", "".join(lines))
    kept = {key: value for key, value in results.items() if key != "samples"}
    write_text(out / "results.json", json.dumps(kept, indent=2, default=str, ensure_ascii=False) + "\n")
