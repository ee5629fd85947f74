"""Sweeps, task files and specs of any content are read or refused in one sentence, in bounded time."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parallelbench.cli.names import check_names
from parallelbench.errors import UserError
from parallelbench.experiments.spec import load_sweep
from parallelbench.tasks import load_task

scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
    | st.sampled_from(["tiny", "waiting_line/copy", "threshold", "confidence:k=[1,2]", "copy", "*", "", "a: b", "{", "\x00"])
)  # fmt: skip
values = scalars | st.lists(scalars, max_size=3) | st.dictionaries(st.text(max_size=4), scalars, max_size=2)
LONGEST = 30_000
"""Characters of a message; the edge of the command line writes it in one line (`cli.guard.complain`)."""
SWEEP = ["models", "tasks", "decoders", "seeds", "seed", "limit", "suite", "cache", "aux", "shots", "batch_size", "name", "x"]
TASK = ["type", "words", "prompt", "lengths", "shots", "samples", "max_new_tokens", "name", "symbols", "size", "givens", "x"]


def refusal(load: Callable[[str], Any], content: Any) -> str:
    """The message that refuses a file of this content; empty where it is read."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file.yaml"
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8", errors="replace")
        try:
            load(str(path))
        except UserError as error:
            return str(error)
    return ""


def sweep(path: str) -> None:
    found = load_sweep(path)
    check_names(found.models, found.tasks, found.decoders, found.suite)


def tables(keys: list[str]) -> st.SearchStrategy[Any]:
    return st.dictionaries(st.sampled_from(keys), values, max_size=6) | values | st.text(max_size=60)


@given(tables(SWEEP), tables(TASK))
@settings(max_examples=60, deadline=None)
def test_any_file_is_read_or_refused(first: Any, second: Any) -> None:
    task = {"type": "copy", "prompt": "Copy {context}.", **second} if isinstance(second, dict) else second
    assert max(len(refusal(sweep, first)), len(refusal(load_task, task))) < LONGEST


@pytest.mark.slow
@pytest.mark.timeout(3600)
@given(tables(SWEEP), tables(TASK))
@settings(max_examples=5_000, deadline=None)
def test_any_file_is_read_or_refused_at_length(first: Any, second: Any) -> None:
    task = {"type": "copy", "prompt": "Copy {context}.", **second} if isinstance(second, dict) else second
    assert max(len(refusal(sweep, first)), len(refusal(load_task, task))) < LONGEST
