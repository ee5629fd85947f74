"""`parallelbench theory`: what parallel steps cost on a task, and what a perfect model would score. Loads no torch."""

from __future__ import annotations

import itertools
import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from parallelbench.errors import UserError

if TYPE_CHECKING:
    from parallelbench.cli.theory_facts import Facts
    from parallelbench.theory import Setting

Given = dict[str, Any]
LARGEST = 5_000
"""The largest n. The search for the best schedule takes time quadratic in n, about ten seconds at this size."""
SPEED_OPTION = {"threshold": "gamma", "factor": "f", "one_by_one": "", "all_at_once": ""}
"""The option that sets the speed of each decoder that does not use k, steps or schedule; "" for none."""


def command(
    task: Annotated[str, typer.Argument(metavar="TASK", help="A law (shuffle, latin_square) or task (waiting_line/shuffle).")],
    n: Annotated[
        str | None, typer.Option("--n", help="Items of the list or rows of the square; with --plot a range: 4..20.")
    ] = None,
    k: Annotated[int | None, typer.Option("--k", help="Positions a step.")] = None,
    steps: Annotated[int | None, typer.Option("--steps", help="Steps, as even as possible.")] = None,
    schedule: Annotated[str | None, typer.Option("--schedule", help="Positions of each step, for example 2,2,4.")] = None,
    gamma: Annotated[float | None, typer.Option("--gamma", help="Threshold of confidence, 0 to 1.")] = None,
    f: Annotated[float | None, typer.Option("--f", help="Bound of the factor rule.")] = None,
    temperature: Annotated[float, typer.Option("--temperature", help="0 is greedy with random ties, 1 draws.")] = 0.0,
    decoder: Annotated[
        str | None, typer.Option("--decoder", help="Default: threshold with --gamma, else random order.")
    ] = None,
    must_differ: Annotated[bool, typer.Option("--must-differ", help="Shuffle: the given order is no answer.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object; null where no formula is known.")] = False,
    plot: Annotated[
        Path | None, typer.Option("--plot", help="Draw curves over a range of n: .html, .svg, .png or .pdf.")
    ] = None,
) -> None:
    """Print bounds, and the accuracy of a perfect model.

    Prints the total correlation of a task, the bound of a schedule, the best bound with as many steps, and what a perfect model
    scores. Without --k, --steps, --schedule, --gamma or --f every position is filled in one step.
    With --plot TASK may be a comma list.
    Examples: parallelbench theory shuffle --n 10 --k 2;
    parallelbench theory copy,replace_random,shuffle --n 4..20 --k 2 --plot curves.svg
    """
    from parallelbench.cli.theory_facts import check_size, facts_of, subject

    given: Given = {
        "k": k,
        "steps": steps,
        "schedule": None if schedule is None else read_schedule(schedule),
        "gamma": gamma,
        "f": f,
    }
    setting = read_setting(decoder, {name: value for name, value in given.items() if value is not None}, temperature)
    if plot is not None:
        from parallelbench.cli.theory_curves import draw
        from parallelbench.specs import split_specs

        if as_json:
            raise UserError("--json describes one n and --plot a range; give one of them.")
        print(*draw([subject(name, must_differ) for name in split_specs([task])], read_range(n), setting, plot), sep="\n")
        return
    about = subject(task, must_differ)
    size = read_n(n, about.n, task)
    check_size(about, size, setting)
    facts = facts_of(about, size, setting)
    if as_json:
        from dataclasses import asdict

        print(json.dumps(asdict(facts), allow_nan=False))
    else:
        show(f"{about.law}, n = {size}{', must differ' if about.must_differ else ''}", setting, facts)


def read_setting(decoder: str | None, given: Given, temperature: float) -> Setting:
    """Put the options together to a decoder as the closed forms know it.

    Raises:
        UserError: the decoder is unknown, two options say the same thing, or one is not the decoder's.
    """
    from parallelbench.decoding import DECODERS
    from parallelbench.theory import Setting

    if temperature not in (0.0, 1.0):
        raise UserError(f"the temperature is {temperature:g}, but the formulas hold at 0 and at 1; give one of them.")
    if len(given) > 1:
        raise UserError(f"{' and '.join(f'--{name}' for name in given)} say the same thing twice; give one of them.")
    name = decoder or ("threshold" if "gamma" in given else "factor" if "f" in given else "random")
    DECODERS.get(name)
    allowed = (SPEED_OPTION[name],) if name in SPEED_OPTION else ("k", "steps", "schedule")
    for option in given:
        if option not in allowed:
            fix = f"give --{allowed[0]} instead" if allowed[0] else "leave it out"
            raise UserError(f"--{option} does not say how many positions {name} fills; {fix}.")
    if not given and name not in SPEED_OPTION:
        return Setting("all_at_once", temperature=temperature)
    return Setting(
        name, **{"sizes" if key == "schedule" else key: value for key, value in given.items()}, temperature=temperature
    )


def read_schedule(text: str) -> tuple[int, ...]:
    """Read `2,2,4`.

    Raises:
        UserError: it is no comma list of numbers.
    """
    if not re.fullmatch(r"\s*\d+\s*(,\s*\d+\s*)*", text):
        raise UserError(f"the schedule '{text}' cannot be read; write the positions of each step, for example 2,2,4.")
    return tuple(int(size) for size in text.split(","))


def read_n(text: str | None, implied: int | None, task: str) -> int:
    """Read one n, or take the one that the task's name says.

    Raises:
        UserError: there is none, it is no number, or it is not the task's.
    """
    if text is None:
        if implied is None:
            raise UserError(f"the size of {task} is missing; add it, for example --n 10.")
        return implied
    if ".." in text:
        raise UserError(f"a range of n is drawn; add --plot curves.svg, or give one n instead of {text}.")
    if not text.isdecimal():
        raise UserError(f"n is '{text}', which is no number; write for example --n 10.")
    if implied is not None and int(text) != implied:
        raise UserError(f"{task} has n = {implied}; leave --n out.")
    return _computable(int(text))


def _computable(n: int) -> int:
    if n > LARGEST:
        raise UserError(f"n is {n}, and the best schedule is searched up to {LARGEST}; give a smaller one.")
    return n


def read_range(text: str | None) -> range:
    """Read `4..20`, both ends included.

    Raises:
        UserError: it is no such range.
    """
    found = re.fullmatch(r"(\d+)\.\.(\d+)", text or "")
    if found is None or not int(found[1]) < int(found[2]):
        raise UserError(f"--plot draws a range of n, and {text or 'nothing'} is none; write for example --n 4..20.")
    return range(int(found[1]), _computable(int(found[2])) + 1)


def show(title: str, setting: Setting, facts: Facts) -> None:
    """Print the facts: a table on a terminal, aligned lines elsewhere."""
    lines = [(name.replace("_", " "), _text(name, getattr(facts, name))) for name in facts.__dataclass_fields__]
    title = f"{title}; {setting.decoder}, temperature {setting.temperature:g}"
    if not sys.stdout.isatty():
        width = max(len(name) for name, _ in lines)
        print(title, *(f"{name:<{width}}  {text}" for name, text in lines), sep="\n")
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, show_header=False, title_justify="left")
    for line in lines:
        table.add_row(*line)
    Console().print(table)


def _text(name: str, value: object) -> str:
    if value is None:
        return "unknown"
    if isinstance(value, tuple) and name.startswith("best_"):
        return ", ".join(f"{accuracy:.4f}" for accuracy in value)
    if isinstance(value, tuple):
        return ", ".join(_times(part, sum(1 for _ in equal)) for part, equal in itertools.groupby(value))
    return f"{value:z.3f}" if name.endswith("bits") else f"{value:z.5f}"


def _times(part: object, count: int) -> str:
    """A step, and how often in a row: `2 (x5)`; a set of positions in braces."""
    text = "{" + ",".join(map(str, part)) + "}" if isinstance(part, tuple) else str(part)
    return text if count == 1 else f"{text} (x{count})"
