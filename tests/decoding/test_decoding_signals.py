"""What the engine says about a distribution, against NumPy in float64; how candidates are drawn; how ties are broken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pytest
import torch
from decoding_fakes import MASK, VOCABULARY, Fake, generate, noisy, orders, prompt

from parallelbench.contracts.forward import ForwardOutput
from parallelbench.decoding import ForwardRequest, ProgramDecoder, Signals, State
from parallelbench.decoding.compute_signals import compute
from parallelbench.decoding.decoder import Run, StepDecoder
from parallelbench.decoding.signals import Sampling
from parallelbench.schema import Prompt


class Spy(ProgramDecoder):
    """Asks once for what the test wants to see, keeps the answer, and commits the candidates."""

    family: ClassVar[str] = "spy"
    asks: ClassVar[ForwardRequest] = ForwardRequest()
    seen: ClassVar[list[Signals]] = []

    def run(self, state: State) -> Run:
        signals = yield self.asks
        self.seen.append(signals)
        tokens = signals.token if signals.token.ndim == 1 else signals.token[0]
        open_ = np.isin(signals.positions, state.eligible)
        state.write(signals.positions[open_], tokens[open_])


def look(model: Fake, asked: Prompt, asks: ForwardRequest, **options: object) -> Signals:
    class Once(Spy):
        seen: ClassVar[list[Signals]] = []

    Once.asks = asks
    generate(model, [asked], Once(**options))
    (signals,) = Once.seen
    return signals


def softmax(logits: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """The distribution without the mask, in float64."""
    logits = np.array(logits, dtype=np.float64)
    logits[..., MASK] = -np.inf
    p = np.exp(logits - logits.max(-1, keepdims=True))
    return np.asarray(p / p.sum(-1, keepdims=True))


def constant(logits: Sequence[float]) -> Fake:
    return Fake(lambda asked, canvas, position: logits)


def test_every_signal_is_what_it_says() -> None:
    model, asked = Fake(noisy()), prompt([MASK, 4, MASK, MASK])
    extras = frozenset({"entropy", "margin", "logits"})
    signals = look(model, asked, ForwardRequest(extras=extras, top=3, tokens=np.array([3, 6, 9])))
    law, canvas = noisy(), np.array(asked.canvas)
    p = np.stack([softmax(law(asked, canvas, position)) for position in (0, 2, 3)])
    falling = -np.sort(-p, axis=-1)
    assert signals.positions.tolist() == [0, 2, 3]
    assert signals.token.tolist() == p.argmax(-1).tolist()
    np.testing.assert_allclose(signals.confidence, falling[:, 0], rtol=1e-6)
    np.testing.assert_allclose(signals.margin, falling[:, 0] - falling[:, 1], rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(signals.entropy, -(p * np.log(np.where(p > 0, p, 1))).sum(-1), rtol=1e-5)
    np.testing.assert_allclose(signals.p_of, p[np.arange(3), [3, 6, 9]], rtol=1e-5)
    np.testing.assert_allclose(signals.top_p, falling[:, :3], rtol=1e-5)
    assert signals.top_token.tolist() == np.argsort(-p, axis=-1)[:, :3].tolist()
    assert signals.logits.shape == (3, VOCABULARY)
    plain = look(model, asked, ForwardRequest())
    assert (plain.entropy, plain.margin, plain.p_of, plain.top_token, plain.top_p, plain.logits) == (None,) * 6


def test_branches_have_an_axis_of_their_own_and_see_their_own_canvas() -> None:
    model, asked = Fake(noisy()), prompt(3)
    branches = np.array([[MASK, MASK, MASK], [5, MASK, MASK], [MASK, 6, 7]])
    where = np.array([0, 2])
    signals = look(model, asked, ForwardRequest(branches=branches, positions=where, extras=frozenset({"entropy"}), top=2))
    law = noisy()
    p = np.stack([[softmax(law(asked, canvas, position)) for position in where] for canvas in branches])
    assert signals.token.shape == (3, 2) and signals.top_p.shape == (3, 2, 2) and signals.entropy.shape == (3, 2)
    assert signals.token.tolist() == p.argmax(-1).tolist()
    np.testing.assert_allclose(signals.confidence, p.max(-1), rtol=1e-6)


def test_another_canvas_may_be_looked_at() -> None:
    other = np.array([5, 6, MASK])
    signals = look(Fake(noisy()), prompt(3), ForwardRequest(canvas=other, positions=np.array([0, 1, 2])))
    p = np.stack([softmax(noisy()(prompt(3), other, position)) for position in range(3)])
    np.testing.assert_allclose(signals.confidence, p.max(-1), rtol=1e-6)


def test_half_precision_logits_get_a_float32_softmax() -> None:
    logits = np.full(VOCABULARY, -1.0)
    logits[4] = 6.0
    confidences = set()
    for extra in (0.0, 0.5, 1.0, 1.5):
        logits[5] = -4.0 - extra
        model = Fake(lambda asked, canvas, position: logits, torch.bfloat16)
        signals = look(model, prompt(1), ForwardRequest(extras=frozenset({"entropy"})))
        exact = softmax(torch.tensor(logits).to(torch.bfloat16).double().numpy())
        np.testing.assert_allclose(signals.confidence, exact.max(), rtol=1e-6)
        assert signals.confidence.dtype == signals.entropy.dtype == np.float32
        confidences.add(float(signals.confidence[0]))
    assert len(confidences) == 4  # in bfloat16 all of them are 0.992


def test_the_mask_is_never_a_candidate_and_has_no_probability() -> None:
    logits = np.zeros(VOCABULARY)
    logits[MASK] = 50.0
    signals = look(constant(logits), prompt(2), ForwardRequest(tokens=np.array([MASK, 3])))
    assert signals.token.tolist() == [0, 0]
    np.testing.assert_allclose(signals.p_of, [0.0, 1 / (VOCABULARY - 1)])
    for spec in ("all_at_once", "all_at_once:temperature=5.0", "all_at_once:ties=random"):
        for done in generate(constant(logits), [prompt(16, index=index) for index in range(20)], spec):
            assert MASK not in done.token_ids


def test_an_embedding_padded_beyond_the_vocabulary_is_never_read() -> None:
    model = Fake(lambda asked, canvas, position: [0.0, 9.0, 1.0, 2.0, 99.0, 99.0], vocab_size=6)
    model._info = Fake(noisy(), vocab_size=4).info
    padded = torch.tensor([[0.0, 9.0, 1.0, 2.0, 99.0, 99.0]])
    model.forward = lambda batch: ForwardOutput(padded.repeat(len(batch.rows), 1))  # type: ignore[method-assign]
    for spec in ("all_at_once", "all_at_once:temperature=3.0"):
        (done,) = generate(model, [prompt(12)], spec)
        assert max(done.token_ids) <= 3
        assert done.ledger.history[0][0][2] < 1


def test_ties_go_to_the_lowest_position_and_the_lowest_id() -> None:
    logits = np.zeros(VOCABULARY)
    logits[[4, 7]] = 2.0
    for spec in ("confidence:k=2", "margin:k=2", "entropy:k=2"):
        (done,) = generate(constant(logits), [prompt(5)], spec)
        assert orders(done) == [[0, 1], [2, 3], [4]] and set(done.token_ids) == {4}


def test_random_ties_are_seeded_fair_and_only_among_equals() -> None:
    logits = np.zeros(VOCABULARY)
    logits[[4, 7, 9]] = 2.0
    prompts = [prompt(4, index=index) for index in range(450)]
    done = generate(constant(logits), prompts, "confidence:k=1,ties=random", 64)
    assert [one.token_ids for one in done] == [
        one.token_ids for one in generate(constant(logits), prompts, "confidence:k=1,ties=random", 7)
    ]
    tokens = Counter(token for one in done for token in one.token_ids)
    assert set(tokens) == {4, 7, 9}
    assert sum((count - 600) ** 2 / 600 for count in tokens.values()) < 13.82  # chi-square, 2 degrees, 0.999
    first = Counter(orders(one)[0][0] for one in done)
    assert sum((first[position] - 112.5) ** 2 / 112.5 for position in range(4)) < 16.27  # 3 degrees
    assert {one.token_ids for one in done} != {one.token_ids for one in generate(constant(logits), prompts, "confidence:k=1")}


def frequencies(
    logits: Sequence[float], options: str, samples: int = 500, width: int = 12
) -> tuple[npt.NDArray[np.int64], int]:
    prompts = [prompt(width, index=index) for index in range(samples)]
    done = generate(constant(logits), prompts, f"all_at_once:{options}", 64, seed=5)
    return np.bincount([token for one in done for token in one.token_ids], minlength=VOCABULARY), samples * width


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_temperature_is_honoured(temperature: float) -> None:
    logits = np.linspace(-1.5, 1.5, VOCABULARY)
    counts, total = frequencies(logits, f"temperature={temperature}")
    expected = softmax(logits / temperature) * total
    kept = expected > 0
    assert counts[MASK] == 0 and kept.sum() == VOCABULARY - 1
    assert float(((counts - expected)[kept] ** 2 / expected[kept]).sum()) < 27.88  # chi-square, 9 degrees, 0.999


def test_top_p_draws_from_the_smallest_set_that_reaches_p() -> None:
    logits = np.full(VOCABULARY, -30.0)
    logits[[3, 5, 6, 8]] = np.log([0.5, 0.3, 0.15, 0.05])
    for top_p, kept in ((0.4, [3]), (0.6, [3, 5]), (0.79, [3, 5]), (0.85, [3, 5, 6])):
        counts, total = frequencies(logits, f"temperature=1.0,top_p={top_p}", 200)
        assert np.flatnonzero(counts).tolist() == kept
        expected = softmax(logits)[kept] / softmax(logits)[kept].sum() * total
        assert float(((counts[kept] - expected) ** 2 / expected).sum()) < 13.82


def test_draws_differ_between_seeds_samples_and_positions_but_not_between_runs() -> None:
    def drawn(seed: int, index: int) -> tuple[int, ...]:
        (done,) = generate(constant(np.zeros(VOCABULARY)), [prompt(16, index=index)], "random:k=4,temperature=1.0", seed=seed)
        return done.token_ids

    assert drawn(0, 0) == drawn(0, 0)
    assert len({drawn(0, 0), drawn(1, 0), drawn(0, 1), drawn(1, 1)}) == 4
    assert len(set(drawn(0, 0))) > 3


def test_of_equally_probable_tokens_the_lowest_ids_are_named_first() -> None:
    logits = torch.zeros(3, 40)
    logits[1, 30] = 1.0
    logits[2, 5:9] = 2.0
    found = compute(np.arange(len(logits)), logits, Fake(noisy(), vocab_size=40).info, Sampling(), None, top=4)
    assert found.top_token is not None and found.top_token.tolist() == [[0, 2, 3, 4], [30, 0, 2, 3], [5, 6, 7, 8]]
    assert found.top_token[:, 0].tolist() == found.token.tolist()


class Choosy(StepDecoder):
    """Asks for more tokens the fewer masks there are."""

    family: ClassVar[str] = "choosy"

    def request(self, state: State) -> ForwardRequest:
        left = int(state.masked.sum())
        return ForwardRequest(top=1 + left % 3, extras=frozenset({"entropy"}) if left % 2 else frozenset())

    def step(self, signals: Signals, state: State, memory: dict[str, Any]) -> None:
        asked = self.request(state)
        assert signals.top_token is not None and signals.top_token.shape[1] == asked.top
        assert (signals.entropy is not None) == ("entropy" in asked.extras) and signals.p_of is None
        state.write(signals.positions[:1], signals.token[:1])


def test_a_request_is_answered_as_if_it_were_alone_in_its_forward() -> None:
    prompts = [prompt(4 + index, index=index) for index in range(6)]
    assert len(generate(Fake(noisy()), prompts, Choosy(), batch_size=6)) == 6
