"""Fills templates that come from files. Only plain `{name}` fields are allowed, so a template cannot access attributes."""

from __future__ import annotations

import string
from collections.abc import Collection, Mapping

from parallelbench.errors import UserError


def fields(template: str, allowed: Collection[str], label: str) -> list[str]:
    """Return the fields of a template in their order, after checking that each is one of `allowed`.

    Raises:
        UserError: a field is unknown or more than a plain name, or a brace is unmatched; the message begins with `label`.
    """
    known = " ".join(f"{{{name}}}" for name in allowed)
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError as error:
        raise UserError(
            f"{label} has a brace that stands alone; write {{{{ or }}}} for a brace, and fields as {known}."
        ) from error
    found = [(name, name + ("!" + conversion if conversion else "") + (":" + spec if spec else ""))
             for _, name, spec, conversion in parts if name is not None]  # fmt: skip
    for name, written in found:
        if name != written or name not in allowed:
            raise UserError(f"{label} has the field '{{{written}}}'; the fields allowed here are {known}.")
    return [name for name, _ in found]


def fill(template: str, values: Mapping[str, object]) -> str:
    """Fill a template that `fields` has checked; `{{` and `}}` become single braces."""
    parts = string.Formatter().parse(template)
    return "".join(literal + ("" if name is None else str(values[name])) for literal, name, _, _ in parts)
