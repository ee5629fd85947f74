"""Single decisions are those of the authors' code: rules that read attention (CLAD, DAPD, DAWN), and SEDD's reverse steps.

A recorded decision has a row, its attention and its candidates, and the positions that the published function committed.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from published_cases import DATA, read

from parallelbench.contracts.info import ModelInfo
from parallelbench.decoding import ForwardRequest, Signals, State, load_decoder
from parallelbench.decoding.decoders.sedd import Analytic, Euler, Level, Moment, analytic, next_tokens
from parallelbench.decoding.state import COMMITTED
from parallelbench.rng import Draws

needs_data = pytest.mark.skipif(DATA is None, reason="the recordings (shared/official/decoders) are not above the checkout")
Record = dict[str, Any]


def cases() -> list[tuple[str, int]]:
    """Every recorded setting, none where the recordings are absent."""
    if DATA is None:
        return []
    return [(file, index) for file in ("clad", "dapd", "dawn") for index in range(len(read(file)["cases"]))]


def signals_of(record: Record, request: ForwardRequest, state: State) -> Signals:
    """What the model of the recording says to a request."""
    positions = state.eligible if request.positions is None else request.positions
    start, token, confidence, attention = len(record["prompt"]), record["token"], record["confidence"], record["attention"]
    if request.prompt:
        positions = np.concatenate([np.arange(-start, 0), positions])
        token, confidence = record["prompt_token"] + token, record["prompt_confidence"] + confidence
        attention = record["prompt_attention"] + attention
    at = positions + (start if request.prompt else 0)
    rows = np.array(attention, dtype=np.float32)[at]
    return Signals(
        positions, np.array(token)[at], np.array(confidence, dtype=np.float32)[at],
        attention=rows if request.prompt else rows[:, start:],
    )  # fmt: skip


def committed(spec: str, record: Record, mask_id: int, vocabulary: int) -> list[int]:
    """The positions that our decoder commits in the recorded state."""
    info = ModelInfo("recorded", "1", vocabulary, mask_id, (), 0, 1000)
    canvas = np.full(len(record["canvas"]), mask_id)
    state = State(canvas, tuple(record["prompt"]), info, Draws(0), record["block"])
    done = np.flatnonzero(record["committed"])
    state.history.append([])
    state.write(done, np.array(record["canvas"])[done])
    assert state.window == tuple(record["window"]) and (state.status[done] == COMMITTED).all()
    run = load_decoder(spec).run(state)
    request = next(run)
    state.history.append([])
    with suppress(StopIteration):
        run.send(signals_of(record, request, state))
    return sorted(position for position, *_ in state.history[-1])


@needs_data
@pytest.mark.parametrize(("file", "index"), cases())
def test_each_decision_is_the_authors(file: str, index: int) -> None:
    content = read(file)
    case = content["cases"][index]
    for record in case["states"]:
        ours = committed(f"{case['ours']},block={record['block']}", record, content["mask_id"], content["vocab_size"])
        assert ours == sorted(record["commits"])


@needs_data
def test_each_reverse_step_is_the_authors() -> None:
    for record in read("sedd")["states"]:
        uniform, last = record["graph"] == "uniform", record["predictor"] == "denoise"
        width = len(record["score"])
        score = torch.tensor([[*(record["score"] if uniform else record["score"][:-1]), 0.0]], dtype=torch.float64)
        moment = Moment(Level(record["sigma"], record["rate"]), record["sigma_after"], record["dt"], last)
        stand_in = width if uniform else None
        sampler = Euler() if record["predictor"] == "euler" else Analytic()
        jumps = analytic(score, moment, stand_in) if last else sampler.jumps(score, moment, stand_in)
        found = next_tokens(jumps, torch.tensor([record["token"]]))[0].numpy()
        np.testing.assert_allclose(without(found, [12] if last else []), recorded(record, len(found)), atol=1e-6)


def without(p: npt.NDArray[np.float64], tokens: list[int]) -> npt.NDArray[np.float64]:
    p[tokens] = 0
    return np.asarray(p / p.sum())


def recorded(record: Record, width: int) -> npt.NDArray[np.float64]:
    p = np.zeros(width)
    p[: len(record["probabilities"])] = record["probabilities"]
    return p
