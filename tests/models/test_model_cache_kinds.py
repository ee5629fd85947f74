"""Caches as registered values, the published loops' extra forward, and cached keys that are not copied again."""

from __future__ import annotations

import random
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor
from torch.nn.functional import pad

from parallelbench.contracts.denoiser import Denoiser
from parallelbench.contracts.forward import padded_length
from parallelbench.decoding import CACHES, Engine, load_cache, load_decoder, make_prompt
from parallelbench.decoding.caches.prefix import Prefix
from parallelbench.errors import UserError
from parallelbench.models.kv_cache import Kept, Past, Workspaces
from parallelbench.schema import Generation, Prompt
from parallelbench.tasks import load_task

CANVAS = 16


@pytest.fixture(scope="module")
def prompts(random_model: Denoiser) -> list[Prompt]:
    task = load_task("waiting_line/shuffle:shots=0")
    return [make_prompt(random_model, task.sample(0, index, 0), CANVAS) for index in range(5)]


def decode(model: Denoiser, prompts: list[Prompt], spec: str, cache: str) -> list[Generation]:
    made = Engine(model, 8, cache=cache).generate(prompts, load_decoder(spec), seed=1)
    return sorted(made, key=lambda one: one.prompt.sample.index)


@pytest.mark.parametrize("cache", ["prefix", "dual"])
@pytest.mark.parametrize("spec", ["all_at_once:block=4", "threshold:gamma=0.0,block=4", "confidence:k=3,block=4"])
def test_the_published_loops_look_at_a_full_block_once_more(
    random_model: Denoiser, prompts: list[Prompt], cache: str, spec: str
) -> None:  # fault 4
    ours, theirs = (decode(random_model, prompts, spec, name) for name in (cache, f"{cache}:compat=authors"))
    more = 0 if spec.startswith("confidence") else CANVAS // 4  # k=3 leaves one of four open: no block is full at first
    for one, other in zip(ours, theirs, strict=True):
        assert one.token_ids == other.token_ids
        assert sum(other.ledger.nfe.values()) == sum(one.ledger.nfe.values()) + more
        assert other.ledger.nfe["refresh"] == one.ledger.nfe["refresh"] == CANVAS // 4
        assert [writes for writes in other.ledger.history if writes] == list(one.ledger.history)


def test_a_cache_is_named_like_a_decoder() -> None:
    assert [load_cache(name).spec for name in CACHES.names()] == CACHES.names() == ["none", "prefix", "dual", "block"]
    assert load_cache("dual:compat=authors").spec == "dual:compat=authors"
    assert [load_cache(name).exact for name in CACHES.names()] == [True, False, False, True]
    for spec, words in (("prefx", "prefix"), ("prefix:compt=authors", "compat"), ("block:compat=authors", "compat")):
        with pytest.raises(UserError, match=words):
            load_cache(spec)


def test_a_package_s_cache_is_found_by_its_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    point = SimpleNamespace(name="mine", value="parallelbench.decoding.caches.prefix:Prefix", dist=None)
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: [point] if group == "parallelbench.caches" else [])
    assert "mine" in CACHES.names() and isinstance(load_cache("mine"), Prefix)


def kept(length: int, seed: int) -> Kept:
    """A past of two layers, three heads and five dimensions."""
    torch.manual_seed(seed)
    return Kept(tuple((torch.randn(3, length, 5), torch.randn(3, length, 5)) for _ in range(2)), torch.randperm(99)[:length])


def attended(past: Past, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
    """What attention reads of a layer once a forward has added its own keys and values."""
    found: tuple[Tensor, Tensor] = past.cache.update(keys, values, layer)
    return found


def test_joined_pasts_are_the_pasts_side_by_side_and_copied_once() -> None:  # fault 45
    workspaces, pool = Workspaces(), [kept(length, length) for length in (17, 20, 32, 25)]
    rng, copies, rows = random.Random(1), 0, [pool[0], pool[1]]
    for step in range(40):
        if step % 4 == 0:
            before, rows = rows, [rng.choice(pool), rng.choice(pool)]
            expected = sum(a is not b for a, b in zip(rows, before, strict=True)) if step else 2
        else:
            expected = 0
        past = workspaces.join(rows, 8)
        (workspace,) = workspaces._kept.values()
        assert workspace.copied - copies == expected
        copies = workspace.copied
        width = padded_length(max(map(len, rows)))
        assert past.valid.sum(1).tolist() == [len(row) for row in rows]
        for row, one in enumerate(rows):
            assert torch.equal(past.positions[row, : len(one)], one.positions)
        for layer in range(2):
            new = torch.randn(2, 3, 8, 5), torch.randn(2, 3, 8, 5)
            for part, found in enumerate(attended(past, layer, *new)):
                stacked = torch.stack([pad(row.layers[layer][part], (0, 0, 0, width - len(row))) for row in rows])
                assert torch.equal(found, torch.cat([stacked, new[part]], 2))


def test_few_workspaces_are_kept_and_all_can_be_freed() -> None:
    workspaces = Workspaces()
    for rows in range(1, 12):
        workspaces.join([kept(20, seed) for seed in range(rows)], 16)
    assert len(workspaces._kept) == 4
    workspaces.clear()
    assert not workspaces._kept


@pytest.mark.parametrize("cache", ["prefix", "dual"])
def test_samples_that_leave_and_come_change_nothing(random_model: Denoiser, prompts: list[Prompt], cache: str) -> None:
    """With three slots for five samples of different numbers of forwards, rows move from forward to forward."""
    spec = "random_steps:block=8"
    alone = [one.token_ids for one in decode(random_model, prompts, spec, cache)]
    engine = Engine(random_model, 3, cache=cache)
    made = sorted(engine.generate(prompts, load_decoder(spec), seed=1), key=lambda one: one.prompt.sample.index)
    assert [one.token_ids for one in made] == alone
    assert len({sum(one.ledger.nfe.values()) for one in made}) > 1
