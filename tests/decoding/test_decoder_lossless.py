"""FreeDave, SSD and LoPA: what self-speculation writes is what its base decoder writes, token by token."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from decoding_fakes import MASK, Fake, Law, certain, generate, noisy, orders, prompt
from hypothesis import given, settings
from hypothesis import strategies as st

from parallelbench.contracts.denoiser import Denoiser
from parallelbench.decoding import Decoder, load_decoder, make_prompt
from parallelbench.decoding.state import Write
from parallelbench.doctor.decoders import worlds
from parallelbench.doctor.shuffle import shuffle_share
from parallelbench.models import load_model
from parallelbench.schema import Generation, Prompt
from parallelbench.tasks import load_task

RIGHT = certain(np.linspace(0.9, 0.4, 12).tolist())
"""Nothing that is committed changes a candidate, so every draft is right."""
FRAMES = st.lists(st.sampled_from([MASK, MASK, MASK, 4]), min_size=1, max_size=14).filter(lambda canvas: MASK in canvas)
AXES = ("", ",block=4", ",temperature=1.0,top_p=0.9", ",temperature=0.7,block=3", ",ties=random", ",ties=random,block=5")
PAIRS = (
    ("one_by_one:ties=first", "freedave:drafts=1"),
    ("one_by_one:ties=first", "freedave:drafts=4"),
    ("one_by_one:ties=first", "freedave:drafts=64"),
    ("threshold:gamma=0.25", "freedave:drafts=5,gamma=0.25"),
    ("threshold:gamma=0.6", "freedave:drafts=3,gamma=0.6"),
    ("one_by_one:ties=first", "ssd:drafts=0"),
    ("one_by_one:ties=first", "ssd:drafts=4,width=1"),
    ("one_by_one:ties=first", "ssd:drafts=3,width=2"),
    ("one_by_one:ties=first", "ssd:drafts=3,width=3"),
)


def writes(done: Generation) -> list[Write]:
    """Every write in order, whatever forward it followed."""
    return [write for step in done.ledger.history for write in step]


def with_axes(spec: str, axes: str) -> Decoder:
    """The decoder with common keys of the axes, which win over its own."""
    return load_decoder((spec.replace("ties=first", "") if "ties" in axes else spec) + axes)


@pytest.mark.parametrize("axes", AXES)
@pytest.mark.parametrize(("careful", "fast"), PAIRS)
@settings(max_examples=5, deadline=None)
@given(canvases=st.lists(FRAMES, min_size=1, max_size=3), scale=st.sampled_from([0.0, 0.3, 2.0]), seed=st.integers(0, 3))
def test_the_same_tokens_in_the_same_order_with_the_same_confidence(
    careful: str, fast: str, axes: str, canvases: list[list[int]], scale: float, seed: int
) -> None:
    prompts = [prompt(canvas, index=index) for index, canvas in enumerate(canvases)]
    slow = generate(Fake(noisy(scale)), prompts, with_axes(careful, axes), seed=seed)
    quick = generate(Fake(noisy(scale)), prompts, with_axes(fast, axes), seed=seed)
    for one, other in zip(slow, quick, strict=True):
        assert writes(one) == writes(other)
        assert len(other.ledger.history) <= len(one.ledger.history)


@pytest.mark.parametrize(("careful", "fast"), PAIRS[1:4:2] + PAIRS[-2:-1])
@pytest.mark.parametrize("axes", [",ties=first", ",ties=first,temperature=1.0", ",ties=first,block=6"])
def test_the_same_on_every_law_of_the_exact_model(careful: str, fast: str, axes: str) -> None:
    for world in worlds():
        tasks = [load_task(spec) for spec in world.tasks]
        prompts = [make_prompt(world.model, task.sample(0, 0), -(-task.max_new_tokens // 6) * 6) for task in tasks]
        slow, quick = (generate(world.model, prompts, with_axes(spec, axes), 64) for spec in (careful, fast))
        assert [writes(done) for done in slow] == [writes(done) for done in quick]
        forwards = [sum(len(done.ledger.history) for done in run) for run in (quick, slow)]
        assert forwards[0] < forwards[1] if careful.startswith("one_by_one") else forwards[0] <= forwards[1]


def test_the_same_on_a_random_llama(random_model: Denoiser, llama_prompts: list[Prompt]) -> None:
    slow = generate(random_model, llama_prompts, "one_by_one")
    for fast in ("freedave:drafts=4", "ssd:drafts=3"):
        quick = generate(random_model, llama_prompts, fast)
        assert [done.token_ids for done in slow] == [done.token_ids for done in quick]


@pytest.fixture
def llama_prompts(random_model: Denoiser) -> list[Prompt]:
    task = load_task("waiting_line/copy:shots=0")
    return [make_prompt(random_model, task.sample(0, index), 10) for index in range(6)]


def test_independent_positions_take_as_few_forwards_as_there_are_drafts() -> None:
    """Nothing depends on anything, so every draft is right: the first forward and one for each further `drafts` tokens."""
    model = Fake(certain([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.95, 0.85, 0.75]))
    for drafts, forwards in ((1, 9), (2, 5), (4, 3), (8, 2), (9, 2)):
        (done,) = generate(model, [prompt(9)], f"freedave:drafts={drafts}")
        assert sum(done.ledger.nfe.values()) == forwards
        assert done.ledger.nfe.get("verify", 0) == forwards - 1
        rows = 1 + sum(min(drafts, left) for left in range(8, 0, -drafts))
        assert done.ledger.rows == rows
        assert [at for step in orders(done) for at in step] == [6, 0, 7, 1, 8, 2, 3, 4, 5]


def test_a_wider_tree_has_more_rows_and_never_more_forwards() -> None:
    """Filling position 0 swaps the next two: the chain guessed their order wrong, the tree has both."""

    def law(asked, canvas, position):
        order = [0.9, 0.8, 0.7, 0.6, 0.5] if canvas[0] == MASK else [0.9, 0.7, 0.8, 0.6, 0.5]
        return certain(order)(asked, canvas, position)

    (chain,), (tree,) = (generate(Fake(law), [prompt(5)], f"ssd:drafts=3,width={width}") for width in (1, 2))
    assert writes(chain) == writes(tree) and [at for at, *_ in writes(tree)] == [0, 2, 1, 3, 4]
    assert (sum(chain.ledger.nfe.values()), chain.ledger.rows) == (3, 1 + 4 + 3)
    assert (sum(tree.ledger.nfe.values()), tree.ledger.rows) == (2, 1 + 7)


def test_lopa_commits_the_anchor_and_keeps_the_branch_that_is_most_confident_of_the_rest() -> None:
    """Position 3 makes the rest certain; the look-ahead finds it although position 1 is more confident."""

    def law(asked, canvas, position):
        rest = 0.99 if canvas[3] != MASK else 0.4
        return certain([0.95, 0.6, 0.5, 0.55, 0.3] if canvas[0] == MASK else [0.95, 0.6, rest, 0.55, rest])(
            asked, canvas, position
        )

    (done,) = generate(Fake(law), [prompt(5)], "lopa:gamma=0.9,branches=2")
    assert orders(done)[:2] == [[0], [3, 2, 4]]
    (alone,) = generate(Fake(law), [prompt(5)], "threshold:gamma=0.9")
    assert orders(alone)[:2] == [[0], [1]]
    assert done.ledger.nfe == {"denoise": 3} and done.ledger.rows == 1 + 3 + 2


def test_lopa_with_one_branch_at_gamma_zero_is_all_at_once() -> None:
    (done,), (alone,) = (generate(Fake(noisy()), [prompt(8)], spec) for spec in ("lopa:gamma=0.0", "all_at_once"))
    assert done.token_ids == alone.token_ids and done.ledger.nfe == {"denoise": 1}


def test_lopa_of_the_authors_prefers_a_branch_that_fills_its_block_and_goes_on_from_it() -> None:
    model = Fake(certain([0.95, 0.6, 0.8, 0.7]))
    (paper,), (authors,) = (generate(model, [prompt(4)], f"lopa:block=2{more}") for more in ("", ",compat=authors"))
    assert orders(paper) == [[0], [1], [2], [3]] and orders(authors) == [[0], [1, 2], [3]]


def test_lopa_that_scores_branches_by_what_they_added_never_leaves_the_anchor() -> None:
    for spec in ("created=1.0", "created=1.0,order=entropy", "created=1.0,lowest=0.5"):
        (done,), (plain,) = (
            generate(Fake(noisy()), [prompt(9)], one) for one in (f"lopa:gamma=0.4,{spec}", "threshold:gamma=0.4")
        )
        assert done.token_ids == plain.token_ids and list(map(sorted, orders(done))) == list(map(sorted, orders(plain)))


def test_lopa_averages_the_lowest_part() -> None:
    """Position 2 makes one of the other two certain and the last doubtful; the mean likes that, the lowest half does not."""

    def law(asked, canvas, position):
        rest = [0.95, 0.5, 0.45, 0.99 if canvas[2] != MASK else 0.4, 0.2 if canvas[2] != MASK else 0.35]
        return certain(rest)(asked, canvas, position)

    first = [orders(generate(Fake(law), [prompt(5)], f"lopa:branches=2{more}")[0])[1][0] for more in ("", ",lowest=0.5")]
    assert first == [2, 1]


@pytest.mark.parametrize("law", [RIGHT, noisy()], ids=["right drafts", "wrong drafts"])
@pytest.mark.parametrize("drafts", [4, 8])
def test_freedave_of_the_authors_spends_a_forward_at_each_block(drafts: int, law: Law) -> None:
    done, authors, slow = (
        generate(Fake(law), [prompt(12)], f"{spec},block=3")[0]
        for spec in (f"freedave:drafts={drafts}", f"freedave:drafts={drafts},compat=authors", "one_by_one:ties=first")
    )
    assert done.token_ids == authors.token_ids == slow.token_ids
    ours, theirs = sum(done.ledger.nfe.values()), sum(authors.ledger.nfe.values())
    assert ours <= theirs <= slow.ledger.nfe["denoise"] + 4
    assert ours < theirs or law is not RIGHT


def test_freedave_plus_plus_goes_to_a_draft_that_the_target_contains() -> None:
    """At draft 0 two candidates pass; draft 1 holds one of them, and shows that the other is not so sure after all."""

    def law(asked, canvas, position):
        after_0 = [0.95, 0.92, 0.91, 0.3] if canvas[1] == MASK else [0.95, 0.92, 0.5, 0.6]
        return certain([0.95, 0.5, 0.4, 0.3] if canvas[0] == MASK else after_0)(asked, canvas, position)

    ours, theirs = (
        generate(Fake(law), [prompt(4)], f"freedave:drafts=2,gamma=0.9{more}")[0] for more in ("", ",compat=authors")
    )
    assert orders(ours) == [[0], [1, 2], [3]] and orders(theirs) == [[0], [1, 3], [2]]


def test_speed_without_loss_on_shuffle() -> None:
    share = shuffle_share(load_decoder("freedave:drafts=4"))
    assert share.right == 400 and 3.0 < share.forwards < 4.0
    branched = shuffle_share(load_decoder("lopa:gamma=0.9"))
    assert branched.right == 400 and branched.forwards < share.forwards


@pytest.mark.parametrize(("spec", "least"), [("freedave:drafts=2", 1.7), ("freedave:drafts=8", 3.5), ("ssd:drafts=3", 3.0)])
def test_positions_that_tie_are_drafted_in_the_order_in_which_they_are_committed(spec: str, least: float) -> None:
    """On Copy the exact model is certain of every token, so all positions tie and every draft is right."""
    exact, task = load_model("exact"), load_task("list_ops/copy:lengths=8,max_new_tokens=32")
    asked = [make_prompt(exact, task.sample(0, index, 0), 32) for index in range(4)]
    assert all(sum(one.ledger.nfe.values()) * least <= 32 for one in generate(exact, asked, spec))


def up_to_the_block(asked: Prompt, canvas: npt.NDArray[np.int64], position: int) -> npt.ArrayLike:
    """What a block-causal model says: nothing behind the block of 4, counted from the prompt's start, matters."""
    end = (len(asked.ids) + position) // 4 * 4 + 4 - len(asked.ids)
    return noisy()(asked, canvas[:end], position)


@pytest.mark.parametrize("ids", [(3,) * length for length in range(4, 8)], ids=len)
@pytest.mark.parametrize(("careful", "fast"), PAIRS[1:2] + PAIRS[4:5] + PAIRS[7:8])
def test_the_same_where_the_prompt_ends_within_a_block(careful: str, fast: str, ids: tuple[int, ...]) -> None:
    prompts = [prompt(12, ids, index) for index in range(20)]
    models = (Fake(up_to_the_block, attention="block_causal", block=4) for _ in range(2))
    slow, quick = (generate(model, prompts, spec) for model, spec in zip(models, (careful, fast), strict=True))
    assert [writes(one) for one in slow] == [writes(other) for other in quick]
