"""The revision of a checkpoint: the hub's commit, or a hash of its files that is computed once and remembered.

A remembered hash may never be one of other weights. It is looked up by what the file system says of every file: its path,
inode, size, and the times in nanoseconds at which its content and its inode were changed. A file that was changed less than
`SETTLED_NS` before it was read is hashed and not remembered, because a second change within one tick of the clock would leave
all of these as they are. Nor is one remembered that changed while it was read.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from pydantic import ConfigDict, TypeAdapter, ValidationError

from parallelbench.errors import UserError
from parallelbench.models.headers import tensor_files
from parallelbench.user_cache import cache_path, remember

SETTINGS = (
    "config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "vocab.json", "merges.txt",
    "chat_template.jinja",
)  # fmt: skip
"""Files beside the weights that say how they are used."""
SETTLED_NS = 3_000_000_000
REMEMBERED = 256
COMMIT = re.compile(r"[0-9a-f]{40}")

_CACHE: TypeAdapter[dict[str, str]] = TypeAdapter(dict[str, str], config=ConfigDict(strict=True))


def revision(folder: Path) -> str:
    """A name for exactly this model, 12 hexadecimal digits: of the hub's commit, else of the SHA-256 of its files.

    Raises:
        UserError: the folder holds no weights, or a file of it cannot be read.
    """
    files = [*tensor_files(folder), *(folder / name for name in SETTINGS if (folder / name).is_file())]
    if is_snapshot(folder, files):
        return folder.name[:12]
    return files_digest(files)[:12]


def weights_digest(folder: Path) -> str:
    """The SHA-256 of the weights of a checkpoint, 64 hexadecimal digits, by which an adapter knows its base.

    Settings and tokenizer are not in it, nor where the checkpoint is; weights that are divided into other files have another.

    Raises:
        UserError: the folder holds no weights, or a file of it cannot be read.
    """
    return files_digest(tensor_files(folder))


def is_snapshot(folder: Path, files: Sequence[Path]) -> bool:
    """Whether a folder is a commit in the hub's cache, `models--ORG--NAME/snapshots/COMMIT`, and was not changed since.

    There every file is a link into `blobs`. A file that is none was put there by somebody else, so the commit does not say
    what it holds.
    """
    if not COMMIT.fullmatch(folder.name) or folder.parent.name != "snapshots":
        return False
    cache = folder.parent.parent
    return cache.name.startswith("models--") and all(
        path.is_symlink() and path.resolve().parent == (cache / "blobs").resolve() for path in files
    )


def files_digest(files: Sequence[Path]) -> str:
    """The SHA-256 of the files' contents, one after the other, 64 hexadecimal digits; remembered where that is safe.

    Raises:
        UserError: a file cannot be read.
    """
    try:
        return _digest(files)
    except OSError as error:
        raise UserError(f"{error.filename} cannot be read ({error.strerror}); check its permissions.") from error


def _digest(files: Sequence[Path]) -> str:
    """The SHA-256 of the files' contents, one after the other; remembered where that is safe."""
    key = _key(files)
    known = _remembered()
    if key is not None and key in known:
        return known[key]
    digest = sha256()
    for path in files:
        with path.open("rb") as file:
            while chunk := file.read(1 << 22):
                digest.update(chunk)
    value = digest.hexdigest()
    if key is not None and _key(files) == key:
        _remember(known, key, value)
    return value


def _key(files: Sequence[Path]) -> str | None:
    """What the file system says of these files; None where one changed so lately that it could change unseen."""
    now, facts = time.time_ns(), []
    for path in files:
        status = path.stat()
        if now - max(status.st_mtime_ns, status.st_ctime_ns) < SETTLED_NS:
            return None
        facts.append(
            [str(path.resolve()), status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns]
        )
    return sha256(json.dumps(facts).encode()).hexdigest()


def cache_file() -> Path:
    """Where hashes are remembered (see `cache_path`)."""
    return cache_path("checkpoint_digests.json")


def _remembered() -> dict[str, str]:
    """What was remembered; a cache that is missing or damaged is empty."""
    try:
        known = _CACHE.validate_json(cache_file().read_bytes()[: 1 << 20])
    except (OSError, ValidationError):
        return {}
    return {key: value for key, value in known.items() if re.fullmatch(r"[0-9a-f]{64}", value)}


def _remember(known: dict[str, str], key: str, value: str) -> None:
    """Add one hash and forget the oldest beyond `REMEMBERED`; a cache that cannot be written only costs time."""
    kept = dict(list({**known, key: value}.items())[-REMEMBERED:])
    remember(cache_file(), json.dumps(kept).encode())
