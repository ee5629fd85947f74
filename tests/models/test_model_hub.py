"""Checkpoints of the hub: a revision can be pinned, each fault has its reason, and a description fetches no weights."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import httpx2 as httpx
import pytest
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from parallelbench.errors import UserError
from parallelbench.models import describe, hub
from parallelbench.models.headers import TensorHeader, read_headers

COMMIT = "0123456789abcdef" * 2 + "01234567"


def failed(kind: type[HfHubHTTPError], status: int) -> HfHubHTTPError:
    return kind("no", response=httpx.Response(status, request=httpx.Request("GET", "https://hub")))


# fault 13
@pytest.mark.parametrize(
    ("error", "words"),
    [
        (failed(HfHubHTTPError, 401), "refuses access"),
        (failed(HfHubHTTPError, 403), "HTTP 403"),
        (failed(GatedRepoError, 403), "is gated"),
        (failed(RepositoryNotFoundError, 404), "is not on the hub, or private"),
        (failed(RevisionNotFoundError, 404), "'me/mine' at 'v2' does not exist"),
        (failed(HfHubHTTPError, 500), "HTTP 500 for 'me/mine' at 'v2'; try again later"),
        (failed(HfHubHTTPError, 429), "try again later"),
        (LocalEntryNotFoundError("nothing"), "no connection to the hub"),
        (OSError("disk full"), "disk full"),
    ],
)
def test_each_fault_of_the_hub_has_its_reason(error: Exception, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(hub, "snapshot_download", fail)
    with pytest.raises(UserError) as caught:
        describe("hf:me/mine@v2")
    assert words in str(caught.value) and caught.value.__cause__ is error


# fault 21
@pytest.mark.parametrize(
    ("text", "expected"),
    [("me/mine", ("me/mine", None)), ("me/mine@v2", ("me/mine", "v2")), (f"me/mine@{COMMIT}", ("me/mine", COMMIT))],
)
def test_a_revision_may_stand_behind_the_name(text: str, expected: tuple[str, str | None]) -> None:
    assert hub.split_revision(text) == expected


@pytest.mark.parametrize("spec", ["hf:me/mine@", "hf:me/mine@a b", "hf:me/mine@../x@y"])
def test_what_is_no_revision_is_one_sentence(spec: str) -> None:
    with pytest.raises(UserError, match="is no revision"):
        describe(spec)


def test_a_description_fetches_small_files_and_loading_the_rest(
    random_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small, whole = (tmp_path / kind / "models--me--mine" / "snapshots" / COMMIT for kind in ("small", "whole"))
    shutil.copytree(random_checkpoint, small, ignore=shutil.ignore_patterns("*.safetensors"))
    shutil.copytree(random_checkpoint, whole)
    asked: list[tuple[str | None, bool]] = []

    def fetch(hub_id: str, patterns: Sequence[str], revision: str | None = None) -> Path:
        asked.append((revision, "*.safetensors" in patterns))
        return whole if "*.safetensors" in patterns else small

    def headers(hub_id: str, folder: Path, revision: str | None = None) -> dict[str, TensorHeader]:
        return read_headers(random_checkpoint)

    monkeypatch.setattr(hub, "fetch", fetch)
    monkeypatch.setattr(hub, "remote_headers", headers)
    handle = describe("hf:me/mine@v2")
    assert (handle.info.name, handle.info.revision, asked) == ("me/mine", COMMIT[:12], [("v2", False)])
    model = handle.load()
    assert asked[-1] == ("v2", True) and model.info.name == "me/mine"
