"""The border at which JSON files of a checkpoint are read: regular files of bounded size and depth, or one sentence."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from parallelbench.errors import UserError
from parallelbench.files import read_bytes

CONFIG_BYTES = 4 << 20
TOKENIZER_BYTES = 256 << 20
INDEX_BYTES = 64 << 20
MAX_DEPTH = 32
"""Deeper nesting than in any published config or tokenizer; the deepest known has 8 levels."""


def read_json(path: Path, limit: int = CONFIG_BYTES) -> dict[str, Any]:
    """Read a JSON object of at most `limit` bytes.

    Raises:
        UserError: the file is missing, no regular file, too large, nested too deeply, or holds no JSON object.
    """
    return parse_json(read_bounded(path, limit), path)


def read_bounded(path: Path, limit: int) -> bytes:
    """Read a regular file of at most `limit` bytes.

    Raises:
        UserError: it is missing, cannot be read, is no regular file (a pipe, a device, a folder), or is larger.
    """
    return read_bytes(path, "a checkpoint folder holds config.json, tokenizer.json and safetensors", limit)


def parse_json(data: bytes, path: Path) -> dict[str, Any]:
    """Parse the JSON object that `path` held.

    Raises:
        UserError: it is no JSON, no object, or nested deeper than `MAX_DEPTH` levels.
    """
    try:
        value = json.loads(data)
    except RecursionError as error:
        raise UserError(f"{path} is nested too deeply to be a file of a checkpoint; copy the checkpoint again.") from error
    except ValueError as error:
        raise UserError(f"{path} is not JSON ({error}); copy the checkpoint again.") from error
    if not isinstance(value, dict):
        raise UserError(f"{path} does not hold a JSON object; copy the checkpoint again.")
    if _deeper(value, MAX_DEPTH):
        raise UserError(f"{path} is nested too deeply to be a file of a checkpoint; copy the checkpoint again.")
    return value


def _deeper(value: Any, levels: int) -> bool:
    """Whether a JSON value is nested more than `levels` deep; walks level by level and not by recursion."""
    level = [value]
    for _ in range(levels):
        level = [inner for outer in level for inner in _children(outer) if isinstance(inner, (dict, list))]
        if not level:
            return False
    return True


def _children(value: Any) -> Iterator[Any]:
    yield from value.values() if isinstance(value, dict) else value
