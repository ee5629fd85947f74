"""Decodes of a small random checkpoint as numbers: the part of the comparison with published code that needs no recording.

The rules are those that `test_decoder_published.py` shows to be the authors', with thresholds at which this unsure model
decodes several tokens at once; what they decode here was written down after that. A test that fails shows the new numbers.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from decoding_fakes import generate

from parallelbench.contracts.denoiser import Denoiser
from parallelbench.schema import Prompt, Sample, Turn

FILE = Path(__file__).with_name("published_numbers.json")
SETTINGS = (
    "saber:n=2,block=8", "rcr:steps=8,block=8", "rcr:steps=8,schedule=cosine", "p2:k=2,compat=authors",
    "prophet:high=0.5,middle=0.4,low=0.3,block=8", "prophet:high=0.5,middle=0.4,low=0.3,region=5",
    "sched:steps=16,transfer=dream,high=1.0,low=0.2", "t2m:gamma=0.2,at=0.2,limit=1,block=8",
    "t2m:gamma=0.7,detect=change,limit=5", "joint_edit:gamma=0.95,edit=0.9",
    "klass:tau=0.1,eps=0.5,block=8,compat=authors", "slowfast:high=0.2,low=0.1,explore=6,compat=authors",
    "slowfast:high=0.2,low=0.1,explore=6", "dus:block=8", "dus:base=3", "remdm:steps=8,loops=4,redo=2,compat=port",
    "eb_sampler:gamma=6.0", "credit:gamma=0.2", "hierarchical", "local_leap:gamma=0.3,relaxed=0.1",
    "confidence:steps=8,transfer=dream",
)  # fmt: skip
PROMPTS = ((5, 9, 11, 20, 3), (14, 2, 2, 31, 8, 40, 6))


def decode(model: Denoiser, spec: str) -> list[list[int]]:
    """For each prompt the number of forwards, then the tokens."""
    masks = (model.info.mask_id,) * 16
    prompts = [
        Prompt(Sample("numbers", 1, 0, index, (Turn("user", ""),), "", {}), ids, masks, "") for index, ids in enumerate(PROMPTS)
    ]
    return [[sum(done.ledger.nfe.values()), *done.token_ids] for done in generate(model, prompts, spec)]


@pytest.mark.parametrize("spec", SETTINGS)
def test_the_decode_is_as_it_was_compared(spec: str, random_model: Denoiser) -> None:
    assert decode(random_model, spec) == json.loads(FILE.read_text(encoding="utf-8"))[spec]
