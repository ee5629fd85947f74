"""Single decisions of published code for rules that draw at random: ours have the same probabilities.

Clone without the recordings: `published_cases` says where they are expected.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from published_cases import DATA, read

from parallelbench.decoding import load_decoder
from parallelbench.decoding.decoders.remdm import ReMDM

needs_data = pytest.mark.skipif(
    DATA is None, reason="the recorded decodes (shared/official/decoders) are not above the checkout"
)


def remdm(spec: str, state: dict[str, Any]) -> np.ndarray[Any, Any]:
    """The probability that each position is a mask after the step."""
    decoder = load_decoder(spec)
    assert isinstance(decoder, ReMDM)
    masked = np.array(state["canvas"]) == state["mask_id"]
    sure = np.array([0.0 if c is None else c for c in state["confidences"]])
    before, after = state["alpha_t"], state["alpha_s"]
    sigma = decoder.remasking(before, after, masked, sure)
    commits = (after - (1 - sigma) * before) / (1 - before) if before < 1 else np.ones(len(sigma))
    return np.where(masked, 1 - commits, sigma)


@needs_data
def test_remdm_remasks_with_the_authors_probabilities() -> None:
    states = read("remdm")["states"] if DATA else []
    assert len(states) == 96 and {state["sampler"] for state in states} == {"remdm-cap", "remdm-rescale", "remdm-conf"}
    for state in states:
        spec = state["ours"].replace(",eta=1.0", "").replace(",eta=1", "") if "conf" in state["sampler"] else state["ours"]
        assert np.abs(remdm(spec, state) - state["mask_probability"]).max() < 2e-3, state["sampler"]
