"""Dream's and LLaDA's published loops, written out here: our ranking decoders commit the same tokens in as many forwards.

Fault 3: Dream's rule commits int(m (1 - t_(i+1) / t_i)) of m masks, on a grid of times from 1 to eps (arXiv 2508.15487);
LLaDA's divides the masks of a block evenly between its steps (arXiv 2502.09992).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from decoding_fakes import MASK, Fake, generate, noisy, orders, prompt
from hypothesis import given, settings
from hypothesis import strategies as st

from parallelbench.decoding import load_decoder
from parallelbench.errors import UserError

LAW = noisy()


def look(canvas: list[int]) -> torch.Tensor:
    """The distribution of each position of a canvas, without the mask, [W, V]."""
    rows = np.array([LAW(prompt(canvas), np.array(canvas), position) for position in range(len(canvas))])
    scores = torch.from_numpy(rows).float()
    scores[:, MASK] = -torch.inf
    return torch.softmax(scores, -1)


SCORES: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "confidence": lambda p: p.max(-1).values,
    "margin": lambda p: p.topk(2, -1).values @ torch.tensor([1.0, -1.0]),
    "entropy": lambda p: torch.special.xlogy(p, p).sum(-1),
}


def commit(canvas: list[int], count: int, rank: str, inside: range) -> None:
    """Fill the `count` best masks of a part of the canvas."""
    p = look(canvas)
    open_ = [at for at in inside if canvas[at] == MASK]
    best = sorted(open_, key=lambda at: (-float(SCORES[rank](p)[at]), at))[:count]
    tokens = {at: int(p[at].argmax()) for at in best}
    for at, token in tokens.items():
        canvas[at] = token


def dream(width: int, steps: int, eps: float, rank: str) -> tuple[list[int], list[int]]:
    """The tokens, and the commits of each step: Dream's loop, which makes `steps` forwards whatever they commit."""
    canvas, sizes = [MASK] * width, []
    times = torch.linspace(1, eps, steps + 1)
    for step in range(steps):
        masks = torch.tensor(canvas).eq(MASK).sum() / 1
        count = int(masks * (1 - times[step + 1] / times[step])) if step < steps - 1 else int(masks)
        commit(canvas, count, rank, range(width))
        sizes.append(count)
    return canvas, sizes


def llada(width: int, steps: int, block: int, rank: str) -> list[int]:
    """The tokens of LLaDA's loop, with steps divided evenly between the blocks."""
    canvas, each = [MASK] * width, steps // (width // block)
    for start in range(0, width, block):
        for step in range(each):
            commit(canvas, block // each + (step < block % each), rank, range(start, start + block))
    return canvas


@pytest.mark.parametrize("rank", SCORES)
@pytest.mark.parametrize("eps", [1e-3, 0.0])
def test_sixteen_steps_are_dreams(rank: str, eps: float) -> None:  # fault 3
    (done,) = generate(Fake(LAW), [prompt(32)], f"{rank}:steps=16,transfer=dream,eps={eps}")
    tokens, sizes = dream(32, 16, eps, rank)
    assert (list(done.token_ids), [len(step) for step in orders(done)]) == (tokens, sizes)


@settings(max_examples=12, deadline=None)
@given(width=st.integers(1, 20), steps=st.integers(1, 24), eps=st.sampled_from([1e-3, 0.0, 0.2, 1e-12]))
def test_any_number_of_steps_is_dreams(width: int, steps: int, eps: float) -> None:
    (done,) = generate(Fake(LAW), [prompt(width)], f"confidence:steps={steps},transfer=dream,eps={eps}")
    tokens, sizes = dream(width, steps, eps, "confidence")
    made = [len(step) for step in orders(done)]
    assert list(done.token_ids) == tokens and made == sizes[: len(made)] and not any(sizes[len(made) :])
    assert done.ledger.flags == ()


def test_a_step_of_dreams_may_commit_nothing_and_is_counted() -> None:
    (done,) = generate(Fake(LAW), [prompt(4)], "confidence:steps=8,transfer=dream")
    assert orders(done)[0] == [] and done.ledger.nfe == {"denoise": 8}


@pytest.mark.parametrize("rank", SCORES)
@pytest.mark.parametrize(("steps", "block"), [(12, 12), (6, 12), (5, 12), (6, 4), (12, 4)])
def test_steps_are_lladas(rank: str, steps: int, block: int) -> None:
    (done,) = generate(Fake(LAW), [prompt(12)], f"{rank}:steps={steps},block={block}")
    assert list(done.token_ids) == llada(12, steps, block, rank)


def test_dream_needs_steps() -> None:
    with pytest.raises(UserError, match="needs steps"):
        load_decoder("confidence:k=2,transfer=dream")
    with pytest.raises(UserError, match="belongs to transfer=dream"):
        load_decoder("confidence:steps=2,eps=0.1")
    assert load_decoder("confidence:steps=4").spec == "confidence:steps=4"
    assert load_decoder("confidence:steps=4,transfer=dream").spec == "confidence:steps=4,transfer=dream"
