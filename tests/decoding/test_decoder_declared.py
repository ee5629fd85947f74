"""Every decoder of the registry says how it compares with its authors' code, and where there is code, a comparison exists."""

from __future__ import annotations

from typing import get_args

import pytest
from published_cases import DATA, STATE_FILES, files
from published_table import KNOWN, SPECS, WRITTEN_OUT

from parallelbench.decoding import DECODERS, load_decoder
from parallelbench.decoding.decoder import Decoder
from parallelbench.decoding.published import MEANING

FILE_OF = {"euler": "sedd", "analytic": "sedd"}
UNDECLARED = frozenset(name for name in DECODERS.names() if DECODERS.get(name).load().published is Decoder.published)
WITH_CODE = [name for name in DECODERS.names() if DECODERS.get(name).load().published.code]


@pytest.mark.parametrize("name", sorted(set(DECODERS.names()) - UNDECLARED))
def test_every_decoder_declares_how_it_compares(name: str) -> None:
    cls = DECODERS.get(name).load()
    found = cls.published
    assert found is not Decoder.published and found.state in MEANING and found.defaults
    assert DECODERS.get(name).note == found.state, "the registry's column is the class's own state"
    assert bool(found.code) == (found.state in ("equal", "paper", "ours"))
    assert bool(cls.borders.state) == bool(cls.borders.over_blocks)
    if found.state in ("paper", "ours"):
        assert found.difference
        kept = cls.model_fields["compat"].annotation
        assert {"authors", "port"} & {choice for part in get_args(kept) for choice in (part, *get_args(part))}


@pytest.mark.parametrize("name", WITH_CODE)
def test_a_decoder_with_published_code_is_compared_with_it(name: str) -> None:
    file = FILE_OF.get(name, name)
    assert file in SPECS or file in STATE_FILES or name in WRITTEN_OUT, f"{name} names code and has no recorded decode"


@pytest.mark.skipif(DATA is None, reason="the recorded decodes (shared/official/decoders) are not above the checkout")
def test_every_comparison_has_its_recording() -> None:
    assert set(SPECS) <= set(files()) and {file for file, _ in KNOWN} <= set(SPECS)


def test_the_authors_rule_is_another_decoder() -> None:
    assert load_decoder("p2:k=2,compat=authors").spec != load_decoder("p2:k=2").spec
