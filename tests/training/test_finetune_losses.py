"""What fine-tuning minimises: score entropy is zero at the true ratios only, and rows are what a run would decode."""

from __future__ import annotations

import pickle

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from parallelbench.contracts.info import ModelInfo
from parallelbench.decoding.decoders.sedd import level
from parallelbench.models import describe
from parallelbench.models.cards import CARDS
from parallelbench.models.codec import ChatCodec
from parallelbench.tasks import load_task
from parallelbench.training.finetune.losses import entropy, masked_diffusion, noise, ratios
from parallelbench.training.finetune.options import Lora
from parallelbench.training.finetune.rows import Rows, closing_token, one_block
from parallelbench.training.masks import draw_mask

WORDS = 5


@settings(max_examples=25)
@given(
    absorbs=st.booleans(), sigma=st.floats(1e-3, 5), clean=st.integers(0, 2), current=st.integers(0, 3),
    wrong=st.lists(st.floats(-2, 2), min_size=WORDS, max_size=WORDS),
)  # fmt: skip
def test_score_entropy_is_least_and_zero_at_the_true_ratios(
    absorbs: bool, sigma: float, clean: int, current: int, wrong: list[float]
) -> None:
    now = torch.tensor([WORDS - 1 if absorbs else current])
    ratio = ratios(torch.tensor([clean]), now, torch.tensor([sigma], dtype=torch.float64), WORDS, absorbs)
    best = ratio.clamp(min=1e-30).log()
    assert float(entropy(best, ratio, now)) == pytest.approx(0, abs=1e-6)
    other = best + torch.tensor([wrong], dtype=torch.float64)
    assert float(entropy(other, ratio, now)) >= -1e-6


@pytest.mark.parametrize("absorbs", [True, False])
def test_the_expected_minimum_is_the_true_score_of_a_token(absorbs: bool) -> None:
    """Over clean tokens of a known law, the best score is p(y | x) / p(x | x): the mean of the ratios under the posterior."""
    law, sigma, words = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64), 0.7, 3 + absorbs
    level_ = torch.tensor([sigma], dtype=torch.float64)
    stays = float(torch.exp(-level_))
    current = torch.tensor([3 if absorbs else 1])
    seen = [(1 - stays) if absorbs else (1 - stays) / 3 + stays * (clean == 1) for clean in range(3)]
    posterior = law * torch.tensor(seen, dtype=torch.float64)
    posterior /= posterior.sum()
    each = [ratios(torch.tensor([clean]), current, level_, words, absorbs) for clean in range(3)]
    score = torch.zeros(1, words, dtype=torch.float64, requires_grad=True)
    best = sum(float(p) * ratio for p, ratio in zip(posterior, each, strict=True)).log()  # type: ignore[union-attr]
    loss = sum(p * entropy(best.clamp(min=-60) + score, ratio, current) for p, ratio in zip(posterior, each, strict=True))
    (gradient,) = torch.autograd.grad(loss.sum(), score)  # type: ignore[union-attr]
    torch.testing.assert_close(gradient, torch.zeros_like(gradient), atol=1e-9, rtol=0)


@pytest.mark.parametrize("schedule", ["loglinear", "geometric"])
def test_training_and_sampling_have_the_same_noise(schedule: str) -> None:
    for time in (1e-3, 0.2, 0.9, 1.0):
        sigma, rate = noise(torch.tensor([time], dtype=torch.float64), schedule == "loglinear")
        assert (float(sigma), float(rate)) == pytest.approx(tuple(level(schedule, time)), rel=1e-9)


def test_a_row_is_what_a_run_decodes(tokenizer: Tokenizer) -> None:
    card = CARDS["tiny"]
    codec = ChatCodec(tokenizer, card)
    info = ModelInfo("tiny", "1", tokenizer.get_vocab_size(), 1, (2,), 0, 2048, shots=0, template="tiny")
    options = Lora.model_validate({"base": "tiny", "task": "waiting_line/shuffle:lengths=[12]", "batch": 4, "samples": 6})
    tasks = [load_task(name) for name in ("waiting_line/copy", "waiting_line/shuffle:lengths=[12]")]
    rows = Rows(codec, info, tasks, options)
    assert [task.max_new_tokens for task in rows.tasks] == [32, 64]  # as a run makes room for it
    (_, one), (_, again), (_, later) = rows[0], pickle.loads(pickle.dumps(rows))[0], rows[3]  # as for another process
    assert all(torch.equal(*tensors) for tensors in zip(one.tensors, again.tensors, strict=True))
    assert (one.masked <= one.free).all() and one.masked.any(1).all()
    assert not torch.equal(one.ids[0, :64], later.ids[0, :64])
    every = {tuple(row) for step in range(30) for row in rows[step][1].ids[:, :64].tolist()}
    assert len(every) == 6  # `samples` of them, in other orders
    text = codec.decode(one.ids[0][one.attend[0]].tolist())
    assert "<|assistant|>[" in text and text.endswith("]" + "<|endoftext|>" * text.count("<|endoftext|>"))
    shown = {text for part in rows.validation() for text in map(tuple, part.ids[:, :64].tolist())}
    assert not shown & every


def test_with_chain_of_thought_the_steps_are_learned_too(tokenizer: Tokenizer) -> None:
    codec, task = ChatCodec(tokenizer, CARDS["tiny"]), load_task("waiting_line/shuffle:chain_of_thought=true,lengths=[3]")
    info = ModelInfo("tiny", "1", tokenizer.get_vocab_size(), 1, (2,), 0, 4096, shots=0, template="tiny")
    rows = Rows(codec, info, [task], Lora.model_validate({"base": "tiny", "task": "x", "batch": 2}))
    written = codec.decode(rows[0][1].ids[0].tolist()).rpartition("<|assistant|>")[2]
    steps, marker, answer = written.partition("Answer: ")
    assert marker and answer.startswith("[") and len(steps) > 20


def test_a_block_causal_model_learns_one_block_of_a_row_at_a_time() -> None:
    columns = torch.arange(10, 26).repeat(200, 1)
    free = torch.ones(200, 16, dtype=torch.bool)
    generator = torch.Generator().manual_seed(0)
    masked = draw_mask(columns, one_block(columns, free, 4, generator), generator)
    blocks = [set((columns[row][masked[row]] // 4).tolist()) for row in range(200)]
    assert all(len(found) == 1 for found in blocks) and {block for (block,) in blocks} == {2, 3, 4, 5, 6}


def test_an_answer_ends_with_the_token_that_closes_a_turn(tokenizer: Tokenizer) -> None:
    class Names:
        def decode(self, ids: list[int]) -> str:
            return {7: "<|endoftext|>", 8: "<|im_end|>", 9: "<|eot_id|>"}[ids[0]]

    def closing(template: str, *ends: int) -> int:
        return closing_token(Names(), ModelInfo("m", "1", 10, 1, ends, 0, 64, template=template))  # type: ignore[arg-type]

    assert (closing("chatml", 7, 8), closing("llada", 7, 9), closing("tiny", 7), closing("none", 7, 9)) == (8, 9, 7, 7)


def test_the_loss_of_a_row_is_the_mean_over_its_masks(random_model: object) -> None:
    """A batch of two rows has the mean of their losses, and padding beside them changes nothing."""
    info, network = random_model.info, random_model.network  # type: ignore[attr-defined]
    options = Lora.model_validate({"base": "tiny", "task": "waiting_line/copy", "batch": 2})
    tiny, task = describe("tiny"), load_task("waiting_line/copy")
    rows = Rows(tiny.codec_for(task.sample(0, 0)), tiny.info, [task], options)  # type: ignore[union-attr]
    _, batch = rows[0]
    batch.ids.clamp_(max=info.vocab_size - 1)
    whole = masked_diffusion(network, info, batch)
    parts = [masked_diffusion(network, info, part) for part in batch.split(2)]
    torch.testing.assert_close(whole, (parts[0] + parts[1]) / 2)
