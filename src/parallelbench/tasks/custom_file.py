"""Reads a task from a YAML file: `load_task("my_task.yaml:samples=20")`; `docs/tasks.md` lists its keys."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from parallelbench.errors import UnknownName, UserError, suggestion
from parallelbench.files import read_text, read_yaml
from parallelbench.specs import build, parse
from parallelbench.tasks.custom import CustomLatinSquare, CustomList, CustomSudoku, CustomTask, Origin
from parallelbench.tasks.lists import OPERATIONS

ADVICE = "docs/tasks.md shows what a task file holds"
SUFFIXES = (".yaml", ".yml")
SYNTAX = set('"[],\n')  # with one of these in a word, a list of words could not be read back
TYPES: dict[str, type[CustomTask]] = {
    **dict.fromkeys(OPERATIONS, CustomList),
    "latin_square": CustomLatinSquare,
    "sudoku": CustomSudoku,
}


def is_custom(spec: str) -> bool:
    """Whether a spec names a YAML file."""
    return parse(spec)[0].endswith(SUFFIXES)


def load_custom(spec: str, **options: Any) -> CustomTask:
    """Make the task that a YAML file describes; options from Python or from the spec win over the file's.

    Raises:
        UserError: a file cannot be read, or a key, a value, a word or a field of the prompt cannot be used.
    """
    file, given = parse(spec)
    path = Path(file)
    described = read_yaml(path, ADVICE)
    if not isinstance(described, Mapping) or not all(isinstance(key, str) for key in described):
        raise UserError(f"{path} is no table of keys; write lines such as 'type: shuffle'.")
    keys = {"name": "custom/" + re.sub(r"[^A-Za-z0-9_.-]", "_", path.stem), **described, **options, **given}
    if "type" not in keys:
        raise UserError(f"{path} has no 'type'; add one of {', '.join(TYPES)}, for example 'type: shuffle'.")
    if not isinstance(keys["type"], str) or keys["type"] not in TYPES:
        raise UnknownName("task type", str(keys["type"]), TYPES)
    cls = TYPES[keys["type"]]
    known = [field.alias or key for key, field in cls.model_fields.items() if key != "origin"]
    for key in keys:
        if key not in known:
            raise UserError(f"{path} has the key '{key}', which type '{keys['type']}' does not know; {suggestion(key, known)}")
    if "words" in keys:
        from_file = "words" not in given and "words" not in options
        keys["words"] = _words(
            keys["words"], path, read_yaml(path, ADVICE, plain=True)["words"] if from_file else keys["words"]
        )
    content = json.dumps(keys, sort_keys=True, default=str)
    return build(cls, f"task file '{path}'", {**keys, "origin": Origin(spec, hashlib.sha256(content.encode()).hexdigest())})


def _words(words: Any, path: Path, written: Any) -> list[str]:
    """The words as text: those listed, or those in the YAML or text file that is named, relative to the task's file.

    `written` are the same words before YAML reads numbers and dates into them.
    """
    source = path
    if isinstance(words, str):
        source = path.parent / words
        if source.suffix in SUFFIXES:
            words, written = (read_yaml(source, ADVICE, plain=plain) for plain in (False, True))
        else:
            words = written = [word for word in read_text(source, ADVICE).split("\n") if word != ""]
    if not isinstance(words, list):
        raise UserError(f"{source} gives no list of words; write one word a line, or a YAML list.")
    for word, text in zip(words, written, strict=True):
        if isinstance(word, bool) or not isinstance(word, (str, int)) or str(word) != str(text):
            raise UserError(f"{source} has the word {text!r}, which YAML does not read as text; put it in quotes.")
    plain = [str(word) for word in words]
    for word, count in Counter(plain).items():
        if not word or SYNTAX & set(word) or word != word.strip(" \t\r'"):
            raise UserError(f"{source} has the word {word!r}; write words without quotes, commas, brackets or outer spaces.")
        if count > 1:
            raise UserError(f"{source} has the word '{word}' {count} times; list each word once.")
    return plain
