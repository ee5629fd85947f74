"""Checks names of models, and names and options of tasks and decoders, without torch, so that mistakes are told at once."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from parallelbench.errors import UnknownName, UserError
from parallelbench.specs import parse, split_head

FILES = (".py", ".yaml", ".yml", ".json", ".jsonl")


def check_names(models: Sequence[str], tasks: Sequence[str], decoders: Sequence[str], suite: str = "ours") -> None:
    """Refuse a name that nothing is registered under, and options that a task or decoder does not have.

    Names of files are left to whoever reads the files.

    Raises:
        UserError: a name is unknown, with the nearest known one; an option is invalid; or a text is no spec.
    """
    for spec in models:
        check_model_name(spec)
    for spec in decoders:
        _check_decoder_name(spec)  # before the tasks are imported, which takes most of the time
    for spec in tasks if suite == "ours" else ():
        check_task_spec(spec)
    for spec in decoders:
        check_decoder_spec(spec)


def check_decoder_spec(spec: str) -> None:
    """Refuse an unknown decoder, and options that it does not have.

    Raises:
        UserError: as `check_names`.
    """
    if _check_decoder_name(spec):
        from parallelbench.decoding import load_decoders

        load_decoders(spec)


def _check_decoder_name(spec: str) -> bool:
    """Refuse an unknown decoder; False for a file, of which no name is known. Nothing heavy is imported."""
    from parallelbench.decoding import DECODERS

    if split_head(spec)[0].endswith(FILES):
        return False
    DECODERS.get(parse(spec)[0])
    return True


def check_model_name(spec: str) -> None:
    """Refuse an unknown model.

    Raises:
        UserError: as `check_names`.
    """
    from parallelbench.models import MODELS

    MODELS.get(spec.strip().partition(":")[0])


def check_task_spec(spec: str) -> None:
    """Refuse an unknown task of this package's suite, options that it does not have, and a pattern that no task matches.

    Raises:
        UserError: as `check_names`.
    """
    from parallelbench.tasks import TASKS, load_task, task_names

    name = parse(spec)[0]
    if name.endswith(FILES):
        return
    if name in task_names("standard"):
        raise UserError(f"'{name}' is a task of the suite standard; add --suite standard.")
    if "*" not in name:
        load_task(spec)
    elif not any(fnmatchcase(known, name) for known in TASKS.names()):
        raise UnknownName("task", name, TASKS.names())
