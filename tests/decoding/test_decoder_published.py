"""Whole decodes are those of the authors' code: the same tokens in as many forwards, on the same checkpoint and prompts.

The recordings do not belong to the repository (`published_cases` says where they are expected); a part of them is written out
in `test_decoder_published_numbers.py`, which needs nothing.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from published_cases import DATA, STATE_FILES, Case, cases, decode, differing, files
from published_table import KNOWN, MASKS_LEFT, SPECS

needs_data = pytest.mark.skipif(
    DATA is None, reason="the recorded decodes (shared/official/decoders) are not above the checkout"
)
FIRST = 1
"""Prompts of each case that the fast test decodes."""
MASK = 511
"""The mask of the recorded checkpoint."""


def compared() -> list[Case]:
    return [case for case in cases() if case.file in SPECS]


def short(case: Case) -> Case:
    """The case with its first prompts only."""
    record = {**case.record, "tokens": case.record["tokens"][:FIRST], "nfe": case.record["nfe"][:FIRST]}
    return replace(case, record=record, prompts=case.prompts[:FIRST])


def check(case: Case) -> None:
    """Compare a case; a prompt that differs must be listed with its reason, and a listed one must differ."""
    known = [at for at in KNOWN.get((case.file, case.index), {}) if at < len(case.prompts)]
    assert differing(case, decode(case, SPECS[case.file](case.record))) == sorted(known)


@needs_data
def test_every_recorded_file_is_compared() -> None:
    assert set(files()) == {*SPECS, *STATE_FILES}


@needs_data
def test_masks_are_left_in_the_recordings_that_are_excused_for_it() -> None:
    """And in no other recording, so that none is compared with a run that stopped early without being listed."""
    left = {
        (case.file, case.index, at) for case in compared() for at, tokens in enumerate(case.record["tokens"]) if MASK in tokens
    }
    excused = {(*case, at) for case, prompts in KNOWN.items() for at, reason in prompts.items() if reason == MASKS_LEFT}
    assert left == excused


@needs_data
@pytest.mark.parametrize("case", compared(), ids=str)
def test_tokens_and_forwards_of_the_first_prompts_are_the_authors(case: Case) -> None:
    check(short(case))


@needs_data
@pytest.mark.slow
@pytest.mark.parametrize("case", compared(), ids=str)
def test_tokens_and_forwards_are_the_authors(case: Case) -> None:
    check(case)
