"""The findings of a grammar server, stored in one SQLite file under the hash of version, language and text."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import threading
import weakref
from pathlib import Path

from parallelbench.errors import UserError
from parallelbench.metrics.grammar.hit import Hit


def default_path() -> Path:
    """The file in the user's cache folder."""
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "parallelbench" / "grammar.sqlite"


class HitCache:
    """Findings by key; several threads and processes may use one file at once."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = sqlite3.connect(path, timeout=30, check_same_thread=False, isolation_level=None)
            weakref.finalize(self, self._file.close)
            self._file.execute("create table if not exists hits (key text primary key, found text not null)")
        except (OSError, sqlite3.Error) as error:
            raise UserError(f"{path} cannot be used as a cache ({error}); name another file with cache=FILE.") from error

    def get(self, key: str) -> tuple[Hit, ...] | None:
        """Return what was found, or None where the text was never checked."""
        with self._lock:
            row = self._file.execute("select found from hits where key = ?", (_digest(key),)).fetchone()
        return None if row is None else tuple(Hit(*hit) for hit in json.loads(row[0]))

    def put(self, key: str, found: tuple[Hit, ...]) -> None:
        """Store what was found."""
        with self._lock:
            self._file.execute("insert or replace into hits values (?, ?)", (_digest(key), json.dumps(found)))


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
