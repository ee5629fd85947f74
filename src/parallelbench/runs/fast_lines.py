"""Reads lines of a stored data class several times as fast as pydantic, for tables of hundreds of thousands of samples.

msgspec parses a line and checks its types in one pass. The types are those of the data class: its fields are translated, so
there is one description of what a line holds. Whatever msgspec refuses is parsed again by pydantic, which decides, and which
says what is wrong. Lines with free JSON (`Any`), which may be nested more deeply than pydantic allows, are refused here, and so
are left to pydantic as a whole. So no line is read that pydantic would refuse.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import reduce
from operator import or_
from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import msgspec
from pydantic import TypeAdapter
from pydantic.fields import FieldInfo

from parallelbench.runs.border import parse
from parallelbench.runs.json_lines import whole_data, whole_lines

REFUSED = (msgspec.MsgspecError, UnicodeError, RecursionError)


class FastLines:
    """Reads the lines of one data class.

    Args:
        cls: a frozen data class that pydantic checks strictly, without keys too many and without numbers that are none.
        adapter: the same class for pydantic.
    """

    def __init__(self, cls: type, adapter: TypeAdapter[Any]) -> None:
        self._decode = msgspec.json.Decoder(_struct(cls)).decode
        self._adapter = adapter

    def read(self, path: Path) -> list[Any]:
        """Return the value of each complete line, as `json_lines.read_lines`.

        Raises:
            DamagedRun, OtherSchema, UserError: as `json_lines.read_lines`.
        """
        return self.values(whole_data(path), path)

    def values(self, data: bytes | None, path: Path, first: int = 1) -> list[Any]:
        """Return the value of each line from the line `first` on; `data` is what `json_lines.whole_data` says of the file.

        Raises:
            DamagedRun, OtherSchema, UserError: as `json_lines.read_lines`.
        """
        if data is not None:
            try:
                return list(map(self._decode, data.split(b"\n")[first - 1 : -1]))
            except REFUSED:
                pass  # line by line, pydantic says what is wrong
        return [self.parse(line, path, number) for number, line in whole_lines(path) if number >= first]

    def parse(self, line: bytes, path: Path, number: int) -> Any:
        """Parse one line. The value has the attributes of the data class, and may be an instance of another class.

        Raises:
            DamagedRun, OtherSchema: as `border.parse`.
        """
        try:
            return self._decode(line)
        except REFUSED:
            return parse(line, self._adapter, path, number)  # pydantic decides, and says what is wrong


def _struct(cls: type) -> type[msgspec.Struct]:
    """A msgspec class with the fields of a data class, which refuses unknown keys."""
    hints = get_type_hints(cls, include_extras=True)
    described: list[tuple[str, Any, Any]] = []
    for one in fields(cls):
        kind, default = _translated(hints[one.name]), one.default
        described.append((one.name, kind, msgspec.NODEFAULT if default is MISSING else default))
    return msgspec.defstruct(f"Fast{cls.__name__}", described, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False)


def _translated(kind: Any) -> Any:
    """A type of pydantic's as msgspec names it: data classes and limits of numbers, wherever they occur inside."""
    if is_dataclass(kind):
        return _struct(kind)  # type: ignore[arg-type]  # `is_dataclass` is also true of values, which annotations are not
    origin, inside = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return Annotated[_translated(inside[0]), msgspec.Meta(**_limits(inside[1:]))]
    if origin in (types.UnionType, Union):
        return reduce(or_, (_translated(one) for one in inside if not _has_free_json(one)))
    if origin is Mapping:
        return types.GenericAlias(dict, tuple(map(_translated, inside)))
    if origin is tuple:
        return types.GenericAlias(tuple, tuple(map(_translated, inside)))
    return kind


def _has_free_json(kind: Any) -> bool:
    """Whether a type is a data class with a field of any JSON."""
    if not is_dataclass(kind):
        return False
    return any(Any in get_args(hint) for hint in get_type_hints(kind).values())


def _limits(metadata: tuple[Any, ...]) -> dict[str, Any]:
    """The limits of a number."""
    limits: dict[str, Any] = {}
    for one in metadata:
        for limit in one.metadata if isinstance(one, FieldInfo) else (one,):
            name = type(limit).__name__.lower()
            limits[name] = getattr(limit, name)
    return limits
