"""The same tokens and the same ledger, to the bit, whatever else is in the batch: for every decoder there is."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

import pytest
from decoding_fakes import SETTINGS

from checkpoints import MakeCheckpoint
from parallelbench.contracts.denoiser import Denoiser
from parallelbench.decoding import DECODERS, Engine, load_decoder, make_prompt
from parallelbench.models import load_model
from parallelbench.schema import Prompt
from parallelbench.tasks import load_task
from thinned import thinned

TASKS = (
    ("waiting_line/shuffle:shots=0", 8), ("waiting_line/copy:shots=1", 16), ("puzzle/sudoku_n4_12:shots=0", 8),
    ("list_ops/copy:shots=0,infill=true", 8), ("list_ops/copy:shots=2", 8),
)  # fmt: skip
Answers = dict[str, tuple[tuple[int, ...], str, int, str]]
"""Tokens, text, length of the content and ledger; the ledger as text, because the confidence of a remask is no number."""


@pytest.fixture(scope="module")
def small_model(make_checkpoint: MakeCheckpoint, tmp_path_factory: pytest.TempPathFactory) -> Denoiser:
    """A random model of one layer: what these tests take is the number of forwards times that of layers."""
    return load_model(f"path:{make_checkpoint(tmp_path_factory.mktemp('small'), layers=1)}")


@pytest.fixture(scope="module")
def prompts(small_model: Denoiser) -> list[Prompt]:
    """A prompt of each task: more than two batches of 2, so that samples enter while others are half done."""
    return mixed(small_model, 1)


def mixed(model: Denoiser, count: int) -> list[Prompt]:
    """`count` prompts of each task, with mixed canvases and, without the padding of the model's card, lengths."""
    made = []
    for spec, canvas in TASKS:
        task = load_task(spec)
        made += [make_prompt(model, task.sample(0, index), canvas, task.infill) for index in range(count)]
    random.Random(0).shuffle(made)
    pad = model.info.pad_id
    return [replace(one, ids=tuple(token for token in one.ids if token != pad)) for one in made]


def answers(model: Denoiser, prompts: list[Prompt], spec: str, batch_size: int) -> Answers:
    done = Engine(model, batch_size, model).generate(prompts, load_decoder(spec), seed=3)
    found = {one.prompt.text: (one.token_ids, one.text, one.content_tokens, repr(one.ledger)) for one in done}
    assert len(found) == len(prompts)
    return found


FEW = (("reversed", 2),)
"""In addition to all at once, in order, and some alone."""
MORE = (("shuffled", 64), ("reversed", 5), ("reversed", 7), ("in order", 7))
SHIPPED = ("confidence:k=4", "threshold:gamma=0.9", "random:k=3,temperature=1.0")


def differing(model: Denoiser, prompts: list[Prompt], spec: str, ways: Sequence[tuple[str, int]], every: int = 1) -> list[str]:
    """Name the orders and batch sizes that change an answer or a ledger; `every` so many prompts, one is decoded alone too."""
    together = answers(model, prompts, spec, len(prompts))
    alone = answers(model, prompts[::every], spec, 1)
    if not alone.items() <= together.items():
        return [f"{spec}, alone"]
    shuffled = random.Random(1).sample(prompts, len(prompts))
    orders = {"in order": prompts, "reversed": prompts[::-1], "shuffled": shuffled}
    return [f"{spec}, {order}, {size}" for order, size in ways if answers(model, orders[order], spec, size) != together]


def of_the_shipped(model: Denoiser, count: int) -> list[Prompt]:
    tasks = [load_task(name) for name in ("waiting_line/shuffle", "puzzle/latin_square_n4")]
    return [
        make_prompt(model, task.sample(0, i, model.info.shots), task.max_new_tokens) for task in tasks for i in range(count)
    ]


def test_the_prompts_are_mixed(prompts: list[Prompt]) -> None:
    assert len({len(one.ids) + len(one.canvas) for one in prompts}) == len(TASKS)
    assert len({(len(one.ids) + len(one.canvas) - 1) // 16 for one in prompts}) > 3


@pytest.mark.parametrize("name", DECODERS.names())
def test_batch_and_order_change_nothing(name: str, small_model: Denoiser, prompts: list[Prompt]) -> None:
    if name not in SETTINGS:
        pytest.fail(f"decoder '{name}' has no settings in decoding_fakes.SETTINGS; add some, blocks and temperature among them")
    ends = dict.fromkeys((SETTINGS[name][0], SETTINGS[name][-1]))
    assert not [way for spec in ends for way in differing(small_model, prompts, spec, FEW, 3)]


@pytest.mark.slow
@pytest.mark.parametrize("name", DECODERS.names())
def test_nor_do_they_with_more_prompts(name: str, random_model: Denoiser) -> None:
    assert not [way for spec in SETTINGS[name] for way in differing(random_model, mixed(random_model, 5), spec, MORE)]


def test_every_common_key_is_walked() -> None:
    decoders = [load_decoder(spec) for specs in SETTINGS.values() for spec in specs]
    assert all(decoder.family == name for name, specs in SETTINGS.items() for decoder in map(load_decoder, specs))
    for key in ("block", "temperature", "top_p", "ties"):
        assert len({getattr(decoder, key) for decoder in decoders}) > 1, key


@pytest.mark.parametrize("spec", thinned(SHIPPED, 2))
def test_the_shipped_model_is_invariant_too(spec: str, shipped_model: Denoiser) -> None:
    assert not differing(shipped_model, of_the_shipped(shipped_model, 2), spec, FEW)


@pytest.mark.slow
@pytest.mark.parametrize("spec", SHIPPED)
def test_so_is_the_shipped_model_with_more_prompts(spec: str, shipped_model: Denoiser) -> None:
    assert not differing(shipped_model, of_the_shipped(shipped_model, 6), spec, MORE)
