"""The Python way in: `parallelbench.run(...)`, `run_sweep(...)`; the command line calls `run_plan`."""

from __future__ import annotations

import contextlib
import json
import shutil
import sys
import tempfile
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from parallelbench import sandbox
from parallelbench.clean import for_terminal
from parallelbench.contracts.denoiser import Denoiser
from parallelbench.contracts.generator import Generator
from parallelbench.decoding import Decoder, load_decoders
from parallelbench.errors import UserError
from parallelbench.experiments import provenance
from parallelbench.experiments.executors.choice import executor_of, pool_of
from parallelbench.experiments.executors.placement import LOCAL, Placement
from parallelbench.experiments.listeners import Several
from parallelbench.experiments.model_pool import ModelPool
from parallelbench.experiments.plan import PlannedCell, cells_of, distinct, notes, plan
from parallelbench.experiments.progress import Progress, Silent, usual_progress
from parallelbench.experiments.spec import Sweep
from parallelbench.experiments.task_specs import load_tasks
from parallelbench.runs.cell import run_identity
from parallelbench.runs.disk import write_text
from parallelbench.runs.folder import SUMMARY
from parallelbench.runs.store import open_run
from parallelbench.schema import BatchSize
from parallelbench.specs import build
from parallelbench.tasks import Task

if TYPE_CHECKING:
    from parallelbench.results import Results

LOADED = "the loaded model"


def run(
    model: str | Denoiser | Generator,
    task: str | Task | Sequence[str | Task],
    decoders: str | Decoder | Sequence[str | Decoder] = (),
    *,
    limit: int | None = None,
    seed: int | Sequence[int] = 0,
    shots: int | None = None,
    suite: Literal["ours", "official", "hf", "standard"] = "ours",
    data_dir: str | Path | None = None,
    cache: str | Sequence[str] = "none",
    aux: str | None = None,
    allow_short_canvas: bool = False,
    batch_size: BatchSize = "auto",
    device: str | None = None,
    allow_code: bool = False,
    executor: Literal["local", "ray"] | Placement = "local",
    out: str | Path | None = None,
    track: str | Sequence[str] = (),
    progress: Progress | bool | None = None,
) -> Results:
    """Run decoders on tasks and return the results.

    Args:
        model: a model's name, or a loaded model.
        task: a task's name with options, a task, or several.
        decoders: decoders by name (a list value makes a grid) or as values; a generator needs none.
        limit: samples per task; None takes all of them.
        seed: draws the samples and whatever is random in decoding; several seeds are run one after another.
        shots: demonstrations before the question, for tasks by name; None is what the model's card or the task says.
        suite: where tasks by name come from: this package, the reference's data, or public data sets.
        data_dir: the folder of the official data, or of a copy of the public data sets.
        cache: which keys and values are kept between forwards; several are run one after another.
        aux: an auxiliary model with the same vocabulary, for decoders that need one.
        allow_short_canvas: run also where right answers are longer than the canvas; False refuses it.
        batch_size: samples in flight at once; it changes no answer. "auto" doubles a few as long as that is faster.
        device: where a model by name runs, for example "cuda:0".
        allow_code: run programs that the model writes, for tasks that are scored so; in confinement (`sandbox`).
        executor: "local", "ray", or a `Placement` that also says how many workers there are and what each takes.
        out: the run folder; the same call with the same folder continues. None makes a temporary folder, which is removed
            when the results are no longer used.
        track: trackers that get the results too, such as "mlflow:uri=sqlite:///mlflow.db" (docs/cli.md); they need `out`.
        progress: a display; True is a bar, False none, None a bar in notebooks and on terminals.

    Raises:
        UserError: a name or option is wrong, or the folder cannot be used; the message says what to do.

    What a reader of the results must know is printed on stderr: another model than the one that was named runs a task, a model
    was not trained for a task, a task has fewer samples than the limit, programs are confined by limits alone.
    """
    if (shots, suite, data_dir) != (None, "ours", None) and any(isinstance(one, Task) for one in _list(task)):
        raise UserError("shots, suite and data_dir are for tasks by name; pass them to load_task, or the task by name.")
    _check_tracked(track, out)
    remarks = [sandbox.allow_code()] if allow_code else []
    more = {"limit": limit, "seeds": seed, "shots": shots, "suite": suite, "data_dir": data_dir, "cache": cache, "aux": aux}
    more |= {"allow_short_canvas": allow_short_canvas, "device": device, "batch_size": batch_size}
    placement = executor if isinstance(executor, Placement) else build(Placement, "run", {"executor": executor})
    sweep, pool, cells = _plan(model, _list(task), _list(decoders), more, placement)
    for remark in filter(None, [*remarks, *notes(cells, sweep.limit)]):
        _note(remark)
    shown = usual_progress() if progress is None or progress is True else progress or Silent()
    if out is not None:
        return _run_tracked(cells, sweep, pool, Path(out).expanduser(), shown, placement, track)
    folder = Path(tempfile.mkdtemp(prefix="parallelbench-"))
    with contextlib.ExitStack() as failed:
        failed.callback(shutil.rmtree, folder, ignore_errors=True)
        results = run_plan(cells, sweep, pool, folder, shown, placement)
        failed.pop_all()
    weakref.finalize(results, shutil.rmtree, folder, ignore_errors=True)
    return results


def _plan(
    model: str | Denoiser | Generator, tasks: list[Any], decoders: list[Any], more: Mapping[str, Any], placement: Placement
) -> tuple[Sweep, ModelPool, list[PlannedCell]]:
    """Plan the cells of names and of values that are made already."""
    _check(model, tasks, decoders)
    named = {
        "models": [model if isinstance(model, str) else LOADED],
        "tasks": [one if isinstance(one, str) else one.spec for one in tasks],
        "decoders": [one if isinstance(one, str) else one.spec for one in decoders],
    }
    sweep = build(Sweep, "run", {**named, **more})
    pool = pool_of(sweep, placement)
    if not isinstance(model, str):
        if placement.executor != "local":
            raise UserError("a loaded model cannot be sent to the workers of Ray; pass its name.")
        pool.add(LOADED, model)
    loaded = [made for one in tasks for made in (_tasks(one, sweep) if isinstance(one, str) else [one])]
    built = [made for one in decoders for made in (load_decoders(one) if isinstance(one, str) else [one])]
    return sweep, pool, distinct(cells_of(sweep.models[0], pool, loaded, built, sweep))


def run_sweep(
    sweep: Sweep,
    out: Path | None = None,
    progress: Progress | None = None,
    placement: Placement = LOCAL,
    track: str | Sequence[str] = (),
) -> Results:
    """Run a sweep; the same sweep with the same folder continues. `out` None means `default_out`; `track` as in `run`.

    Raises:
        UserError: as `run`.
    """
    pool = pool_of(sweep, placement)
    cells = plan(sweep, pool)
    return _run_tracked(cells, sweep, pool, out or default_out(cells), progress or Silent(), placement, track)


def _run_tracked(
    cells: Sequence[PlannedCell],
    sweep: Sweep,
    pool: ModelPool,
    out: Path,
    progress: Progress,
    placement: Placement,
    track: str | Sequence[str],
) -> Results:
    """Run planned cells while trackers listen.

    Raises:
        UserError: as `run_plan`, or a tracker is unknown, its package is not installed, or its key is not in the environment.
    """
    if not track:
        return run_plan(cells, sweep, pool, out, progress, placement)
    from parallelbench.tracking.session import tracked

    with tracked([track] if isinstance(track, str) else track, out, _note) as trackers:
        return run_plan(cells, sweep, pool, out, Several([progress, *trackers]), placement)


def run_plan(
    cells: Sequence[PlannedCell],
    sweep: Sweep,
    pool: ModelPool,
    out: Path,
    progress: Progress,
    placement: Placement = LOCAL,
) -> Results:
    """Run planned cells into a folder, and write their means into its summary.json.

    Raises:
        UserError: the folder cannot be used, or a cell cannot be run.
    """
    from parallelbench.experiments.run import run_cells
    from parallelbench.experiments.sign_of_life import sign_of_life
    from parallelbench.results import Results  # imports pandas

    counts = {one.cell.id: len(one.indices) for one in cells}
    arguments, resolved = provenance.given_arguments(), sweep.model_dump(mode="json")
    with open_run(out, counts, arguments, resolved, provenance.environment()) as store:
        with sign_of_life(out, store.call.number, placement.workers or 1) as life:
            shown = Several([progress, life])
            run_cells(cells, store, executor_of(sweep, pool, placement), sweep.batch_size, shown)
        results = Results(out)
        write_text(out / SUMMARY, json.dumps(results.summary_json(), indent=2, allow_nan=False) + "\n")
    return results


def default_out(cells: Sequence[PlannedCell]) -> Path:
    """The folder of a run that names none: the same cells always have the same."""
    return Path("runs") / run_identity([one.cell.id for one in cells])


def _note(text: str) -> None:
    """Print a remark on stderr."""
    print(for_terminal(f"note: {text}"), file=sys.stderr, flush=True)


def _tasks(spec: str, sweep: Sweep) -> list[Task]:
    return load_tasks(sweep.model_copy(update={"tasks": (spec,)}))


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _check_tracked(track: str | Sequence[str], out: str | Path | None) -> None:
    """Refuse trackers of a folder that is removed."""
    if track and out is None:
        raise UserError("track needs a run folder that stays, from which results can be sent again; pass out=... too.")


def _check(model: Any, tasks: Sequence[Any], decoders: Sequence[Any]) -> None:
    """Refuse what is no model, task or decoder."""
    if not isinstance(model, (str, Denoiser, Generator)):
        raise UserError(f"{model!r:.200} is no model; pass one name, or what load_model returns.")
    for kind, known, values in (("task", Task, tasks), ("decoder", Decoder, decoders)):
        for value in values:
            if not isinstance(value, (str, known)):
                raise UserError(f"{value!r:.200} is no {kind}; pass its name, or what load_{kind} returns.")
