"""The Python way in: `parallelbench.run(...)`; `run_sweep` is what the command line calls."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from parallelbench.contracts.denoiser import Denoiser
from parallelbench.contracts.generator import Generator
from parallelbench.decoding import Decoder, load_decoders
from parallelbench.errors import UserError
from parallelbench.experiments import local, provenance
from parallelbench.experiments.model_pool import ModelPool
from parallelbench.experiments.plan import PlannedCell, distinct, load_tasks, of_model, plan
from parallelbench.experiments.progress import Progress, Silent
from parallelbench.experiments.spec import Sweep
from parallelbench.results import Results
from parallelbench.runs.cell import run_identity
from parallelbench.runs.store import open_run
from parallelbench.specs import build
from parallelbench.tasks import Task

GIVEN = "the model given"


def run(
    model: str | Denoiser | Generator,
    task: str | Task | Sequence[str | Task],
    decoders: str | Decoder | Sequence[str | Decoder] = (),
    *,
    limit: int | None = None,
    seed: int = 0,
    out: str | Path | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> Results:
    """Run decoders on tasks and return the results.

    Args:
        model: a model's name, or a loaded model.
        task: a task's name with options, a task, or several.
        decoders: decoders by name (a list value makes a grid) or as values; a generator needs none.
        limit: samples per task; None takes all of them.
        seed: draws the samples and whatever is random in decoding.
        out: the run folder; the same call with the same folder continues. None makes a temporary one.
        progress: is told how the run goes.
        options: `suite`, `data_dir`, `shots`, `cache`, `aux`, `batch_size`, `device` as in `Sweep`; the first three are for
            tasks by name, a task has its own.

    Raises:
        UserError: a name or option is wrong, or the folder cannot be used; the message says what to do.
    """
    tasks, values = _list(task), _list(decoders)
    _check(model, tasks, values, options)
    asked = {
        "models": [model if isinstance(model, str) else GIVEN],
        "tasks": [one if isinstance(one, str) else one.spec for one in tasks],
        "decoders": [one if isinstance(one, str) else one.spec for one in values],
    }
    sweep = build(Sweep, "run", {**asked, "limit": limit, "seeds": [seed], **options})
    pool = ModelPool(sweep.device)
    if not isinstance(model, str):
        pool.give(GIVEN, model)
    loaded = [made for one in tasks for made in (_tasks(one, sweep) if isinstance(one, str) else [one])]
    built = [made for one in values for made in (load_decoders(one) if isinstance(one, str) else [one])]
    works = distinct(of_model(sweep.models[0], pool, loaded, built, sweep))
    folder = Path(tempfile.mkdtemp(prefix="parallelbench-")) if out is None else Path(out).expanduser()
    return carry_out(works, sweep, pool, folder, progress or Silent())


def run_sweep(sweep: Sweep, out: Path | None = None, progress: Progress | None = None) -> Results:
    """Run a sweep; the same sweep with the same folder continues. `out` None means `default_out`.

    Raises:
        UserError: as `run`.
    """
    pool = ModelPool(sweep.device)
    works = plan(sweep, pool)
    return carry_out(works, sweep, pool, out or default_out(works), progress or Silent())


def carry_out(works: Sequence[PlannedCell], sweep: Sweep, pool: ModelPool, out: Path, progress: Progress) -> Results:
    """Run planned cells into a folder."""
    cells = {work.cell.id: len(work.indices) for work in works}
    arguments, resolved = provenance.given_arguments(), sweep.model_dump(mode="json")
    with open_run(out, cells, arguments, resolved, provenance.environment()) as store:
        local.execute(works, store, pool, sweep.batch_size, progress)
    return Results(out)


def default_out(works: Sequence[PlannedCell]) -> Path:
    """The folder of a run that names none: the same cells always have the same."""
    return Path("runs") / run_identity([work.cell.id for work in works])


def _tasks(spec: str, sweep: Sweep) -> list[Task]:
    return load_tasks(sweep.model_copy(update={"tasks": (spec,)}))


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _check(model: Any, tasks: Sequence[Any], decoders: Sequence[Any], options: Mapping[str, Any]) -> None:
    """Refuse what is no model, task or decoder, and what is said of a task that is already made."""
    if not isinstance(model, (str, Denoiser, Generator)):
        raise UserError(f"{model!r} is no model; give one name, or what load_model returns.")
    for kind, known, values in (("task", Task, tasks), ("decoder", Decoder, decoders)):
        for value in values:
            if not isinstance(value, (str, known)):
                raise UserError(f"{value!r} is no {kind}; give its name, or what load_{kind} returns.")
    given = sorted({"suite", "data_dir", "shots"} & options.keys())
    if given and any(isinstance(one, Task) for one in tasks):
        raise UserError(f"{given[0]} is said of a task that is already made; give it to load_task, or the task by name.")
