"""`parallelbench show`: real samples of a task, exactly as they are asked and scored. Loads no model."""

from __future__ import annotations

from typing import Annotated

import typer

from parallelbench.cli.arguments import DataDir, Seed, Shots, Suite
from parallelbench.errors import UnknownName


def command(
    kind: Annotated[str, typer.Argument(metavar="task", help="What to show.")],
    name: Annotated[str, typer.Argument(metavar="NAME", help="Task with options, for example waiting_line/sort:lengths=[4].")],
    number: Annotated[int, typer.Option("--number", "-n", min=1, help="How many samples.")] = 3,
    seed: Seed = 0,
    shots: Shots = None,
    suite: Suite = "ours",
    data_dir: DataDir = None,
) -> None:
    """Show real samples of a task: the exact prompt, one right answer, and what that answer scores."""
    from parallelbench.metrics import score
    from parallelbench.metrics.grammar import is_clean
    from parallelbench.tasks import load_task

    if kind != "task":
        raise UnknownName("kind of thing to show", kind, ["task"])
    task = load_task(name, suite=suite, data_dir=data_dir, clean=is_clean, **({} if shots is None else {"shots": shots}))
    metrics = task.metrics
    print(f"{task.name}@{task.version}  ({task.suite}, {task.samples} samples, {task.max_new_tokens} new tokens)")
    for index in task.order(seed)[:number]:
        sample = task.sample(seed, index)
        print(f"\n=== {sample.id}")
        for turn in sample.turns:
            print(f"--- {turn.role}\n{turn.text}")
        print(f"--- a right answer\n{sample.answer}")
        scores = score(sample, sample.answer, metrics)
        print("--- its scores\n" + "\n".join(f"{metric} {value:g}" for metric, value in scores.items()))
