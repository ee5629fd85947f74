"""The revision of a checkpoint follows from its files: remembered where nothing changed, never one of other weights."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from parallelbench.models import describe, digests
from parallelbench.models.digests import cache_file, revision
from parallelbench.user_cache import CACHE_VARIABLE

WEIGHTS = "model.safetensors"


@pytest.fixture
def folder(random_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkpoint whose files changed long ago by every clock, with an empty memory of hashes."""
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(digests, "SETTLED_NS", 0)
    return shutil.copytree(random_checkpoint, tmp_path / "model")


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Counts the hashes that are computed."""
    computed: list[int] = []
    monkeypatch.setattr(digests, "sha256", lambda *data: (computed.append(1), __import__("hashlib").sha256(*data))[1])
    return computed


def flip(path: Path) -> None:
    """Change the last byte and keep the size."""
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def test_a_hash_is_computed_once(folder: Path, reads: list[int]) -> None:
    first = revision(folder)
    once = len(reads)
    assert revision(folder) == first and cache_file().is_file()
    assert len(reads) - once < once  # only the key of the look-up was hashed


def test_changed_weights_have_another_revision_whatever_their_times_say(folder: Path) -> None:
    before, times = revision(folder), (folder / WEIGHTS).stat()
    flip(folder / WEIGHTS)
    os.utime(folder / WEIGHTS, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert (folder / WEIGHTS).stat().st_mtime_ns == times.st_mtime_ns
    assert revision(folder) != before


def test_a_file_that_was_swapped_for_another_of_the_same_size_and_time(folder: Path, tmp_path: Path) -> None:
    before, times = revision(folder), (folder / WEIGHTS).stat()
    other = tmp_path / "other"
    shutil.copyfile(folder / WEIGHTS, other)
    flip(other)
    os.utime(other, ns=(times.st_atime_ns, times.st_mtime_ns))
    other.replace(folder / WEIGHTS)
    assert revision(folder) != before


def test_what_changed_just_now_is_not_remembered(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digests, "SETTLED_NS", 10_000_000_000)
    for _ in range(20):
        before = revision(folder)
        flip(folder / WEIGHTS)
        assert revision(folder) != before
    assert not cache_file().exists()


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json"])
def test_the_files_that_say_how_weights_are_used_belong_to_it(name: str, folder: Path) -> None:
    before = revision(folder)
    (folder / name).write_text((folder / name).read_text(encoding="utf-8") + " ", encoding="utf-8")
    assert revision(folder) != before


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"a": 1}', b"\xff", b'{"k": "not a hash"}'])
def test_a_damaged_memory_is_none(damage: bytes, folder: Path) -> None:
    expected = revision(folder)
    cache_file().write_bytes(damage)
    assert revision(folder) == expected == revision(folder)


def test_a_memory_that_cannot_be_written_costs_only_time(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "file"))
    assert revision(folder) == revision(folder)


def test_the_oldest_are_forgotten(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digests, "REMEMBERED", 3)
    for _ in range(6):
        flip(folder / WEIGHTS)
        revision(folder)
    assert cache_file().read_text(encoding="utf-8").count(":") == 3


# fault 38
@pytest.mark.parametrize(
    "place",
    ["snapshots/latest", f"snapshots/{'a' * 40}", f"models--me--mine/snapshots/{'A' * 40}", "models--me--mine/snapshots/main"],
)
def test_a_folder_called_snapshots_is_no_commit(place: str, folder: Path, tmp_path: Path) -> None:
    moved = shutil.copytree(folder, tmp_path / place)
    before = describe(f"path:{moved}").info.revision
    assert before not in (moved.name, moved.name[:12])
    flip(moved / WEIGHTS)
    assert describe(f"path:{moved}").info.revision != before


def snapshot(folder: Path, cache: Path, commit: str) -> Path:
    """The folder as the hub's cache keeps it: links into `blobs`."""
    blobs, links = cache / "models--me--mine" / "blobs", cache / "models--me--mine" / "snapshots" / commit
    blobs.mkdir(parents=True)
    links.mkdir(parents=True)
    for path in folder.iterdir():
        shutil.copyfile(path, blobs / f"{path.name}.blob")
        (links / path.name).symlink_to(Path("..", "..", "blobs", f"{path.name}.blob"))
    return links


def test_a_commit_of_the_hub_is_one_while_its_files_are_the_hubs(folder: Path, tmp_path: Path) -> None:
    links = snapshot(folder, tmp_path, "0123456789abcdef" * 2 + "01234567")
    assert revision(links) == "0123456789ab"
    started = time.monotonic()
    (links / WEIGHTS).unlink()
    shutil.copyfile(folder / WEIGHTS, links / WEIGHTS)
    flip(links / WEIGHTS)
    assert revision(links) not in ("0123456789ab", revision(folder)) and time.monotonic() - started < 60
