"""Positions and tokens are ranked in the precision of the logits: float64 where a model has it, float32 for anything else."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import torch
from decoding_fakes import MASK, VOCABULARY, Fake, generate, orders, prompt
from hypothesis import given, settings
from hypothesis import strategies as st

from parallelbench.decoding.compute_signals import compute
from parallelbench.decoding.signals import Extra, Sampling, Signals
from parallelbench.schema import Prompt

RANKED = ("confidence:k=1", "margin:k=1", "entropy:k=1", "rcr:k=1", "hierarchical:low=1.0")
EXTRAS: frozenset[Extra] = frozenset({"entropy", "margin"})
SATURATED = (20.0, 26.0)
"""Leads of the best logit at which float32 gives both tokens the probability 1, and float64 does not."""
LEADS = {torch.float64: SATURATED, torch.float32: (10.0, 12.0), torch.bfloat16: (10.0, 12.0), torch.float16: (10.0, 12.0)}
"""Leads that each kind of logits must tell apart: those of half precision are told apart in float32, not in bfloat16."""


def leading(leads: tuple[float, ...], dtype: torch.dtype) -> Fake:
    """Each position predicts token 5 with its lead; what is in the canvas does not matter."""

    def law(asked: Prompt, canvas: npt.NDArray[np.int64], position: int) -> npt.ArrayLike:
        logits = np.zeros(VOCABULARY)
        logits[5] = leads[position]
        return logits

    return Fake(law, dtype)


def first_of(model: Fake, spec: str) -> int:
    """The position that is committed first."""
    (done,) = generate(model, [prompt(2)], spec)
    return int(next(step for step in orders(done) if step)[0])


def signals_of(rows: npt.ArrayLike, dtype: torch.dtype, ties: str = "first", requires: frozenset[str] = frozenset()) -> Signals:
    logits = torch.tensor(np.asarray(rows), dtype=torch.float64).to(dtype)
    info = Fake(lambda asked, canvas, position: [0.0], requires=requires).info
    return compute(np.arange(len(logits)), logits, info, Sampling(0.0, 1.0, ties), np.full(len(logits), 0.9), EXTRAS, top=2)  # type: ignore[arg-type]


@pytest.mark.parametrize("spec", RANKED)
@pytest.mark.parametrize("dtype", LEADS, ids=str)
def test_the_surer_position_comes_first_in_every_precision(spec: str, dtype: torch.dtype) -> None:
    assert first_of(leading(LEADS[dtype], dtype), spec) == 1
    assert first_of(leading(LEADS[dtype][::-1], dtype), spec) == 0


def test_positions_that_saturate_in_float32_tie_there_and_not_in_float64() -> None:
    assert first_of(leading(SATURATED, torch.float32), "confidence:k=1") == 0, "a tie goes to the lowest position"
    assert first_of(leading(SATURATED, torch.float64), "confidence:k=1") == 1
    assert first_of(leading((40.0, 50.0), torch.float64), "confidence:k=1") == 0, "both are 1 in float64 as well"


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_half_precision_logits_are_compared_in_float32(dtype: torch.dtype) -> None:
    rows = np.zeros((2, VOCABULARY))
    rows[:, 5] = LEADS[dtype]
    found, wide = signals_of(rows, dtype), signals_of(rows, torch.float32)
    assert found.confidence.dtype == np.float32 and found.confidence[0] < found.confidence[1] < 1.0
    halves = torch.softmax(torch.tensor(rows, dtype=dtype), dim=-1)[:, 5]
    assert dtype == torch.float16 or halves[0] == halves[1] == 1.0, "in bfloat16 both would be 1"
    for name in ("confidence", "entropy", "margin", "top_p", "token"):
        assert np.array_equal(getattr(found, name), getattr(wide, name)), "these logits are exact in half precision"


def test_two_tokens_that_differ_in_float64_only_are_told_apart_there() -> None:
    row = np.full(VOCABULARY, -9.0)
    row[[4, 7]] = 3.0, 3.0 + 1e-12
    narrow, wide = (signals_of([row], dtype) for dtype in (torch.float32, torch.float64))
    assert (narrow.token[0], wide.token[0]) == (4, 7)
    assert wide.top_token is not None and wide.top_token.tolist() == [[7, 4]]
    assert wide.margin is not None and wide.margin[0] > 0 and narrow.margin is not None and narrow.margin[0] == 0
    drawn = signals_of([row], torch.float32, "random"), signals_of([row], torch.float64, "random")
    assert (drawn[0].token[0], drawn[1].token[0]) == (7, 7), "random ties: a draw of .9 takes the last of two in float32"


def test_the_exact_model_is_compared_in_float32() -> None:
    """Its positions are equal under the law, and differ by rounding of float64 only."""
    rows = np.full((2, VOCABULARY), -9.0)
    rows[:, 5] = 3.0, 3.0 + 1e-12
    found = signals_of(rows, torch.float64, requires=frozenset({"law"}))
    assert found.confidence.dtype == np.float32 and found.confidence[0] == found.confidence[1]


@settings(max_examples=60, deadline=None)
@given(
    leads=st.lists(st.floats(0, 60, allow_subnormal=False), min_size=2, max_size=6),
    dtype=st.sampled_from([torch.float64, torch.float32, torch.bfloat16, torch.float16]),
)
def test_the_order_is_that_of_a_softmax_in_the_precision_of_the_logits(leads: list[float], dtype: torch.dtype) -> None:
    rows = np.zeros((len(leads), VOCABULARY))
    rows[:, 5] = leads
    given_logits = torch.tensor(rows, dtype=torch.float64).to(dtype)
    used = given_logits if dtype == torch.float64 else given_logits.float()
    used[:, MASK] = -torch.inf
    expected = torch.softmax(used, dim=-1).amax(1).numpy()
    found = signals_of(rows, dtype).confidence
    assert found.dtype == expected.dtype
    assert np.array_equal(np.argsort(-found, kind="stable"), np.argsort(-expected, kind="stable"))
    assert np.array_equal(found, expected)


def test_a_fixed_order_of_ties_is_a_draw_that_positions_share() -> None:
    """Two positions hold the same token, one of two: in one forward independent draws are right half of the time."""

    def law(asked: Prompt, canvas: npt.NDArray[np.int64], position: int) -> npt.ArrayLike:
        p = np.full(VOCABULARY, 1e-9)
        other = int(canvas[1 - position])
        p[[other] if other != MASK else [4, 5]] = 1.0
        return np.log(p)

    prompts = [prompt(2, index=index) for index in range(200)]

    def right(spec: str) -> int:
        return sum(len(set(done.token_ids)) == 1 for done in generate(Fake(law), prompts, spec))

    assert right("all_at_once:ties=first") == 200, "the lowest token at both positions is one draw, made before the forward"
    assert 60 < right("all_at_once:ties=random") < 140
    assert 60 < right("all_at_once:temperature=1") < 140
