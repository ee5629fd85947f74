"""Writing to disk so that nothing is half-written, and so that a full disk is one sentence."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from parallelbench.errors import UserError

LOCK = ".lock"

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@contextlib.contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn a failure of the file system into one sentence.

    Raises:
        UserError: the disk is full, or `path` cannot be written.
    """
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise UserError(
                f"{path} cannot be written because the disk is full; free some space and run the same command again, "
                "which keeps every finished sample."
            ) from error
        raise UserError(
            f"{path} cannot be written ({error.strerror}); check its permissions or choose another folder."
        ) from error


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file as a whole or not at all.

    Raises:
        UserError: the path names no file, the disk is full, or the folder cannot be written.
    """
    if not path.name:
        raise UserError(f"'{path}' is a folder; give the name of a file in it.")
    draft = path.with_name(f".{path.name}.draft")
    with disk_errors(path):
        try:
            with draft.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
        except OSError:
            with contextlib.suppress(OSError):
                draft.unlink()
            raise


def write_text(path: Path, text: str) -> None:
    """Write a text file as a whole or not at all.

    Raises:
        UserError: the disk is full, or the folder cannot be written.
    """
    write_bytes(path, text.encode())


class Appender:
    """Appends lines to a file, each as a whole and without buffering; what follows the first `keep` bytes is cut off."""

    def __init__(self, path: Path, keep: int) -> None:
        self.path = path
        with disk_errors(path):
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            if path.is_file() and os.fstat(self._file).st_size > keep:
                os.ftruncate(self._file, keep)
        self.end = keep

    def append(self, line: bytes) -> None:
        """Append one line, its line end included.

        Raises:
            UserError: the disk is full or the file cannot be written; what was written of the line is taken back.
        """
        with disk_errors(self.path):
            try:
                rest = memoryview(line)
                while rest:
                    rest = rest[os.write(self._file, rest) :]
            except OSError:
                with contextlib.suppress(OSError):
                    os.ftruncate(self._file, self.end)
                raise
        self.end += len(line)

    def close(self) -> None:
        """Make the lines durable and close the file."""
        with disk_errors(self.path):
            try:
                if self.path.is_file():
                    os.fsync(self._file)
            finally:
                os.close(self._file)


@contextlib.contextmanager
def locked(out: Path) -> Iterator[None]:
    """Hold the folder of a run against other processes as long as the context lasts.

    Raises:
        UserError: another process holds it.
    """
    lock = FileLock(out / LOCK, timeout=0)
    with disk_errors(out):
        try:
            lock.acquire()
        except Timeout as error:
            raise UserError(
                f"another process is writing {out}; wait until it ends or choose another folder with -o."
            ) from error
    try:
        yield
    finally:
        lock.release()
