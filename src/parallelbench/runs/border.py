"""Reads every file of a run: its kind, size, schema version and types are checked here, and only here."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NoReturn, TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

from parallelbench.clean import for_message
from parallelbench.errors import UserError

T = TypeVar("T")

SCHEMA: Literal[3] = 3
"""The version of the layout and of every file in it."""
Schema = Literal[3]
STRICT = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, ser_json_inf_nan="constants")
"""No key too many, no type converted, no number that is none. JSON deeper than 200 levels is refused by the parser."""
MAX_BYTES = 64 << 20
"""The largest file, or line of a file of lines, that is read."""
SURROGATE = re.compile("[\ud800-\udfff]")
PLACES = frozenset({"cells", "calls"})
NOWHERE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)
"""The errors of the system where a path, or what a link refers to, does not exist."""
MISSING = "is missing"


class DamagedRun(UserError):
    """A file of a run is not what was written; the message names file and line."""

    def __init__(self, path: Path, what: str, line: int | None = None) -> None:
        where, what = f"{path} line {line}" if line else str(path), for_message(what)
        super().__init__(
            f"{where} {what}; 'parallelbench repair {run_of(path)}' sets aside what is damaged, and the same command again "
            "then decodes only what is missing."
        )
        self.path, self.what, self.line = path, what, line


class OtherSchema(UserError):
    """A file was written by another version of the program."""

    def __init__(self, path: Path, found: Any) -> None:
        shown = for_message(str(found))[:20]
        super().__init__(
            f"{path} has schema {shown}, and this version reads {SCHEMA}; 'parallelbench repair {run_of(path)}' converts "
            "a folder of schema 1 or 2, any other needs the version of parallelbench that wrote it."
        )
        self.path = path


def run_of(path: Path) -> Path:
    """The folder of the run that a file belongs to."""
    inside = next((parent for parent in path.parents if parent.name in PLACES), None)
    return path.parent if inside is None else inside.parent


def read_json(path: Path, adapter: TypeAdapter[T]) -> T:
    """Read a file that holds one JSON value of a known type.

    Raises:
        DamagedRun: it is missing, no regular file, too large, no JSON, or of another type.
        OtherSchema: another version wrote it.
        UserError: it cannot be read.
    """
    found = find_json(path, adapter)
    if found is None:
        raise DamagedRun(path, MISSING)
    return found


def find_json(path: Path, adapter: TypeAdapter[T]) -> T | None:
    """Read a file as `read_json`; None where there is none.

    Raises:
        DamagedRun, OtherSchema, UserError: as `read_json`.
    """
    data = read_bounded(path)
    if data is None:
        return None
    if len(data) > MAX_BYTES:
        raise DamagedRun(path, f"is larger than {MAX_BYTES >> 20} MB")
    return parse(data, adapter, path)


def read_bounded(path: Path) -> bytes | None:
    """Return the bytes of a regular file, of one that is too large the first `MAX_BYTES` + 1; None where there is none.

    Raises:
        DamagedRun: it is no regular file.
        UserError: it cannot be read.
    """
    if not has_file(path):
        return None
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size  # room for `MAX_BYTES` would take longer to get than a small file to read
            return file.read(min(size, MAX_BYTES) + 1)
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); check the folder and its permissions.") from error


def check_regular(path: Path) -> None:
    """Refuse what is no regular file.

    Raises:
        DamagedRun: `path` is missing, a folder, a pipe, a device, or a link to nothing.
        UserError: it cannot be looked at.
    """
    if not has_file(path):
        raise DamagedRun(path, MISSING)


def has_file(path: Path) -> bool:
    """Whether a regular file is there; anything else is refused, so that nothing waits for a pipe or reads a device.

    Raises:
        DamagedRun: `path` is a folder, a pipe, a device, or a link to nothing.
        UserError: it cannot be looked at.
    """
    try:
        mode = path.stat().st_mode
    except OSError as error:
        if error.errno not in NOWHERE:
            raise UserError(f"{path} cannot be read ({error.strerror}); check the folder and its permissions.") from error
        if not path.is_symlink():
            return False
        raise DamagedRun(path, "is no regular file") from error
    if not stat.S_ISREG(mode):
        raise DamagedRun(path, "is no regular file")
    return True


def parse(data: bytes, adapter: TypeAdapter[T], path: Path, line: int | None = None) -> T:
    """Read one JSON value of a known type.

    Raises:
        DamagedRun: it is no JSON, or of another type; the message names the first field that is wrong.
        OtherSchema: another version wrote it.
    """
    try:
        return adapter.validate_json(data)
    except ValidationError as error:
        _refuse(error, path, line)


def _refuse(error: ValidationError, path: Path, line: int | None) -> NoReturn:
    faults = error.errors(include_url=False)
    for fault in faults:
        if fault["loc"] == ("schema",) and fault["type"] == "literal_error":
            raise OtherSchema(path, fault["input"]) from error
    first = faults[0]
    field = ".".join(str(part) for part in first["loc"])
    raise DamagedRun(path, f"has no good '{field}'" if field else "is damaged", line) from error


def cleaned(value: Any) -> Any:
    """Return a JSON value with every lone surrogate, which no JSON file can hold, replaced by U+FFFD."""
    if isinstance(value, str):
        return value if value.isascii() else SURROGATE.sub("\ufffd", value)
    if isinstance(value, Mapping):
        return {cleaned(key): cleaned(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [cleaned(one) for one in value]
    return value
