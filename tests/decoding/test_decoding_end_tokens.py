"""End tokens as an axis of every decoder: banned, kept for the last block, or with confidence 0."""

from __future__ import annotations

import numpy as np
import pytest

import parallelbench as pb
from parallelbench.decoding import DECODERS, Engine, load_decoder, make_prompt
from parallelbench.decoding.end_tokens import with_low_end_tokens
from parallelbench.decoding.load import check_compatibility
from parallelbench.decoding.signals import Signals
from parallelbench.errors import UserError

MODEL = pb.load_model("tiny")
TASK = pb.load_task("waiting_line/copy:lengths=[3]", shots=0)
ENDS = set(MODEL.info.end_ids)
FILLS = {"end_of_text", "prophet"}
"""Decoders that fill masks with tokens by a rule of their own once they have decided to stop."""


def usable() -> list[str]:
    found = []
    for name in DECODERS.names():
        try:
            check_compatibility(MODEL.info, load_decoder(name), 32, aux=False, cache="none")
        except UserError:
            continue
        found.append(name)
    return found


def generate(spec: str, count: int = 2, width: int = 32):
    prompts = [make_prompt(MODEL, TASK.sample(0, index), width) for index in range(count)]
    return sorted(Engine(MODEL, 4).generate(prompts, load_decoder(spec), 0), key=lambda one: one.prompt.sample.index)


def test_it_is_part_of_a_decoders_identity() -> None:
    assert load_decoder("threshold:end_tokens=ban").spec.endswith("end_tokens=ban")
    assert load_decoder("threshold:end_tokens=allow").spec == load_decoder("threshold").spec
    with pytest.raises(UserError, match="'end_tokens' is 'no'"):
        load_decoder("threshold:end_tokens=no")


@pytest.mark.parametrize("some", [["threshold", "entropy", "rcr", "wino"], pytest.param([], marks=pytest.mark.slow)])
def test_a_decoder_writes_no_banned_token(some: list[str]) -> None:
    names = some or usable()
    assert some or len(names) > 25
    for name in sorted(set(names) - FILLS):
        for one in generate(f"{name}:end_tokens=ban", count=1, width=16):
            assert not ENDS & set(one.token_ids), name
            assert len(one.token_ids) == 16 and MODEL.info.mask_id not in one.token_ids, name


@pytest.mark.slow
def test_every_decoder_finishes_under_every_policy() -> None:
    for name in usable():
        for policy in ("last", "low"):
            for one in generate(f"{name}:block=8,end_tokens={policy}", width=32):
                assert MODEL.info.mask_id not in one.token_ids, (name, policy)
                if policy == "last" and name not in FILLS:
                    assert not ENDS & set(one.token_ids[:24]), name


def test_last_keeps_end_tokens_for_the_last_block_and_low_commits_them_late() -> None:
    for one in generate("confidence:k=2,block=8,end_tokens=last", width=24):
        assert not ENDS & set(one.token_ids[:16])
    allowed, low = generate("confidence:k=1", 1)[0], generate("confidence:k=1,end_tokens=low", 1)[0]
    first = [writes[0][1] for writes in low.ledger.history[: low.content_tokens]]
    assert not ENDS & set(first)  # everything else is written before the first end token
    assert any(writes[0][1] in ENDS for writes in allowed.ledger.history[: allowed.content_tokens])


def test_the_answer_does_not_depend_on_the_batch() -> None:
    for policy in ("ban", "last", "low"):
        spec = f"threshold:block=8,end_tokens={policy}"
        alone = [generate(spec, 1, 16)[0].token_ids]
        assert generate(spec, 3, 16)[0].token_ids == alone[0]


def test_low_changes_the_signals_of_end_tokens_alone() -> None:
    one = np.array([0.5, 0.9], dtype=np.float32)
    signals = Signals(np.array([0, 1]), np.array([7, 2]), one, entropy=one, margin=one)
    found = with_low_end_tokens(signals, {2}, 100)
    assert found.confidence.tolist() == [0.5, 0] and found.margin is not None and found.margin.tolist() == [0.5, 0]
    assert found.entropy is not None and found.entropy.tolist() == pytest.approx([0.5, np.log(100)])
    assert found.confidence.dtype == found.entropy.dtype == np.float32
    assert with_low_end_tokens(signals, {9}, 100) is signals
