"""`parallelbench show`: samples of a task, the parameters of a decoder, what is known of a model, the options of a recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from parallelbench.cli.arguments import AllowCode, DataDir, Seed, Shots, Suite
from parallelbench.errors import UnknownName, UserError

KINDS = ("task", "decoder", "model", "recipe")


def command(
    kind: Annotated[str, typer.Argument(metavar="task|decoder|model|recipe", help="What to show.")],
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its name, with options, as in waiting_line/sort:lengths=[4].")],
    number: Annotated[int, typer.Option("--number", "-n", min=1, help="How many samples of a task.")] = 3,
    seed: Seed = 0,
    shots: Shots = None,
    suite: Suite = "ours",
    data_dir: DataDir = None,
    allow_code: AllowCode = False,
) -> None:
    """Show samples of a task, or a decoder, a model or a recipe.

    Loads no weights. Samples of a task are shown as a model sees them: the exact prompt, one right answer, and what
    that answer scores.
    """
    from parallelbench.cli.running import permit

    if kind not in KINDS:
        raise UnknownName("kind of thing to show", kind, KINDS)
    if kind == "decoder":
        _decoder(name)
    elif kind == "model":
        _model(name)
    elif kind == "recipe":
        _recipe(name)
    else:
        permit(allow_code)
        _task(name, number, seed, shots, suite, data_dir)


def _task(name: str, number: int, seed: int, shots: int | None, suite: str, data_dir: Path | None) -> None:
    from parallelbench.cli.names import check_names
    from parallelbench.cli.terminal import say
    from parallelbench.metrics import resolve, score
    from parallelbench.metrics.grammar import is_clean
    from parallelbench.sandbox import code_allowed
    from parallelbench.tasks import load_task

    check_names((), (name,), (), suite)
    task = load_task(name, suite=suite, data_dir=data_dir, clean=is_clean, **({} if shots is None else {"shots": shots}))
    say(f"{task.name}@{task.version}  ({task.suite}, {task.samples} samples, {task.max_new_tokens} new tokens)")
    for index in task.order(seed)[:number]:
        sample = task.sample(seed, index)
        say(f"\n=== {sample.id}")
        for turn in sample.turns:
            say(f"--- {turn.role}\n{turn.text}")
        say(f"--- a right answer\n{sample.answer}")
        scores = score(sample, sample.answer, [one for one in task.metrics if code_allowed() or not resolve(one).runs_code])
        shown = {one: f"{scores[one]:g}" if one in scores else "not run without --allow-code" for one in task.metrics}
        say("--- its scores\n" + "\n".join(f"{metric} {value}" for metric, value in shown.items()))


def _decoder(name: str) -> None:
    import inspect

    from parallelbench.cli.terminal import console, say, table_of
    from parallelbench.decoding import load_decoders
    from parallelbench.decoding.decoder import COMMON
    from parallelbench.parameters import choices_of, default_of, range_of

    cls = type(load_decoders(name)[0])
    say(f"{cls.family}: {inspect.getdoc(cls) or ''}\n")
    module = inspect.getmodule(cls)
    say(((module and inspect.getdoc(module)) or "") + "\n")
    fields = {key: field for key, field in cls.model_fields.items() if key not in COMMON}
    fields |= {key: cls.model_fields[key] for key in COMMON}
    rows = [
        [key, default_of(field), ", ".join(choices_of(field)) or range_of(field), field.description or ""]
        for key, field in fields.items()
    ]
    console().print(table_of(["key", "default", "range", "meaning"], rows))
    if cls.needs:
        say(f"\nneeds a model with: {', '.join(sorted(cls.needs))}")


def _model(name: str) -> None:
    from parallelbench.cli.names import check_model_name
    from parallelbench.cli.terminal import console, say, table_of
    from parallelbench.contracts.handle import DenoiserHandle
    from parallelbench.models import MODELS, describe
    from parallelbench.models.cards import CARDS
    from parallelbench.models.facts import facts_of, facts_of_card

    check_model_name(name)
    key, _, rest = name.partition(":")
    say(f"{key}: {MODELS.get(key).summary}")
    card = CARDS.get(key)
    if card is not None and card.hub_id:  # its files may not be on this machine
        console().print(table_of(["", ""], [[fact, value] for fact, value in facts_of_card(card).items()]))
        return
    if key in ("path", "hf") and not rest:
        raise UserError(f"'{key}' names no checkpoint; write {'path:DIR' if key == 'path' else 'hf:ORG/NAME'}.")
    handle = describe(name)
    if isinstance(handle, DenoiserHandle):
        console().print(table_of(["", ""], [[fact, value] for fact, value in facts_of(handle.info).items()]))
    for note in handle.notes:
        say(f"note: {note}")


def _recipe(name: str) -> None:
    from parallelbench.cli.terminal import console, say, table_of
    from parallelbench.parameters import choices_of, default_of, range_of
    from parallelbench.training import RECIPES

    entry = RECIPES.get(name)
    way = entry.load()(**entry.preset)
    say(f"{name}: {entry.summary}\n")
    rows = [
        [
            key,
            str(way.defaults[key]) if key in way.defaults else default_of(field),
            ", ".join(choices_of(field)) or range_of(field),
            field.description or "",
        ]
        for key, field in way.options.model_fields.items()
    ]
    console().print(table_of(["key", "default", "range", "meaning"], rows))
    say(f"\nwhat it makes runs as {way.result}")
