"""A pydantic field as text: its default and the values that it may have."""

from __future__ import annotations

from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo


def default_of(field: FieldInfo) -> str:
    """Return the default as it is written in a spec; `-` where there is none."""
    value = field.default
    if field.is_required() or value is None:
        return "-"
    if isinstance(value, tuple):
        return f"[{','.join(map(str, value))}]"
    return str(value).lower() if isinstance(value, bool) else str(value)


def choices_of(field: FieldInfo) -> list[str]:
    """Return the words that the field may be; empty where it is no choice."""
    return [str(choice) for choice in _literals(field.annotation)]


def range_of(field: FieldInfo) -> str:
    """Return the range of a number, such as `more than 0 to 1` or `from 1`; `any` where there is no bound."""
    bounds = {name: getattr(one, name) for one in field.metadata for name in ("gt", "ge", "lt", "le") if hasattr(one, name)}
    low = f"{'more than ' if 'gt' in bounds else ''}{bounds.get('ge', bounds.get('gt', ''))}"
    high = f"{'less than ' if 'lt' in bounds else ''}{bounds.get('le', bounds.get('lt', ''))}"
    return (
        f"{low} to {high}"
        if low and high
        else (low if "gt" in bounds else f"from {low}")
        if low
        else f"up to {high}"
        if high
        else "any"
    )


def _literals(annotation: Any) -> list[Any]:
    """The choices of a `Literal`, also of one that may be None."""
    if get_origin(annotation) is Literal:
        return list(get_args(annotation))
    return [choice for part in get_args(annotation) for choice in _literals(part)]
