"""The script that draws charts is bundled once and remembered; a remembered script that is not whole is not used."""

from __future__ import annotations

from pathlib import Path

import pytest
import vl_convert

from parallelbench.report import vega
from parallelbench.user_cache import CACHE_VARIABLE


@pytest.fixture(autouse=True)
def bundled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Each call of the bundler, which returns a short script."""
    calls: list[str] = []

    def bundle(snippet: str, version: str) -> str:
        calls.append(version)
        return f"{snippet} bundled"

    monkeypatch.setattr(vl_convert, "javascript_bundle", bundle)
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    return calls


def library() -> str:
    """What another process would use."""
    vega.library.cache_clear()
    try:
        return vega.library()
    finally:
        vega.library.cache_clear()


def test_a_script_is_bundled_once_for_all_processes(bundled: list[str]) -> None:
    assert library() == library()
    assert library().endswith("window.vega = {View, parse}; bundled")
    assert bundled == [vega.VEGA_LITE]


@pytest.mark.parametrize("damage", [b"", b"x", b"alert(1)", b"0" * 64 + b"\nalert(1)"])
def test_a_damaged_script_is_bundled_again(bundled: list[str], tmp_path: Path, damage: bytes) -> None:
    whole = library()
    (file,) = (tmp_path / "cache").iterdir()
    for left in (damage, file.read_bytes()[:-1]):
        file.write_bytes(left)
        assert library() == whole
    assert len(bundled) == 3


def test_a_cache_that_cannot_be_written_only_costs_time(bundled: list[str], tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    assert library() == library() and len(bundled) == 2
