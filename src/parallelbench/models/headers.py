"""Names, types and shapes of a checkpoint's tensors, from the headers of its files alone: no weights are read.

A safetensors file begins with the length of its header (8 bytes, little-endian) and the header as JSON; the tensors follow.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from parallelbench.errors import UserError
from parallelbench.models.json_files import INDEX_BYTES, parse_json, read_json

INDEX = "model.safetensors.index.json"
WHOLE = "model.safetensors"
HEADER_BYTES = 100_000_000
"""The longest header that the safetensors format allows."""
MAX_TENSORS = 200_000
BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2}
"""Types in which weights are plain numbers, with their size in bytes."""


class _Entry(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    dtype: str
    shape: list[Annotated[int, Field(ge=0, lt=1 << 40)]] = Field(max_length=8)
    data_offsets: list[Annotated[int, Field(ge=0, lt=1 << 60)]] = Field(min_length=2, max_length=2)


_ENTRIES: TypeAdapter[dict[str, _Entry]] = TypeAdapter(dict[str, _Entry])
_MAP: TypeAdapter[dict[str, str]] = TypeAdapter(dict[str, str], config=ConfigDict(strict=True))


@dataclass(frozen=True, slots=True)
class TensorHeader:
    """One tensor in a file: its type as safetensors writes it ("BF16"), its shape, and the file that holds it."""

    dtype: str
    shape: tuple[int, ...]
    file: Path

    @property
    def count(self) -> int:
        """The number of elements."""
        return prod(self.shape)


def tensor_files(folder: Path) -> list[Path]:
    """The safetensors files of a checkpoint: those of its index, else `model.safetensors`, else all but adapters.

    Raises:
        UserError: there is none, only an adapter, or one that the index names is missing.
    """
    if (folder / INDEX).exists():
        names = sorted(set(_weight_map(folder).values()))
    elif (folder / WHOLE).is_file():
        names = [WHOLE]
    else:
        names = sorted(path.name for path in folder.glob("*.safetensors") if not path.name.startswith("adapter_"))
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise UserError(f"{folder} lacks {', '.join(missing[:5])}; copy the missing shards.")
    if not names and adapters(folder):
        raise UserError(f"{folder} holds an adapter and no whole weights; run it on its base: -m path:BASE,adapter={folder}.")
    if not names:
        raise UserError(f"{folder} holds no .safetensors file; other weight formats are not read, for safety.")
    return [folder / name for name in names]


def adapters(folder: Path) -> list[str]:
    """The names of the adapter files in a checkpoint folder, which are applied only where `adapter=` names their folder."""
    return sorted(path.name for path in folder.glob("adapter_*.safetensors"))


def read_headers(folder: Path) -> dict[str, TensorHeader]:
    """Read the headers of all tensor files of a checkpoint.

    Raises:
        UserError: a file is damaged or cut short, a tensor occurs twice, or one that the index names is missing.
    """
    headers: dict[str, TensorHeader] = {}
    for path in tensor_files(folder):
        for name, header in read_file(path)[0].items():
            if name in headers:
                raise UserError(f"{path} holds {name} a second time; remove the files that are no part of the checkpoint.")
            headers[name] = header
    if (folder / INDEX).exists():
        lost = sorted(name for name in _weight_map(folder) if name not in headers)
        if lost:
            raise UserError(f"{folder} lacks {lost[0]}, which {INDEX} names; copy the checkpoint again.")
    return headers


def _weight_map(folder: Path) -> dict[str, str]:
    path = folder / INDEX
    try:
        names = _MAP.validate_python(read_json(path, INDEX_BYTES).get("weight_map"))
    except ValidationError as error:
        raise UserError(f"{path} has no weight_map from tensor names to file names; copy the checkpoint again.") from error
    outside = sorted(name for name in set(names.values()) if Path(name).name != name or not name.endswith(".safetensors"))
    if outside:
        raise UserError(f"{path} names '{outside[0]}', which is no safetensors file in this folder; copy the checkpoint again.")
    return names


def read_file(path: Path) -> tuple[dict[str, TensorHeader], dict[str, str]]:
    """Read the header of one file: its tensors, and the texts that it holds as metadata.

    Raises:
        UserError: the file cannot be read, or its header does not describe what follows it.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if size < 8 or not 2 <= length <= min(HEADER_BYTES, size - 8):
                raise UserError(f"{path} is damaged (it has no header of a safetensors file); copy it again.")
            described = parse_json(file.read(length), path)
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); check its permissions.") from error
    entries = _entries(described, path, size - 8 - length)
    said = described.get("__metadata__")
    texts = {key: value for key, value in said.items() if isinstance(value, str)} if isinstance(said, dict) else {}
    return {name: TensorHeader(entry.dtype, tuple(entry.shape), path) for name, entry in entries}, texts


def _entries(described: Mapping[str, Any], path: Path, data: int) -> list[tuple[str, _Entry]]:
    """The tensors of a header whose data part has `data` bytes."""
    try:
        entries = _ENTRIES.validate_python({name: value for name, value in described.items() if name != "__metadata__"})
    except ValidationError as error:
        raise UserError(f"{path} is damaged (its header describes no tensors); copy it again.") from error
    if len(entries) > MAX_TENSORS:
        raise UserError(f"{path} is damaged (its header names more than {MAX_TENSORS:,} tensors); copy it again.")
    end = 0
    for name, entry in entries.items():
        start, stop = entry.data_offsets
        wanted = prod(entry.shape) * BYTES.get(entry.dtype, 0)
        if stop < start or (entry.dtype in BYTES and stop - start != wanted):
            raise UserError(f"{path} is damaged (the size of {name} is not that of its shape); copy it again.")
        end = max(end, stop)
    if end != data:
        raise UserError(f"{path} is damaged (it has {data:,} bytes of weights, its header says {end:,}); copy it again.")
    return list(entries.items())
