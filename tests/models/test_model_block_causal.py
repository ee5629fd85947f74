"""Block-causal models (SDAR's recipe, arXiv 2510.06303): blocks of the whole row, one after another, exact when cached."""

from __future__ import annotations

import itertools
from pathlib import Path

import layout_reference
import numpy as np
import pytest
import torch
from layout_checkpoints import write

from parallelbench.contracts.denoiser import Denoiser
from parallelbench.decoding import Engine, State, check_compatibility, load_decoder
from parallelbench.errors import UserError
from parallelbench.models import load_model
from parallelbench.rng import Draws
from parallelbench.schema import Generation, Prompt, Sample

BLOCK, CANVAS = 4, 10


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("sdar"), "sdar", seed=3)


@pytest.fixture(scope="module")
def model(folder: Path) -> Denoiser:
    return load_model(f"path:{folder}")


def prompts(model: Denoiser, lengths: tuple[int, ...]) -> list[Prompt]:
    rng = np.random.default_rng(5)
    canvas = (model.info.mask_id,) * CANVAS
    return [
        Prompt(Sample("none", 1, 0, index, (), "", {}), tuple(rng.integers(0, 256, length).tolist()), canvas, "")
        for index, length in enumerate(lengths)
    ]


def by_the_recipe(folder: Path, prompt: Prompt, model: Denoiser) -> list[int]:
    """Fill blocks of the whole row in turn, the most confident token first, with plain forwards of all blocks up to there."""
    row = torch.tensor([*prompt.ids, *prompt.canvas])
    mask = model.info.mask_id
    for start in range(len(prompt.ids) // BLOCK * BLOCK, len(row), BLOCK):
        end = min(start + BLOCK, len(row))
        while (row[start:end] == mask).any():
            scores = layout_reference.logits(folder, row[:end], BLOCK)[:, : model.info.vocab_size]
            scores[:, mask] = -torch.inf
            confidence, token = torch.softmax(scores, dim=-1).max(-1)
            confidence[row[:end] != mask] = -1
            confidence[:start] = -1
            row[int(confidence.argmax())] = token[int(confidence.argmax())]
    return row[len(prompt.ids) :].tolist()


def generate(model: Denoiser, made: list[Prompt], spec: str, **options: str) -> list[Generation]:
    found = Engine(model, **options).generate(made, load_decoder(spec))  # type: ignore[arg-type]
    return sorted(found, key=lambda one: one.prompt.sample.index)


@pytest.mark.parametrize("cache", ["none", "block"])
def test_decoding_follows_the_published_recipe(folder: Path, model: Denoiser, cache: str) -> None:
    made = prompts(model, (4, 5, 7))
    for prompt, found in zip(made, generate(model, made, "one_by_one", cache=cache), strict=True):
        assert list(found.token_ids) == by_the_recipe(folder, prompt, model)


@pytest.mark.parametrize("length", range(4, 9))
def test_the_rest_of_the_prompt_lies_in_the_first_block(model: Denoiser, length: int) -> None:
    (prompt,) = prompts(model, (length,))
    state = State(np.asarray(prompt.canvas), prompt.ids, model.info, Draws(0), model.info.block)
    windows = []
    state.history.append([])
    while state.masked.any():
        windows.append(state.window)
        state.write(np.arange(*state.window), 7)
    first = -length % BLOCK or BLOCK
    edges = [0, *range(first, CANVAS, BLOCK), CANVAS]
    assert windows == list(itertools.pairwise(edges))


def test_storing_keys_is_charged(model: Denoiser) -> None:
    made = prompts(model, (6, 9))
    plain, cached = (generate(model, made, "all_at_once", cache=cache) for cache in ("none", "block"))
    for one, other in zip(plain, cached, strict=True):
        assert one.token_ids == other.token_ids
        assert set(other.ledger.nfe) == {"kv_store", "denoise"} or set(other.ledger.nfe) == {"kv_store"}
        assert sum(other.ledger.nfe.values()) == sum(one.ledger.nfe.values())
        assert other.ledger.q_tokens < one.ledger.q_tokens and "kv_store" not in one.ledger.nfe


def test_a_block_of_ones_own_is_refused_and_the_checkpoints_may_be_replaced(folder: Path, model: Denoiser) -> None:
    with pytest.raises(UserError, match="decodes in blocks of 4; leave block out"):
        check_compatibility(model.info, load_decoder("confidence:block=5"), CANVAS)
    assert load_model(f"path:{folder},block=8").info.block == 8
