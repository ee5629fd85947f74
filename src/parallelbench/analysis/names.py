"""Names the cells in tables and figures from their fields; the full name is used where a short name would be ambiguous."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from parallelbench.runs.cell import Cell, short_hash
from parallelbench.runs.folder import StoredRun
from parallelbench.runs.short_settings import short_parameters
from parallelbench.schema import DecoderFacts
from parallelbench.specs import parse, render

PLAIN = "plain"
"""The variant of a decoder with default values of all parameters except those that set its speed."""

LONGEST = 40
"""Characters of a system prompt in the name of a task."""


def distinct(named: Sequence[tuple[str, str]]) -> list[str]:
    """Return for each (name, full name) the name, or the full name if the same name occurs with several full names."""
    full: dict[str, set[str]] = {}
    for name, whole in named:
        full.setdefault(name, set()).add(whole)
    return [whole if len(full[name]) > 1 else name for name, whole in named]


@lru_cache(2)
def name_cells(run: StoredRun) -> Sequence[Mapping[str, Any]]:
    """Return for each cell of a run, in order, its names: `model`, `task`, `decoder`, `family`, `series`, `setting`, `variant`.

    `decoder` is the setting in its shortest exact form (`runs.short_settings`), and `shown` are the parameters in it; where two
    settings would have one name, both have all parameters. `family` is the decoder's label, or its registered name where two
    decoders have one label. `series` names the curve that the setting belongs to: decoders that differ only in what sets
    their speed form one.
    """
    cells = [stored.cell for stored in run.cells]
    models = distinct([(_with_cache(cell, _model(cell)), _with_cache(cell, _in_full(cell))) for cell in cells])
    tasks = distinct([(cell.task, _task_in_full(cell)) for cell in cells])
    facts = [cell.decoder_facts for cell in cells]
    families = distinct([(one.label, one.family) for one in facts])
    shown = short_parameters(facts)
    short = [render(family, parameters) for family, parameters in zip(families, shown, strict=True)]
    whole = [render(family, one.parameters) for family, one in zip(families, facts, strict=True)]
    decoders = distinct(list(zip(short, whole, strict=True)))
    shown = [one if name == was else of.parameters for one, of, name, was in zip(shown, facts, decoders, short, strict=True)]
    rows = zip(models, tasks, decoders, shown, facts, families, strict=True)
    return [
        {"model": model, "task": task, "decoder": decoder, "shown": parameters, **_of_family(one, family, parameters)}
        for model, task, decoder, parameters, one, family in rows
    ]


def full_names(run: StoredRun) -> dict[str, str]:
    """Return the name of each setting of a run (`decoder`) with all of its parameters."""
    named = zip(run.cells, name_cells(run), strict=True)
    return {names["decoder"]: render(names["family"], stored.cell.decoder_facts.parameters) for stored, names in named}


def _of_family(facts: DecoderFacts, family: str, shown: Mapping[str, Any]) -> dict[str, str]:
    setting = {key: facts.parameters[key] for key in facts.speed if key in facts.parameters}
    varied = {key: value for key, value in setting.items() if key in shown}
    return {
        "family": family,
        "series": render(family, facts.variant),
        "setting": render("", varied or setting).removeprefix(":"),
        "variant": render("", facts.variant).removeprefix(":") or PLAIN,
    }


def _task_in_full(cell: Cell) -> str:
    """The task with its options; of a long system prompt the beginning and a hash."""
    system = str(cell.task_options.get("system", ""))
    if len(system) <= LONGEST:
        return cell.task_spec
    name, options = parse(cell.task_spec)
    return render(name, {**options, "system": f"{system[:LONGEST]}... {short_hash(system)[:6]}"})


def _model(cell: Cell) -> str:
    """The model's name; exact models share one, so they have the names by which they were requested."""
    return cell.model_facts.spec if cell.model_facts.exact else cell.model


def _in_full(cell: Cell) -> str:
    where = f" ({cell.model_facts.path})" if cell.model_facts.path else ""
    return f"{cell.model}@{cell.revision}/{cell.dtype}{where}"


def _with_cache(cell: Cell, model: str) -> str:
    """Name a model with the cache and the auxiliary model that it ran with."""
    kept = "" if cell.cache == "none" else f", {cell.cache} cache ({'approximate' if cell.approximate else 'exact'})"
    return model + kept + (f", aux {cell.model_facts.aux}" if cell.model_facts.aux else "")
