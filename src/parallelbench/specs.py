"""The little language in which tasks, models and decoders are named: `name:key=value,key=[a,b]`.

Values are YAML scalars or lists. A list value of a decoder makes a grid (`grid`). `render` writes the same form back, so
that a result names what made it.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from parallelbench.errors import UserError, suggestion

T = TypeVar("T", bound=BaseModel)


class Options(BaseModel):
    """Base of everything that is configured by name: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _true_is_no_number(cls, options: Any) -> Any:
        for key, value in options.items() if isinstance(options, Mapping) else ():
            field = cls.model_fields.get(key)
            kinds = set() if field is None else {field.annotation, *get_args(field.annotation)}
            if isinstance(value, bool) and kinds & {int, float} and bool not in kinds:
                raise ValueError(f"{key} is {str(value).lower()}, but a number is wanted")
        return options


def parse(spec: str) -> tuple[str, dict[str, Any]]:
    """Split `name:key=value,...` into the name and its options.

    Raises:
        UserError: the text is not of that form.
    """
    name, _, rest = spec.strip().partition(":")
    return name, parse_options(rest, spec) if rest else {}


def parse_options(text: str, whole: str) -> dict[str, Any]:
    """Parse `key=value,key=[a,b]` into a dictionary; `whole` is what the user typed, for the message."""
    options: dict[str, Any] = {}
    for part in _split_commas(text):
        key, equals, value = part.partition("=")
        if not equals or not key.strip() or not value.strip():
            raise UserError(f"'{part}' in '{whole}' is not key=value; write for example 'confidence:k=2,block=8'.")
        if key.strip() in options:
            raise UserError(f"'{key.strip()}' is given twice in '{whole}'; give it once, or as a list: {key.strip()}=[1,2].")
        options[key.strip()] = _value(value.strip(), whole)
        if options[key.strip()] == []:
            raise UserError(f"'{part}' in '{whole}' is an empty list; give at least one value.")
    return options


def _split_commas(text: str) -> list[str]:
    """Split at commas that stand outside square brackets."""
    return [part for part in re.split(r",(?![^\[]*\])", text) if part.strip()]


def _value(text: str, whole: str) -> Any:
    try:
        value = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        raise UserError(
            f"the value '{text}' in '{whole}' cannot be read; write a number, a word or a list like [1,2]."
        ) from None
    if isinstance(value, str) and re.fullmatch(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+", value):
        return float(value)  # YAML 1.1 takes 1e-6 for a word
    return value


def grid(options: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Expand list values into every combination, in the order given: {k: [1, 2]} -> [{k: 1}, {k: 2}]."""
    axes = [value if isinstance(value, list) else [value] for value in options.values()]
    return [dict(zip(options, values, strict=True)) for values in itertools.product(*axes)]


def render(name: str, options: Mapping[str, Any]) -> str:
    """Write a name and its options in the form that `parse` reads."""
    if not options:
        return name
    return name + ":" + ",".join(f"{key}={_text(value)}" for key, value in options.items())


def _text(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(_text(item) for item in value) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return "null" if value is None else str(value)


def build(cls: type[T], label: str, options: Mapping[str, Any]) -> T:
    """Validate options against their model; a mistake becomes one sentence that names `label` and the fix."""
    try:
        return cls(**options)
    except ValidationError as error:
        raise UserError(explain(error, cls, label)) from None


def explain(error: ValidationError, cls: type[BaseModel], label: str) -> str:
    """Turn pydantic's first complaint into one sentence."""
    first = error.errors()[0]
    path = [str(part) for part in first["loc"]]
    key = ".".join(path) or "options"
    if first["type"] == "extra_forbidden":
        return f"{label} has no key '{key}'; {suggestion(path[-1], cls.model_fields)}"
    if first["type"] == "missing":
        return f"{label} needs '{key}'; add it, for example {key}=...."
    message = "give at least one" if first["type"] == "too_short" else str(first["msg"]).removeprefix("Value error, ")
    if not path:
        return f"{label}: {message[0].lower() + message[1:]}."
    return f"{label}: '{key}' is {first['input']!r}, but {message[0].lower() + message[1:]}."
