"""Reading a user's files: whatever is wrong with one is a sentence that names it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from parallelbench.errors import UserError


class DuplicateKey(yaml.MarkedYAMLError):
    """A key stands twice in one table."""


class UniqueKeys(yaml.SafeLoader):
    """A safe loader that refuses a key that is given twice, of which YAML would silently take the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                raise DuplicateKey(problem=key.value, problem_mark=key.start_mark)
            seen.add(str(key.value))
        return super().construct_mapping(node, deep)


def read_text(path: Path, advice: str) -> str:
    """Return the text of a file; `advice` ends the sentence where it cannot be read.

    Raises:
        UserError: the file is missing, unreadable or not UTF-8.
    """
    try:
        data = path.read_bytes()
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); {advice}.") from None
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise UserError(f"{path} line {line} is not UTF-8; {advice}.") from None


def read_yaml(path: Path, advice: str, plain: bool = False) -> Any:
    """Return what a YAML file holds; `plain` leaves every value the text that it is.

    Raises:
        UserError: the file cannot be read, is no YAML, gives a key twice, or holds what is no text.
    """
    text = read_text(path, advice)
    try:
        found = yaml.load(text, Loader=yaml.BaseLoader if plain else UniqueKeys)  # both are safe
        json.dumps(found, ensure_ascii=False, default=str).encode()
    except UnicodeEncodeError:
        raise UserError(f"{path} holds half of a surrogate pair, which is no text; {advice}.") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = error.problem_mark if isinstance(error, yaml.MarkedYAMLError) else None
        line = f"{path} line {mark.line + 1}" if mark else str(path)
        if isinstance(error, DuplicateKey):
            raise UserError(f"{line} gives the key '{error.problem}' a second time; give it once.") from None
        raise UserError(f"{line} is no valid YAML; {advice}.") from None
    return found
