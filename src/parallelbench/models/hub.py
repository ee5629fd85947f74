"""Checkpoints of the Hugging Face hub: from the local cache, or fetched; each fault of the hub with its reason."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from huggingface_hub import get_safetensors_metadata, snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    NotASafetensorsRepoError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
    SafetensorsParsingError,
)

from parallelbench.errors import UserError
from parallelbench.models.headers import TensorHeader

SMALL = ["*.json", "merges.txt"]
WHOLE = ["*.safetensors", *SMALL]
REVISION = re.compile(r"[\w][\w./-]*")


def split_revision(text: str) -> tuple[str, str | None]:
    """Split `ORG/NAME@REVISION` into the repository and the branch, tag or commit, None where there is none.

    Raises:
        UserError: what follows the @ cannot be a revision.
    """
    name, at, revision = text.strip().partition("@")
    if at and not REVISION.fullmatch(revision):
        raise UserError(f"'{revision}' in 'hf:{text}' is no revision; write hf:ORG/NAME@COMMIT, or a branch or a tag.")
    return name, revision or None


def fetch(hub_id: str, patterns: Sequence[str], revision: str | None = None) -> Path:
    """The folder of a hub repository in the local cache, fetched where there is a network.

    Raises:
        UserError: it is neither there nor can it be fetched; says why.
    """
    try:
        return Path(snapshot_download(hub_id, revision=revision, allow_patterns=list(patterns)))
    except (HfHubHTTPError, LocalEntryNotFoundError, HFValidationError, OSError, ValueError) as error:
        raise UserError(reason(error, hub_id, revision)) from error


def remote_headers(hub_id: str, folder: Path, revision: str | None = None) -> dict[str, TensorHeader]:
    """The headers of a repository's tensor files, read over the network without the weights.

    Raises:
        UserError: they cannot be read; says why.
    """
    try:
        found = get_safetensors_metadata(hub_id, revision=revision)
    except (NotASafetensorsRepoError, SafetensorsParsingError) as error:
        raise UserError(f"'{hub_id}' holds no readable safetensors; other weight formats are not read, for safety.") from error
    except (HfHubHTTPError, LocalEntryNotFoundError, HFValidationError, OSError, ValueError) as error:
        raise UserError(reason(error, hub_id, revision)) from error
    return {
        name: TensorHeader(tensor.dtype, tuple(tensor.shape), folder / file)
        for file, part in found.files_metadata.items()
        for name, tensor in part.tensors.items()
    }


def reason(error: Exception, hub_id: str, revision: str | None) -> str:
    """One sentence for what went wrong at the hub, with the fix."""
    what = f"'{hub_id}'" if revision is None else f"'{hub_id}' at '{revision}'"
    status = error.response.status_code if isinstance(error, HfHubHTTPError) and error.response is not None else None
    known: Mapping[type[Exception], str] = {
        GatedRepoError: "is gated: ask for access on its page, and log in with 'hf auth login'",
        RevisionNotFoundError: "does not exist: check the branch, tag or commit behind the @",
        RepositoryNotFoundError: "is not on the hub, or private: check the spelling, or log in with 'hf auth login'",
        HFValidationError: "is no name of a repository: write hf:ORG/NAME",
        OfflineModeIsEnabled: "is not in the local cache, and HF_HUB_OFFLINE is set: unset it, or name its folder, path:DIR",
    }
    for kind, says in known.items():
        if isinstance(error, kind):
            return f"{what} {says}."
    if status in (401, 403):
        return f"the hub refuses access to {what} (HTTP {status}); log in with 'hf auth login', or name a folder: path:DIR."
    if status is not None:
        later = "try again later" if status >= 500 or status == 429 else "check the name"
        return f"the hub answers HTTP {status} for {what}; {later}, or name a folder: path:DIR."
    cause = error.__cause__ or error.__context__
    if isinstance(cause, HfHubHTTPError):
        return reason(cause, hub_id, revision)
    if isinstance(error, LocalEntryNotFoundError):
        return (
            f"{what} is not in the local cache and cannot be fetched (no connection to the hub); download it where there is a "
            "network, or name its folder: path:DIR."
        )
    return f"{what} cannot be fetched ({str(error).splitlines()[0]:.120}); download it elsewhere and name its folder: path:DIR."
