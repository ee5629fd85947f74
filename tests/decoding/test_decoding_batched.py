"""What is done for all samples of a forward at once is what would be done for each of them alone."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pytest
import torch
from decoding_fakes import MASK, SETTINGS, VOCABULARY, Fake, generate, noisy, prompt
from hypothesis import given, settings
from hypothesis import strategies as st

from parallelbench.decoding import Decoder, RankingDecoder, Signals, State, compute_signals, load_decoder, signals
from parallelbench.decoding.compute_signals import compute
from parallelbench.decoding.decoder import Run
from parallelbench.decoding.decoders.classic import Confidence
from parallelbench.decoding.quota import Everything, Factor, Fixed, Quota, Schedule, Threshold
from parallelbench.decoding.ranking import elementwise
from parallelbench.decoding.signals import Sampling
from parallelbench.decoding.state import States
from parallelbench.rng import Draws, uniform_each
from parallelbench.sampling import draw, tempered

RANKING = tuple(
    spec for specs in SETTINGS.values() for spec in specs if isinstance(load_decoder(spec), RankingDecoder)
)  # fmt: skip
QUOTAS = (Fixed(3), Everything(), Threshold(0.4), Factor(1.2), Schedule(3))


def one_by_one_of(decoder: RankingDecoder) -> Decoder:
    """The same decoder in a form that the engine has to run sample by sample."""

    class Alone(type(decoder)):  # type: ignore[misc]
        def run(self, state: State) -> Run:
            yield from RankingDecoder.run(self, state)

    alone = Alone(**{key: getattr(decoder, key) for key in type(decoder).model_fields})
    assert isinstance(alone, RankingDecoder) and not alone.batched
    return alone


@pytest.mark.parametrize("spec", RANKING)
@settings(max_examples=5, deadline=None)
@given(widths=st.lists(st.integers(1, 16), min_size=1, max_size=6), seed=st.integers(0, 3), size=st.integers(1, 6))
def test_deciding_together_is_deciding_alone(spec: str, widths: list[int], seed: int, size: int) -> None:
    together = load_decoder(spec)
    assert isinstance(together, RankingDecoder) and together.batched
    widths = [(1 + width % 3) * together.block if together.block else width for width in widths]
    prompts = [prompt(width, index=index) for index, width in enumerate(widths)]
    joint = generate(Fake(noisy()), prompts, together, size, seed)
    alone = generate(Fake(noisy()), prompts, one_by_one_of(together), 1, seed)
    assert [(one.token_ids, one.ledger) for one in joint] == [(one.token_ids, one.ledger) for one in alone]


@pytest.mark.parametrize("quota", QUOTAS, ids=repr)
@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 1 << 30), sizes=st.lists(st.integers(1, 9), min_size=1, max_size=6))
def test_a_quota_counts_for_all_as_for_each(quota: Quota, seed: int, sizes: list[int]) -> None:
    info = Fake(noisy()).info
    states = [State(np.full(size, MASK), (), info, Draws(index), None) for index, size in enumerate(sizes)]
    rng = np.random.default_rng(seed)
    each = [np.sort(rng.random(size).astype(np.float32))[::-1] for size in sizes]
    found = quota.count_each(np.concatenate(each), States(states, sizes))
    assert found is None or list(found) == [quota.count(one, state) for one, state in zip(each, states, strict=True)]


def test_another_count_is_not_counted_by_the_old_rule() -> None:
    class Half(Threshold):
        def count(self, confidences: signals.Floats, state: State) -> int:
            return len(confidences) // 2

    assert Half.count_each is Quota.count_each and Threshold.count_each is not Quota.count_each


class Backwards(Confidence):
    """A user's ranking on top of one of ours: the least confident first."""

    family: ClassVar[str] = "backwards"

    def score(self, signals: Signals, state: State) -> npt.ArrayLike:
        return -signals.confidence


class Calm(RankingDecoder):
    """A user's quota with a memory of its own: 1, 2, 3, ... positions."""

    family: ClassVar[str] = "calm"

    @elementwise
    def score(self, signals: Signals, state: State) -> npt.ArrayLike:
        return signals.confidence

    def quota(self) -> Quota:
        class Growing(Quota):
            steps = 0

            def count(self, confidences: signals.Floats, state: State) -> int:
                self.steps += 1
                return self.steps

        return Growing()


class LastFirst(Confidence):
    """A user's order in place of the score's."""

    family: ClassVar[str] = "last_first"

    def best_first(self, scores: npt.ArrayLike, positions: npt.NDArray[np.int64], state: State) -> npt.NDArray[np.intp]:
        return np.arange(len(positions))[::-1]


@pytest.mark.parametrize(
    ("decoder", "batched", "flat"), [(Backwards(k=2), True, False), (Calm(), True, True), (LastFirst(), False, True)]
)
def test_a_user_s_ranking_decoder_is_taken_at_its_word(decoder: RankingDecoder, batched: bool, flat: bool) -> None:
    assert (decoder.batched, decoder.elementwise) == (batched, flat)
    prompts = [prompt(5 + index, index=index) for index in range(6)]
    joint, alone = (generate(Fake(noisy()), prompts, decoder, size) for size in (6, 1))
    assert [(one.token_ids, one.ledger) for one in joint] == [(one.token_ids, one.ledger) for one in alone]
    steps = [[len(writes) for writes in one.ledger.history] for one in joint]
    if isinstance(decoder, Calm):
        assert all(counts[:-1] == list(range(1, len(counts))) for counts in steps)
    if isinstance(decoder, LastFirst):
        assert [writes[0][0] for writes in joint[0].ledger.history] == [4, 3, 2, 1, 0]
    if isinstance(decoder, Backwards):
        sure = [[write[2] for write in writes] for one in joint for writes in one.ledger.history]
        assert all(row == sorted(row) for row in sure)


@given(st.lists(st.tuples(st.integers(0, 99), st.lists(st.integers(0, 500), max_size=5)), max_size=5), st.integers(0, 9))
def test_draws_of_many_samples_are_those_of_each(parts: list[tuple[int, list[int]]], lane: int) -> None:
    each = [Draws("sample", index) for index in range(len(parts))]
    where = np.array([at for _, positions in parts for at in positions], dtype=np.int64)
    found = uniform_each(each, [step for step, _ in parts], [len(positions) for _, positions in parts], where, lane)
    expected = [one.uniform(step, positions, lane) for one, (step, positions) in zip(each, parts, strict=True)]
    assert found.tolist() == [float(number) for row in expected for number in row]


SAMPLINGS = (Sampling(), Sampling(ties="random"), Sampling(1.0), Sampling(0.7, 0.8))


@pytest.mark.parametrize("sampling", SAMPLINGS, ids=repr)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_signals_in_chunks_are_the_same_to_the_bit(
    sampling: Sampling, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:  # fault 45
    info = Fake(noisy(), vocab_size=700).info
    logits = (3 * torch.randn(37, 701, generator=torch.Generator().manual_seed(1))).to(dtype)
    uniform = Draws(0).uniform(0, range(37)) if sampling.lanes else None
    extras, tokens = frozenset({"entropy", "margin"}), np.arange(37) - 1

    def found() -> Signals:
        return compute(np.arange(37), logits, info, sampling, uniform, extras, 5, tokens)  # type: ignore[arg-type]

    whole = found()
    for rows in (1, 5, 36):
        monkeypatch.setattr(compute_signals, "CHUNK_BYTES", rows * 8 * 701)
        parts = found()
        for name in ("token", "confidence", "entropy", "margin", "p_of", "top_token", "top_p"):
            assert np.array_equal(getattr(whole, name), getattr(parts, name)), name


def test_no_rows_have_signals_too() -> None:
    found = compute(np.arange(0), torch.zeros(0, VOCABULARY), Fake(noisy()).info, Sampling(), None, frozenset({"entropy"}), 2)
    assert found.token.shape == (0,) and found.top_p is not None and found.top_p.shape == (0, 2)


@settings(max_examples=200)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12).filter(any), st.sampled_from([0.0, 2.0**-53, 0.5, 1 - 2.0**-53, 1.0]))
def test_a_token_without_probability_is_never_drawn(weights: list[float], uniform: float) -> None:  # fault 44
    p = torch.tensor([[*weights, 0.0, 0.0]], dtype=torch.float64)
    (token,) = draw(p, torch.tensor([uniform], dtype=torch.float64)).tolist()
    assert p[0, token] > 0


def test_the_nucleus_is_the_smallest_set_that_holds_top_p() -> None:
    scores = torch.tensor([[0.5, 0.3, 0.15, 0.05]]).log()
    kept = [(tempered(scores, 1.0, top_p) > 0).sum().item() for top_p in (0.1, 0.5, 0.51, 0.8, 0.9, 0.96, 1.0)]
    assert kept == [1, 1, 2, 2, 3, 4, 4]
