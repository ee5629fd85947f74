"""Groups of options that commands share: a data class whose fields are options, taken by a command as one parameter."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from inspect import Parameter
from typing import Any, get_type_hints


def with_groups(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command that has the options of its groups one by one, as typer reads them, and hands them on as groups.

    A group is a parameter whose type is a data class; every field is an annotated option with a default.
    """
    hints = get_type_hints(command, include_extras=True)
    groups: dict[str, Any] = {name: hint for name, hint in hints.items() if is_dataclass(hint)}
    options: list[Parameter] = []
    for parameter in inspect.signature(command).parameters.values():
        group = groups.get(parameter.name)
        if group is None:
            options.append(parameter.replace(annotation=hints[parameter.name], kind=Parameter.KEYWORD_ONLY))
        else:
            types = get_type_hints(group, include_extras=True)
            options += [
                Parameter(one.name, Parameter.KEYWORD_ONLY, default=one.default, annotation=types[one.name])
                for one in fields(group)
            ]

    @functools.wraps(command)
    def called(**values: Any) -> None:
        made: dict[str, Any] = {
            name: group(**{one.name: values.pop(one.name) for one in fields(group)}) for name, group in groups.items()
        }
        command(**values, **made)

    called.__signature__ = inspect.Signature(options)  # type: ignore[attr-defined]  # what typer asks a function for
    called.__annotations__ = {one.name: one.annotation for one in options}
    return called
