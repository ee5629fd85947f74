"""Which files a user's decoder consists of: its own, and what that imports from its own folder; and the hash of all of them.

Imports are read from the source, also those inside functions. A module that is imported by a computed name, and a data file
that a decoder reads, are not found: put into the file what changes answers.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from pathlib import Path

from parallelbench.files import read_bytes

HASH_LENGTH = 12
MOST_FILES = 500
ADVICE = "name a Python file with a decoder, for example ./mine.py:MyDecoder:alpha=0.3"


def hash_of(path: Path) -> str:
    """Return the first 12 hexadecimal digits of the SHA-256 of a file and of what it imports from its folder.

    Raises:
        UserError: a file cannot be read.
    """
    files = sources_of(path)
    whole = hashlib.sha256(read_bytes(path, ADVICE))
    for file in files[1:]:
        whole.update(f"\0{file.relative_to(path.parent).as_posix()}\0".encode())
        whole.update(read_bytes(file, ADVICE))
    return whole.hexdigest()[:HASH_LENGTH]


def sources_of(path: Path) -> list[Path]:
    """Return the file and, in the order of their names, the files of its folder that it imports, directly or indirectly.

    Raises:
        UserError: a file cannot be read.
    """
    found, waiting = {path}, [path]
    while waiting and len(found) < MOST_FILES:
        for file in _imported(waiting.pop(), path.parent):
            if file not in found:
                found.add(file)
                waiting.append(file)
    return [path, *sorted(found - {path})]


def _imported(path: Path, folder: Path) -> Iterator[Path]:
    """The files of the folder that one file imports; none where it is no valid Python, which its import will say."""
    try:
        tree = ast.parse(read_bytes(path, ADVICE))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _files(folder, alias.name)
        elif isinstance(node, ast.ImportFrom):
            start = folder if node.level == 0 else path.parents[node.level - 1] if node.level <= len(path.parents) else folder
            module = f"{node.module}." if node.module else ""
            if node.module:
                yield from _files(start, node.module)
            for alias in node.names:
                yield from _files(start, module + alias.name)


def _files(folder: Path, name: str) -> Iterator[Path]:
    """The files that a dotted name stands for in a folder: the module, and the `__init__.py` of each package on the way."""
    parts = name.split(".")
    for count in range(1, len(parts) + 1):
        place = folder.joinpath(*parts[:count])
        yield from (file for file in (place.with_name(f"{place.name}.py"), place / "__init__.py") if file.is_file())
