"""Reading a user's files: whatever is wrong with one is a sentence that names it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from parallelbench.errors import UserError


def read_text(path: Path, advice: str) -> str:
    """Return the text of a file; `advice` ends the sentence where it cannot be read.

    Raises:
        UserError: the file is missing, unreadable or not UTF-8.
    """
    try:
        data = path.read_bytes()
        return data.decode("utf-8").replace("\r\n", "\n")
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); {advice}.") from None
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise UserError(f"{path} line {line} is not UTF-8; {advice}.") from None


def read_yaml(path: Path, advice: str) -> Any:
    """Return what a YAML file holds.

    Raises:
        UserError: the file cannot be read or is no YAML.
    """
    try:
        return yaml.safe_load(read_text(path, advice))
    except yaml.YAMLError as error:
        line = f" line {error.problem_mark.line + 1}" if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark else ""
        raise UserError(f"{path}{line} is no valid YAML; {advice}.") from None
