"""Where a number comes from: software, commit, machine, and the command as given."""

from __future__ import annotations

import platform
import subprocess
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from parallelbench.runs.calls import Environment

PACKAGES = ("parallelbench", "torch", "transformers", "tokenizers", "numpy", "pydantic")


def environment() -> Environment:
    """Describe the software and the machine of this process."""
    return Environment(
        packages={name: found for name in PACKAGES if (found := _version(name)) is not None},
        git=git_state(Path(__file__).parent),
        python=platform.python_version(),
        platform=platform.platform(),
    )


def given_arguments() -> list[str]:
    """The command line of this process."""
    return list(sys.argv)


@cache  # the code that runs is that of when it was imported, whatever happens to the checkout later
def git_state(folder: Path) -> dict[str, str | bool] | None:
    """Return the commit of the checkout that holds `folder` and whether it has changes; None outside a checkout."""
    commit = _git(folder, "rev-parse", "HEAD")
    if commit is None:
        return None
    return {"commit": commit, "dirty": _git(folder, "status", "--porcelain", "--untracked-files=no", "--", ".") != ""}


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


@cache
def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
