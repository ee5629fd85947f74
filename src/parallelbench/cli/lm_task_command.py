"""`parallelbench lm-task`: a task, for example a file of your own questions, as a YAML file of lm-evaluation-harness."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    task: Annotated[str, typer.Argument(metavar="TASK", help="A task or a file of your own, for example questions.yaml.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The folder for the files.")],
    likelihood: Annotated[
        bool, typer.Option("--likelihood", help="Multiple choice: rank the choices by likelihood, as the harness does.")
    ] = False,
) -> None:
    """Write a task as a YAML file of lm-evaluation-harness.

    Where the harness's own fields suffice, the file needs nothing but the harness; else it is scored by our functions.
    Example: parallelbench lm-task questions.yaml -o tasks; lm_eval --include_path tasks --tasks ...
    """
    from parallelbench.cli.names import check_names
    from parallelbench.cli.terminal import note, say
    from parallelbench.integrations.lm_eval.task_file import write_task
    from parallelbench.metrics.grammar import is_clean
    from parallelbench.tasks import load_task

    check_names((), (task,), (), "ours")
    written = write_task(load_task(task, clean=is_clean), out, likelihood)
    for path in written.files:
        say(str(path))
    note(f"{written.name}: {written.note}.")
