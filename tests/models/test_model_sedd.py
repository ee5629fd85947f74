"""SEDD: the network against its published definition, the samplers against matrix exponentials and a law that is known."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import sedd_reference
import sedd_toy
import torch
from sedd_toy import WORDS, Toy
from torch import Tensor

from parallelbench.contracts.denoiser import Denoiser
from parallelbench.contracts.forward import ForwardBatch
from parallelbench.contracts.info import ModelInfo
from parallelbench.decoding import Engine, check_compatibility, load_decoder
from parallelbench.decoding.decoders.sedd import (
    Analytic,
    Euler,
    Level,
    Moment,
    ScoreSampler,
    analytic,
    moments,
    next_tokens,
    scores,
)
from parallelbench.errors import UserError
from parallelbench.models import load_model
from parallelbench.schema import Generation, Prompt, Sample
from thinned import thinned

KINDS = ("absorb", "uniform")
MASK = sedd_reference.WORDS


@pytest.fixture(scope="module", params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def folder(kind: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sedd_reference.write(tmp_path_factory.mktemp(kind), kind)


@pytest.fixture(scope="module")
def model(folder: Path) -> Denoiser:
    return load_model(f"path:{folder}")


def prompt(index: int, ids: tuple[int, ...], canvas: tuple[int, ...]) -> Prompt:
    return Prompt(Sample("none", 1, 0, index, (), "", {}), ids, canvas, "")


def test_log_scores_equal_the_published_architecture(kind: str, folder: Path, model: Denoiser) -> None:
    rng = np.random.default_rng(0)
    rows = [rng.integers(0, 200, 9), rng.integers(0, 200, 21)]
    if kind == "absorb":
        rows[1][4:12] = MASK
    ids = np.zeros((2, 32), dtype=np.int64)
    for at, row in enumerate(rows):
        ids[at, : len(row)] = row
    lengths, noise = np.array([9, 21]), np.array([0.05, 2.7])
    columns = np.concatenate([np.arange(9), np.arange(21)])
    batch = ForwardBatch(ids, lengths, np.repeat([0, 1], lengths), columns, [prompt(0, (), (MASK,))] * 2, noise=noise)
    with torch.inference_mode():
        found = model.forward(batch).logits.split([9, 21])
    for row, sigma, seen in zip(rows, noise, found, strict=True):
        expected = sedd_reference.log_score(folder, torch.from_numpy(row), float(sigma))
        assert float(expected.std()) > 0.1
        assert float((seen[:, : expected.shape[1]] - expected).abs().max()) < 1e-5
        assert (seen[:, expected.shape[1] :] == -torch.inf).all() and seen.shape[1] == model.info.vocab_size


def test_the_masks_say_the_noise_where_nobody_does(folder: Path, model: Denoiser, kind: str) -> None:
    ids = np.array([[5, 6, MASK, MASK, 7, MASK, 8, 9]])
    row = prompt(0, (5, 6), tuple(ids[0, 2:].tolist()))
    batch = ForwardBatch(ids, np.array([8]), np.zeros(8, dtype=np.int64), np.arange(8), [row])
    if kind == "uniform":
        with pytest.raises(UserError, match="has no mask; decode it with euler or analytic"):
            model.forward(batch)
        return
    sigma = -math.log(1 - 0.999 * 3 / 6)
    expected = sedd_reference.log_score(folder, torch.from_numpy(ids[0]), sigma)
    assert float((model.forward(batch).logits - expected).abs().max()) < 1e-5


def stand_in(toy: Toy) -> int | None:
    """The id that stands for the mask where noise is uniform."""
    return toy.states if toy.uniform else None


@pytest.mark.parametrize("uniform", [False, True])
def test_the_analytic_step_is_the_reverse_of_a_matrix_exponential(uniform: bool) -> None:
    toy = Toy(sedd_toy.correlated(), uniform)
    now, after = 1.3, 0.4
    forth = torch.matrix_exp((now - after) * toy.rates())
    for state in sedd_toy.strings(toy.states):
        score, token = toy.score(state, 0, now), torch.tensor([state[0]])
        expected = (torch.linalg.inv(forth) @ score) * forth[state[0]]
        padded = torch.cat([score, torch.zeros(1 if uniform else 0)])[None]
        if not uniform and state[0] < WORDS:
            continue  # a token that was found stays, and is not asked
        found = next_tokens(analytic(padded, Moment(Level(now, 0.0), after, 0.0, False), stand_in(toy)), token)[0]
        torch.testing.assert_close(found[: toy.states], expected)


@pytest.mark.parametrize("uniform", [False, True])
def test_the_euler_step_is_the_reverse_rate(uniform: bool) -> None:
    toy = Toy(sedd_toy.correlated(), uniform)
    rates, sigma, dt = toy.rates(), 0.8, 1e-3
    for state in sedd_toy.strings(toy.states):
        score, token = toy.score(state, 1, sigma), torch.tensor([state[1]])
        padded = torch.cat([score, torch.zeros(1 if uniform else 0)])[None]
        found = next_tokens(Euler().jumps(padded, Moment(Level(sigma, 2.0), 0.0, dt, False), stand_in(toy)), token)[
            0, : toy.states
        ]
        if not uniform and state[1] < WORDS:
            continue
        jump = dt * 2.0 * rates[state[1]] * score
        jump[state[1]] = 0
        jump[state[1]] = 1 - jump.sum()
        torch.testing.assert_close(found, jump)


def law_of(sampler: ScoreSampler, toy: Toy) -> Tensor:
    """The exact law of a sampler's answers on the toy, [3, 3], by summing over all ways there."""
    schedule = "geometric" if toy.uniform else "loglinear"
    assert sampler.steps is not None
    width = WORDS + 1
    mass = torch.zeros(width, width, dtype=torch.float64)
    if toy.uniform:
        mass[:WORDS, :WORDS] = 1 / WORDS**2
    else:
        mass[WORDS, WORDS] = 1
    for at in moments(schedule, sampler.steps):
        moved = torch.zeros_like(mass)
        for state in sedd_toy.strings(toy.states):
            if mass[state] > 0:
                both = []
                for place in (0, 1):
                    score = torch.zeros(1, width, dtype=torch.float64)
                    score[0, : toy.states] = toy.score(state, place, at.now.sigma)
                    jumps = analytic(score, at, stand_in(toy)) if at.last else sampler.jumps(score, at, stand_in(toy))
                    found = state[place] < WORDS and not toy.uniform
                    p = next_tokens(0 * jumps if found else jumps, torch.tensor([state[place]]))[0]
                    if at.last:
                        p[WORDS] = 0
                    both.append(p / p.sum())
                moved += mass[state] * torch.outer(*both)
        mass = moved
    return mass[:WORDS, :WORDS]


@pytest.mark.parametrize("uniform", [False, True])
@pytest.mark.parametrize("sampler", [Euler, Analytic])
def test_samplers_reach_a_known_law_as_steps_grow(sampler: type[ScoreSampler], uniform: bool) -> None:
    toy = Toy(sedd_toy.correlated(), uniform)
    few, more, many = (sedd_toy.distance(law_of(sampler(steps=steps), toy), toy.law) for steps in (2, 12, 48))
    assert few > more > many and many < 0.03


@pytest.mark.parametrize("uniform", [False, True])
def test_the_analytic_sampler_is_exact_for_independent_tokens_in_any_number_of_steps(uniform: bool) -> None:
    toy = Toy(sedd_toy.independent(), uniform)
    for steps in (1, 3):
        assert sedd_toy.distance(law_of(Analytic(steps=steps), toy), toy.law) < (2e-4 if not uniform else 1e-6)


@pytest.mark.parametrize("uniform", thinned([False, True], 2))
def test_the_engine_draws_from_the_samplers_law(uniform: bool) -> None:
    toy = Toy(sedd_toy.correlated(), uniform)
    decoder = Analytic(steps=3)
    made = list(Engine(toy).generate([prompt(index, (), (WORDS, WORDS)) for index in range(1200)], decoder))
    counts = torch.zeros(WORDS, WORDS, dtype=torch.float64)
    for one in made:
        counts[one.token_ids] += 1
    assert sedd_toy.distance(counts / len(made), law_of(decoder, toy)) < 0.06
    most = max(one.ledger.nfe["denoise"] for one in made)
    assert most == (4 if uniform else 3) and not any(one.ledger.flags for one in made)


def generations(model: Denoiser, spec: str, batch_size: int = 8) -> list[Generation]:
    canvas = (MASK, MASK, 77, *[MASK] * 9)
    prompts = [prompt(index, tuple(range(10, 14 + index)), canvas) for index in range(4)]
    decoder = load_decoder(spec)
    check_compatibility(model.info, decoder, len(canvas))
    made = Engine(model, batch_size).generate(prompts, decoder)
    return sorted(made, key=lambda one: one.prompt.sample.index)


@pytest.mark.parametrize("spec", ["euler:steps=5", "analytic:steps=5"])
def test_the_status_plane_serves_tokens_that_change_at_any_step(model: Denoiser, kind: str, spec: str) -> None:
    made = generations(model, spec)
    for one in made:
        assert MASK not in one.token_ids and one.token_ids[2] == 77 and one.ledger.nfe["denoise"] <= 6
        actions = [action for writes in one.ledger.history for *_, action in writes]
        assert actions.count("commit") == 11 and ("edit" in actions) is (kind == "uniform")
    assert [one.token_ids for one in made] == [one.token_ids for one in generations(model, spec, batch_size=1)]


def test_other_decoders_use_an_absorbing_model_and_refuse_a_uniform_one(model: Denoiser, kind: str) -> None:
    if kind == "absorb":
        assert all(MASK not in one.token_ids for one in generations(model, "confidence:k=4"))
        return
    with pytest.raises(UserError, match="has no mask to start from, so confidence cannot decode it; use euler or analytic"):
        generations(model, "confidence:k=4")


def test_a_masked_models_scores_are_its_distribution_over_the_odds_of_a_mask() -> None:
    toy = Toy(sedd_toy.correlated(), uniform=False)
    state, sigma = (WORDS, 1), 0.7
    conditional = toy.law[:, 1] / toy.law[:, 1].sum()
    masked = ModelInfo("masked", "1", WORDS + 1, WORDS, (), 0, 64)
    found = scores(torch.cat([conditional.log(), torch.tensor([5.0])])[None], masked, sigma)[0]
    torch.testing.assert_close(found[:WORDS], toy.score(state, 0, sigma)[:WORDS])
    assert found[WORDS] == 0


def test_a_config_without_sizes_is_refused(tmp_path: Path) -> None:
    folder = sedd_reference.write(tmp_path, "absorb")
    text = (folder / "config.json").read_text(encoding="utf-8")
    (folder / "config.json").write_text(text.replace("n_blocks", "blocks"), encoding="utf-8")
    with pytest.raises(UserError, match=r"lacks model\.n_blocks; it is no SEDD checkpoint"):
        load_model(f"path:{folder}")
