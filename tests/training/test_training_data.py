"""What is trained on: batches that follow from seed and step, masks, and what is kept out."""

from __future__ import annotations

import json
import random
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from string import ascii_letters

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer

from parallelbench.experiments.spec import Sweep
from parallelbench.models.cards import CARDS
from parallelbench.models.familiar import differences
from parallelbench.schema import Sample
from parallelbench.tasks import Task, load_task, task_names
from parallelbench.tasks.lists import nouns
from parallelbench.tasks.people import wide_names
from parallelbench.training.data import TRAINING_SEEDS, Batches, Encoder, held_out, shared_start, task_of_row
from parallelbench.training.masks import ORDERS, draw_mask
from parallelbench.training.recipes import RECIPES, TINY, TINY2, TINY_TEXT
from parallelbench.training.stages import Group, Recipe, Shipped, Stage

EVERY = [
    pytest.param(name, group, id=f"{name}-{group.name}")
    for name, shipped in RECIPES.items()
    for group in {group.name: group for group in shipped.groups}.values()
]


SAMPLES = 1200
"""Of each task, for the words of a tokenizer; the texts of `tiny-text` take 4,000, which takes 10 seconds."""


@pytest.fixture(scope="module")
def tokenizers() -> dict[str, Tokenizer]:
    """Those that training makes, from a part of the samples."""
    few = {name: min(shipped.samples_per_task, SAMPLES) for name, shipped in RECIPES.items()}
    return {name: replace(shipped, samples_per_task=few[name]).tokenizer() for name, shipped in RECIPES.items()}


@pytest.fixture(scope="module")
def tokenizer(tokenizers: dict[str, Tokenizer]) -> Tokenizer:
    """The one of lists and puzzles."""
    return tokenizers["tiny"]


@pytest.fixture(params=RECIPES)
def pair(request: pytest.FixtureRequest, tokenizers: dict[str, Tokenizer]) -> tuple[Shipped, Tokenizer]:
    """A model that ships, with its tokenizer."""
    return RECIPES[request.param], tokenizers[request.param]


def drawn(free: list[list[int]]) -> torch.Tensor:
    flags = torch.tensor(free, dtype=torch.bool)
    return draw_mask(torch.zeros(flags.shape, dtype=torch.long), flags, torch.Generator().manual_seed(0))


def test_the_number_of_masks_is_uniform_and_so_is_each_position() -> None:
    free = [[1, 1, 0, 1, 1, 0, 1]] * 6000
    masked = drawn(free)
    assert not masked[:, [2, 5]].any()
    counts = np.bincount(masked.sum(1).numpy(), minlength=6)
    assert counts[0] == 0 and float(((counts[1:] - 1200) ** 2 / 1200).sum()) < 18.47  # chi-square, 4 degrees, 0.999
    for count in range(1, 6):
        share = masked[masked.sum(1) == count][:, [0, 1, 3, 4, 6]].double().mean(0)
        assert float((share - count / 5).abs().max()) < 0.06


def test_a_row_with_one_free_position_masks_it_and_rows_differ() -> None:
    masked = drawn([[0, 1, 0]] * 50)
    assert masked[:, 1].all() and masked.sum() == 50
    wide = drawn([[1] * 20] * 50)
    assert len({tuple(row.tolist()) for row in wide}) > 40
    assert torch.equal(wide, drawn([[1] * 20] * 50))


def test_word_by_word_at_most_one_word_of_every_other_row_is_masked_in_part() -> None:
    target = torch.tensor([[5, 6, 7, 8] * 4] * 400)
    masked = draw_mask(target, target != 8, torch.Generator().manual_seed(0), word_by_word=True)
    assert not masked[target == 8].any() and masked.any(1).all()

    def in_part(row: int) -> int:
        shares = [masked[row][target[row] == word].double().mean().item() for word in (5, 6, 7)]
        return sum(0 < share < 1 for share in shares)

    assert max(in_part(row) for row in range(0, 400, 2)) == 1
    assert max(in_part(row) for row in range(1, 400, 2)) == 3


def test_where_only_words_are_masked_marks_and_end_tokens_are_not_free(tokenizer: Tokenizer) -> None:
    encoder = Encoder(tokenizer, TINY.card)
    sample = load_task("puzzle/latin_square_n4").sample(0, 0, 0)
    _, canvas, free = encoder.row(sample, 64, infill=False, words=True)
    shown = [tokenizer.decode([token]) for token, may in zip(canvas, free, strict=True) if may]
    assert shown == sample.answer.replace(",", " ").split() and len(shown) == 16
    assert all(encoder.row(sample, 64, infill=False)[2])


def test_a_batch_follows_from_seed_and_step(pair: tuple[Shipped, Tokenizer]) -> None:
    shipped, tokenizer = pair
    first = list(Batches(tokenizer, 0, shipped).from_step(0, 4))
    (later,) = Batches(tokenizer, 0, shipped).from_step(3, 4)
    assert first[3][0] == later[0]
    for name in ("ids", "attend", "columns", "free", "masked"):
        assert torch.equal(getattr(first[3][1], name), getattr(later[1], name))
    (other,) = Batches(tokenizer, 1, shipped).from_step(0, 1)
    assert other[1].ids.shape != first[0][1].ids.shape or not torch.equal(other[1].ids, first[0][1].ids)


def test_batches_drawn_ahead_by_processes_are_the_same_and_a_stage_has_more_rows(pair: tuple[Shipped, Tokenizer]) -> None:
    shipped, tokenizer = pair
    source = Batches(tokenizer, 0, replace(shipped, stages=(replace(shipped.stages[0], rows=2),)))
    here, ahead = (list(source.from_step(2, 5, workers)) for workers in (0, 2))
    assert [name for name, _ in here] == [name for name, _ in ahead]
    for (_, one), (_, other) in zip(here, ahead, strict=True):
        assert all(torch.equal(*tensors) for tensors in zip(one.tensors, other.tensors, strict=True))
    group = next(group for group in shipped.stages[0].mixture if group.name == here[0][0])
    assert len(here[0][1]) == 2 * group.batch


def test_a_row_is_a_prompt_and_its_answer(pair: tuple[Shipped, Tokenizer]) -> None:
    shipped, tokenizer = pair
    pad, end = (tokenizer.token_to_id(token) for token in ("<|pad|>", "<|endoftext|>"))
    for name, batch in Batches(tokenizer, 0, shipped).from_step(0, 6):
        group = next(group for group in shipped.stages[0].mixture if group.name == name)
        rows = int(group.batch * shipped.stages[0].rows)
        assert batch.ids.shape == (rows, group.length) and batch.columns.shape == (rows, group.canvas)
        assert (batch.ids[~batch.attend] == pad).all() and batch.free.any(1).all()
        canvas = batch.ids.gather(1, batch.columns)
        assert not (canvas[batch.free] == pad).any()
        if name != "operations" and "frames" not in name and not group.words:
            assert batch.free.all() and (canvas[:, -1] == end).any()


def solutions(tokenizer: Tokenizer, count: int) -> list[str]:
    """The answers of the Sudokus in the first batches of puzzles."""
    found: list[str] = []
    for name, batch in Batches(tokenizer, 0, TINY).from_step(0, 10_000):
        if name == "puzzles":
            texts = [tokenizer.decode(row.tolist(), skip_special_tokens=False) for row in batch.ids]
            found += [text.split("<|assistant|>")[1].split("<|endoftext|>")[0] for text in texts if "udoku" in text]
        if len(found) >= count:
            return found
    raise AssertionError("unreachable")


def test_held_out_sudokus_are_never_trained_on(tokenizer: Tokenizer) -> None:
    task = load_task("puzzle/sudoku_n4_12")
    samples = [task.sample(0, index, shots=0) for index in range(400)]
    kept_out = {sample.answer for sample in samples if held_out(sample)}
    assert 30 <= len(kept_out) <= 90
    trained = solutions(tokenizer, 150)
    assert not kept_out & set(trained) and len(set(trained)) > 60
    assert not held_out(load_task("waiting_line/copy").sample(0, 0, shots=0))


def test_the_answers_decoded_above_are_those_of_the_task(tokenizer: Tokenizer) -> None:
    answers = {load_task("puzzle/sudoku_n4_12").sample(0, index, shots=0).answer for index in range(2000)}
    assert len(answers) > 250 and set(solutions(tokenizer, 20)) <= answers


@pytest.mark.parametrize(("model", "group"), EVERY)
def test_every_task_of_a_group_has_room_in_its_rows(model: str, group: Group, tokenizers: dict[str, Tokenizer]) -> None:
    encoder, long = Encoder(tokenizers[model], RECIPES[model].card), 0
    rng = random.Random(0)
    for index in range(60):
        task = task_of_row(rng, rng.choice(list(group.tasks)), group)
        sample = task.sample(TRAINING_SEEDS.start + index, index, rng.choice(list(group.shots)))
        prompt, canvas, free = encoder.row(sample, task.max_new_tokens, task.infill)
        assert len(canvas) == len(free) <= group.canvas
        assert Counter(free)[True] == len(free) or task.infill
        long += len(prompt) + len(canvas) > group.length
    assert long <= (3 if "summarization" in "".join(group.tasks) or group.name == "items_long_shown" else 0)


def test_a_row_that_is_longer_than_its_group_gives_way(tokenizers: dict[str, Tokenizer]) -> None:
    summaries = next(group for group in TINY_TEXT.stages[0].mixture if group.name == "summaries")
    short = replace(TINY_TEXT, stages=(Stage((replace(summaries, length=160, batch=20),)),))  # a prompt of at most 96 tokens
    for _, batch in Batches(tokenizers["tiny-text"], 0, short).from_step(0, 2):
        assert batch.ids.shape == (20, 160) and (batch.columns[:, 0] <= 96).all() and batch.free.all()


def spelt(tokenizer: Tokenizer, name: str) -> int:
    """How many of 200 fresh samples hold a word that is spelt in bytes."""
    task, found = load_task(name), 0
    for index in range(200):
        sample = task.sample(TRAINING_SEEDS.start - 1, index, 0)
        tokens = [tokenizer.encode(text).tokens for text in (sample.turns[-1].text, sample.answer)]
        letters = [[len(token) == 1 and token in ascii_letters for token in text] for text in tokens]
        found += any(one and two for text in letters for one, two in pairwise(text))
    return found


@pytest.mark.parametrize("most", [12, pytest.param(2, marks=pytest.mark.slow)])
def test_hardly_a_word_of_fresh_texts_is_spelt_in_bytes(most: int, tokenizers: dict[str, Tokenizer]) -> None:
    tokenizer = tokenizers["tiny-text"] if most > 2 else TINY_TEXT.tokenizer()
    assert all(spelt(tokenizer, name) <= most for name in {load_task(task).name for task in TINY_TEXT.tasks})


@pytest.mark.parametrize("name", RECIPES)
def test_a_card_names_the_tasks_that_its_model_is_trained_for(name: str) -> None:
    trained = {load_task(task).name for task in RECIPES[name].tasks}
    assert trained == {task for task in task_names() if CARDS[name].knows(task)}


def test_benchmarks_draw_from_other_streams(tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch) -> None:
    defaults = Sweep(models="tiny", tasks="waiting_line/copy", decoders="one_by_one").seeds
    assert not any(seed in TRAINING_SEEDS for seed in defaults) and TRAINING_SEEDS.start >= 1 << 40
    drawn: list[int] = []
    sample = Task.sample

    def watched(self: Task, seed: int, index: int, shots: int | None = None) -> Sample:
        drawn.append(seed)
        return sample(self, seed, index, shots)

    monkeypatch.setattr(Task, "sample", watched)
    for _ in Batches(tokenizer, 0, TINY).from_step(0, 6):
        pass
    assert len(drawn) > 200 and all(seed in TRAINING_SEEDS or seed >= TRAINING_SEEDS.stop for seed in drawn)


def test_a_stage_has_its_own_mixture_from_its_step_on(tokenizers: dict[str, Tokenizer]) -> None:
    puzzles = next(group for group in TINY.groups if group.name == "puzzles")
    only = replace(puzzles, name="only", tasks={"puzzle/sudoku_n4_12": 1.0})
    two = replace(TINY, stages=(TINY.stages[0], Stage((only,))))
    names = [name for name, _ in Batches(tokenizers["tiny"], 3, two, steps=7).from_step(5, 9)]
    first = [name for name, _ in Batches(tokenizers["tiny"], 3, TINY).from_step(5, 7)]
    assert names == [*first, "only", "only"]


def test_the_rate_rises_stays_falls_and_begins_again_in_every_stage() -> None:
    recipe, mixture = Recipe(steps=100, warmup=10), TINY.stages[0].mixture
    two = replace(TINY, stages=(Stage(mixture, hold=0.5), Stage(mixture, share=0.5, rate=0.4, layers=1)))
    rates = [two.rate(recipe, step) for step in range(150)]
    assert rates[0] == 0.1 and rates[9:51] == [1.0] * 42
    assert rates[99] == pytest.approx(0.02) and rates[100] == pytest.approx(0.4) and rates[-1] == pytest.approx(0.4 / 50)
    assert all(later < earlier for earlier, later in pairwise(rates[51:100]))
    assert two.ends(100) == [100, 150] and [two.layers(recipe, step) for step in (0, 99, 100, 149)] == [4, 4, 5, 5]


def test_close_draws_hold_names_that_are_hard_to_tell_apart(tokenizers: dict[str, Tokenizer]) -> None:
    tokenizer = tokenizers["tiny"]
    plain = replace(TINY.stages[0].mixture[0], name="plain", tasks={"waiting_line/sort": 1.0})

    def shared(closest: int) -> float:
        drawn = replace(TINY, stages=(Stage((replace(plain, closest=closest),)),))
        _, batch = Batches(tokenizer, 0, drawn)[0]
        canvases = batch.ids.gather(1, batch.columns).tolist()
        answers = [json.loads(tokenizer.decode(canvas)) for canvas in canvases]
        pairs = [list(pairwise(one.split()[-1] for one in people)) for people in answers]
        return sum(max(shared_start(*pair) for pair in row) for row in pairs) / len(pairs)

    assert shared_start("Farrell", "Ferrari") == 1 and shared_start("Lund", "Lundgren") == 4
    assert shared(closest=32) > shared(closest=1) + 1


def test_demonstrations_hold_no_held_out_solution_either(tokenizers: dict[str, Tokenizer]) -> None:
    task = load_task("puzzle/sudoku_n4_12")
    shown = [task.sample(0, index, shots=1) for index in range(300)]
    only_shown = [sample for sample in shown if held_out(sample) and not held_out(task.sample(0, sample.index, shots=0))]
    assert 20 <= len(only_shown) <= 90
    group = next(group for group in TINY2.groups if group.name == "words_puzzles_shown")
    one = replace(TINY2, stages=(Stage((replace(group, tasks={"puzzle/sudoku_n4_12": 1.0}, batch=40),)),))
    tokenizer, kept_out = tokenizers["tiny2"], {sample.turns[1].text for sample in only_shown}
    _, batch = Batches(tokenizer, 0, one)[0]
    texts = [tokenizer.decode(row.tolist(), skip_special_tokens=False) for row in batch.ids]
    solved = {part for text in texts for part in text.split("<|user|>")[2:3]}
    assert len(solved) > 20 and not solved & kept_out


def test_the_rows_of_the_second_generation_vary_in_what_its_card_says(tokenizers: dict[str, Tokenizer]) -> None:
    trained = {one.tasks[0]: one for one in CARDS["tiny2"].trained}
    for number, stage in enumerate(TINY2.stages):
        for group in stage.mixture:
            names = {load_task(name).name.split("/")[0] for name in group.tasks}
            known = trained[{"waiting_line": "waiting_line/*", "list_ops": "list_ops/*"}.get(*names, "puzzle/latin_square_n4")]
            assert set(group.shots) <= {0, 1}, (number, group.name)
            for key, values in group.options.items():
                assert set(values) <= set(known.options[key])
            for task in map(load_task, group.tasks):
                assert not differences(known, task, 0), (number, group.name)
    lengths = {length for name in TINY2.tasks if "puzzle" not in name for length in load_task(name).lengths}  # type: ignore[attr-defined]
    assert lengths == set(range(2, 21))
    assert {order for group in TINY2.groups for order in group.orders} == set(ORDERS)


def test_every_name_and_noun_of_the_second_generation_is_one_token(tokenizers: dict[str, Tokenizer]) -> None:
    first, last = wide_names()
    for words in (first, [f" {name}" for name in last], nouns()):
        assert [word for word in words if len(tokenizers["tiny2"].encode(word).ids) != 1] == []
