"""Reading a user's files: regular files of a bounded size only, and whatever is wrong with one is a sentence that names it."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

from parallelbench.errors import UserError
from parallelbench.specs import split, split_head
from parallelbench.yaml_border import YamlFault, parse_yaml

MAX_BYTES = 16 << 20


def read_bytes(path: Path, advice: str, limit: int = MAX_BYTES) -> bytes:
    """Return what a regular file holds; `advice` ends the sentence where it cannot be read.

    Raises:
        UserError: the file is missing, unreadable, larger than `limit` bytes, or no regular file (a folder, a pipe, a device).
    """
    try:
        kind = path.stat().st_mode
        if not stat.S_ISREG(kind):
            what = "a folder" if stat.S_ISDIR(kind) else "no regular file (a pipe, a socket or a device)"
            raise UserError(f"{path} is {what}; {advice}.")
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL character in the path
        reason = error.strerror if isinstance(error, OSError) else "its name holds a character that no file can have"
        raise UserError(f"{path} cannot be read ({reason}); {advice}.") from error
    if len(data) > limit:
        raise UserError(f"{path} is larger than {limit >> 20} MiB, which is too much for such a file; {advice}.")
    return data


def split_path(text: str) -> tuple[str, str]:
    """Split `PATH,key=value,...` into the path, without quotes, and its options.

    A path with commas may be put in quotes; without them the longest leading part that exists is the path, and else what is
    before the first comma.

    Raises:
        UserError: a quotation is not closed.
    """
    parts = split(text, ",")
    for count in range(len(parts), 1, -1):
        whole = ",".join(parts[:count])
        if exists(Path(whole).expanduser()):
            return whole, ",".join(parts[count:])
    return split_head(text, ",")


def exists(path: Path) -> bool:
    """Whether there is such a file or folder; False where the text cannot be a path."""
    try:
        return path.exists()
    except (OSError, ValueError):  # the name is too long, or holds a NUL character
        return False


def read_text(path: Path, advice: str) -> str:
    """Return the text of a file, without a byte order mark and with plain line ends.

    Raises:
        UserError: as `read_bytes`, or the file is not UTF-8.
    """
    data = read_bytes(path, advice)
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise UserError(f"{path} line {line} is not UTF-8; {advice}.") from error


def read_yaml(path: Path, advice: str, plain: bool = False) -> Any:
    """Return what a YAML file holds; with `plain` every scalar is the text that was written.

    Raises:
        UserError: the file cannot be read, or is no YAML that `yaml_border` accepts.
    """
    text = read_text(path, advice)
    try:
        return parse_yaml(text, plain=plain)
    except YamlFault as error:
        where = str(path) if error.line is None else f"{path} line {error.line}"
        raise UserError(f"{where} is no valid YAML: {error.problem}; {advice}.") from error
