"""PUNT, DAPD, DAWN, CLAD and APD: what each calls dependent, and what it then does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
import torch
from decoding_fakes import MASK, VOCABULARY, Fake, certain, generate, noisy, orders, prompt
from hypothesis import given, settings
from hypothesis import strategies as st

from parallelbench.contracts.forward import ForwardBatch, ForwardOutput
from parallelbench.decoding import load_decoder
from parallelbench.decoding.decoders.clad import conflicts
from parallelbench.decoding.decoders.dapd import dependence, independent
from parallelbench.decoding.load import caution, check_compatibility
from parallelbench.doctor.shuffle import shuffle_share
from parallelbench.errors import UserError

CONFIDENCES = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4]


class Watched(Fake):
    """Attends as a matrix says: from canvas position to canvas position, nothing to the prompt."""

    def __init__(self, law, matrix: npt.ArrayLike) -> None:
        super().__init__(law, offers=frozenset({"attention"}))
        self.matrix = np.asarray(matrix, dtype=np.float32)

    def forward(self, batch: ForwardBatch) -> ForwardOutput:
        found = torch.zeros(len(batch.rows), batch.ids.shape[1])
        for at, (row, column) in enumerate(zip(batch.rows, batch.columns, strict=True)):
            start = len(batch.prompts[row].ids)
            found[at, start : start + len(self.matrix)] = torch.from_numpy(self.matrix[column - start])
        return replace(super().forward(batch), attention=found if batch.attention is not None else None)


def pairs(size: int, *tied: tuple[int, int], weight: float = 0.5) -> npt.NDArray[np.float64]:
    """Attention in both directions between these positions, and a little everywhere."""
    matrix = np.full((size, size), 0.001)
    for i, j in tied:
        matrix[i, j] = matrix[j, i] = weight
    return matrix


def groups(*tied: tuple[int, ...]):
    """A law in which showing one position of a group turns the others round: they prefer another token."""

    def law(asked, canvas, position):
        mates = next((group for group in tied if position in group), ())
        shown = any(canvas[mate] != MASK for mate in mates if mate != position)
        return certain(CONFIDENCES, token=7 if shown else 5)(asked, canvas, position)

    return law


def test_punt_commits_the_most_confident_of_each_group() -> None:
    (done,) = generate(Fake(groups((0, 1), (2, 4))), [prompt(6)], "punt:epsilon=0.1")
    kept = [sorted(step) for step in orders(done) if step]
    assert kept[0] == [0, 2, 3, 5] and kept[1] == [1, 4]
    assert done.token_ids == (5, 7, 5, 5, 7, 5)
    assert done.ledger.nfe == {"denoise": 2, "probe": 3 + 1} and done.ledger.rows == 6


def test_punt_asks_nothing_of_one_position_and_log_many_of_independent_ones() -> None:
    for size in range(1, 7):
        (done,) = generate(Fake(certain(CONFIDENCES)), [prompt(size)], "punt")
        assert done.ledger.nfe == ({"denoise": 1, "probe": (size - 1).bit_length()} if size > 1 else {"denoise": 1})
        assert orders(done)[-1] == list(range(size))


@settings(max_examples=30, deadline=None)
@given(canvas=st.lists(st.sampled_from([MASK, MASK, 3]), min_size=1, max_size=12).filter(lambda c: MASK in c))
def test_punt_at_epsilon_zero_commits_one_by_one_where_everything_depends_on_everything(canvas: list[int]) -> None:
    (done,), (slow,) = (generate(Fake(noisy()), [prompt(canvas)], spec) for spec in ("punt:epsilon=0.0", "one_by_one"))
    assert [step for step in orders(done) if step] == orders(slow) and done.token_ids == slow.token_ids
    assert done.ledger.flags == ()


def test_punt_never_collides_on_shuffle() -> None:
    share = shuffle_share(load_decoder("punt"))
    assert (share.right, share.forwards) == (400, 9.0)  # 3 + 3 + 2 + 1


def test_dependence_is_symmetric_and_tau_is_relative_to_each_row() -> None:
    attention = np.array([[0.5, 0.2, 0.0], [0.4, 0.5, 0.01], [0.0, 0.03, 0.5]], dtype=np.float32)
    d = dependence(attention)
    assert np.allclose(d, [[0, 0.3, 0], [0.3, 0, 0.02], [0, 0.02, 0]])
    order = np.arange(3)
    assert independent(order, d, 0.05) == [0, 2]  # 1 depends on 0; 2 on 1 only, which is not taken
    assert independent(order[::-1], d, 0.05) == [2, 0]  # to itself 1 depends on 2 by .07 of its largest
    assert independent(order[::-1], d, 0.1) == [2, 1]
    assert independent(order, d, 1.0) == [0, 1, 2]


def test_dapd_commits_what_does_not_attend_to_each_other_and_loosens_with_progress() -> None:
    matrix = pairs(12, (0, 1), (2, 3))
    matrix[0, 2] = matrix[2, 0] = 0.2  # 2/5 of what 2 attends to 3
    model = Watched(certain([0.9, 0.3, 0.8, 0.3] + [0.5] * 8), matrix)
    (early,) = generate(model, [prompt(4)], "dapd:low=0.01,high=0.9,sure=1.0")
    assert orders(early)[0] == [0, 3]
    (late,) = generate(model, [prompt([MASK] * 4 + [5] * 8)], "dapd:low=0.01,high=0.9,sure=1.0")  # 2/3 done: tau = 0.6
    assert orders(late)[0] == [0, 2]


def test_dapd_variants_differ_in_when_confidence_suffices() -> None:
    model = Watched(certain([0.95, 0.95, 0.95, 0.5, 0.5, 0.5]), np.full((6, 6), 0.1))
    (staged,) = generate(model, [prompt(4)], "dapd:sure=0.4")
    assert [len(step) for step in orders(staged)] == [1, 1, 2]  # at half of the canvas confidence suffices
    (direct,) = generate(model, [prompt(4)], "dapd:variant=direct,sure=0.9")
    assert sorted(orders(direct)[0]) == [0, 1, 2, 3]  # the last one among those not sure
    (late,) = generate(model, [prompt([5, 5, 5, MASK, MASK, MASK])], "dapd:sure=0.4")
    assert sorted(orders(late)[0]) == [3, 4, 5]


def row_of(canvas: npt.NDArray[np.float64], *to_prompt: tuple[int, int], weight: float = 0.5) -> npt.NDArray[np.float64]:
    """Attention within a whole row, two prompt positions and then the canvas; some canvas positions look at the prompt."""
    whole = np.zeros((len(canvas) + 2, len(canvas) + 2))
    whole[2:, 2:] = canvas
    for position, target in to_prompt:
        whole[position + 2, target] = weight
    return whole


class Row(Fake):
    """Attends as a matrix over the whole row says; the confidences are those of the row, prompt first."""

    def __init__(self, confidences: Sequence[float], matrix: npt.NDArray[np.float64]) -> None:
        super().__init__(lambda asked, canvas, at: certain(confidences)(asked, canvas, at + 2), offers=frozenset({"attention"}))
        self.matrix = torch.from_numpy(matrix).float()

    def forward(self, batch: ForwardBatch) -> ForwardOutput:
        found = torch.zeros(len(batch.rows), batch.ids.shape[1])
        found[:, : len(self.matrix)] = self.matrix[batch.columns]
        return replace(super().forward(batch), attention=found)


def first_step(model: Fake, canvas: int, spec: str) -> list[int]:
    (done,) = generate(model, [prompt(canvas)], spec)
    return sorted(orders(done)[0])


def test_dawn_takes_the_confident_and_of_tied_candidates_the_first() -> None:
    model = Row([0.5, 0.5, 0.95, 0.76, 0.8, 0.78, 0.6, 0.77], row_of(pairs(6, (1, 0), (2, 3), weight=0.3)))
    (done,) = generate(model, [prompt(6)], "dawn:sink=1.0")
    assert [sorted(step) for step in orders(done)] == [[0, 1, 2, 5], [3], [4]]  # 1 depends on 0, which no anchor induces
    assert done.ledger.nfe == {"denoise": 3}
    assert first_step(model, 6, "dawn:sink=0.0") == [0, 1, 2, 3, 5]  # every column is a sink: nothing depends on anything


def test_dawn_takes_what_an_anchor_of_the_prompt_induces() -> None:
    matrix = row_of(pairs(3), (1, 0))
    assert first_step(Row([0.95, 0.5, 0.8, 0.72, 0.72], matrix), 3, "dawn:sink=1.0") == [0, 1]
    assert first_step(Row([0.85, 0.5, 0.8, 0.72, 0.72], matrix), 3, "dawn:sink=1.0") == [0]  # no anchor: not confident


def test_dawn_blocks_only_what_depends_on_a_mask_both_confident_and_induced() -> None:
    canvas = np.zeros((3, 3))
    canvas[1, 0] = canvas[0, 2] = 0.5  # 1 depends on 0, and 0 on 2
    confidences = [0.95, 0.5, 0.95, 0.8, 0.8]
    assert first_step(Row(confidences, row_of(canvas, (0, 0))), 3, "dawn:sink=1.0") == [0, 2]
    assert first_step(Row(confidences, row_of(canvas)), 3, "dawn:sink=1.0") == [0, 1, 2]


def test_dawn_judges_sinks_by_all_queries_the_prompt_among_them() -> None:
    canvas = np.zeros((3, 3))
    canvas[1, 0] = 0.5
    whole = row_of(canvas, (0, 0))
    confidences = [0.95, 0.5, 0.95, 0.8, 0.2]
    assert first_step(Row(confidences, whole), 3, "dawn:sink=0.15") == [0]  # mean .5 / 5 of column 0: an edge, so 1 is blocked
    whole[:2, 2] = 0.2  # the prompt looks at it as well: .9 / 5
    assert first_step(Row(confidences, whole), 3, "dawn:sink=0.15") == [0, 1]


def test_dawn_ends_where_no_candidate_is_left() -> None:
    """The published loop then overwrites the first position of the row."""
    model = Row([0.5, 0.5, 0.9, 0.3, 0.2], row_of(pairs(3)))
    (done,) = generate(model, [prompt([6, MASK, MASK])], "dawn")
    assert orders(done) == [[1], [2]] and done.token_ids[0] == 6


def test_clad_lets_the_shorter_of_two_related_clusters_wait() -> None:
    model = Watched(certain([0.95, 0.95, 0.2, 0.95, 0.1]), pairs(5, (1, 3)))
    (done,) = generate(model, [prompt(5)], "clad")
    assert [sorted(step) for step in orders(done)] == [[0, 1], [3], [2], [4]]
    (apart,) = generate(Watched(certain([0.95, 0.95, 0.2, 0.95, 0.1]), pairs(5)), [prompt(5)], "clad")
    assert sorted(orders(apart)[0]) == [0, 1, 3]


def test_clusters_conflict_only_where_each_is_the_others_closest() -> None:
    attention = np.full((4, 4), 0.01)
    attention[0, 1] = 0.5  # clusters 0 and 1 of four single positions
    assert conflicts(attention, np.arange(4), 1.0).tolist() == [False, True, False, False]
    attention[1, 2] = 0.6  # now 1 is closest to 2, and 0 is left alone
    assert conflicts(attention, np.arange(4), 1.0).tolist() == [False, False, True, False]
    assert conflicts(attention[:1, :1], np.zeros(1, dtype=np.int64), 1.0).tolist() == [False]
    assert conflicts(attention[:2, :2], np.arange(2), 0.51).tolist() == [False, False]


def test_apd_keeps_the_longest_prefix_on_which_both_models_agree() -> None:
    tokens = [5, 5, 5, 6, 5]

    def causal(asked, canvas, position):
        p = np.full(VOCABULARY, 1e-9)
        p[tokens[position]] = 1.0
        return np.log(p)

    main, aux = Fake(certain([0.6, 0.6, 0.6, 0.6, 0.6])), Fake(causal)
    (done,) = generate(main, [prompt(5)], "apd:weight=0.5", aux=aux)
    assert orders(done) == [[], [0, 1, 2], [], [3, 4]]  # position 3 opens a step, so it is kept whatever the other says
    assert done.ledger.nfe == {"denoise": 2, "aux": 2} and done.token_ids == (5, 5, 5, 5, 5)
    (deaf,) = generate(main, [prompt(5)], "apd:weight=0.999", aux=aux)
    assert orders(deaf) == [[], [0, 1, 2, 3, 4]]
    (short,) = generate(main, [prompt(5)], "apd:weight=0.999,ahead=2", aux=aux)
    assert orders(short) == [[], [0, 1], [], [2, 3], [], [4]]


def test_apd_reads_the_auxiliary_model_with_the_drafts_filled_in() -> None:
    main, aux = Fake(certain([0.9] * 4)), Fake(certain([0.9] * 4))
    generate(main, [prompt(4)], "apd", aux=aux)
    assert [batch.ids[0, 2:6].tolist() for batch in aux.batches] == [[5, 5, 5, 5]]


@pytest.mark.parametrize(("more", "expected"), [("", 0.9), (",compat=authors", 0.9986)])
def test_apd_drafts_at_its_temperature_and_the_authors_at_its_square(more: str, expected: float) -> None:
    """The first draft is always kept: token 5 has (1/2)^(1/T) against nine others of (1/18)^(1/T)."""
    alike = Fake(certain([0.5]))
    done = generate(alike, [prompt(1, index=at) for at in range(500)], f"apd:temperature=0.5{more}", 64, aux=alike)
    assert abs(np.mean([one.token_ids[0] == 5 for one in done]) - expected) < 4 * (expected * (1 - expected) / 500) ** 0.5


def test_apd_of_the_authors_compares_a_draw_with_the_most_probable_token() -> None:
    alike = Fake(certain([0.3] * 8))
    (done,) = generate(alike, [prompt(8)], "apd:temperature=1.0,compat=authors", aux=Fake(certain([0.3] * 8)))
    kept = [step for step in orders(done) if step]
    assert len(kept) > 1 and all(done.token_ids[at] == 5 for step in kept for at in step[1:])


def test_apd_shares_its_noise_so_that_equal_models_always_agree() -> None:
    (done,) = generate(Fake(certain([0.3] * 8)), [prompt(8)], "apd:temperature=1.0", aux=Fake(certain([0.3] * 8)))
    assert orders(done)[:2] == [[], list(range(8))] and len(set(done.token_ids)) > 1


@pytest.mark.parametrize("name", ["dapd", "dawn", "clad"])
def test_a_model_whose_attention_cannot_be_read_is_refused(name: str) -> None:
    with pytest.raises(UserError, match=f"{name}.* needs attention, which fake does not offer"):
        check_compatibility(Fake(noisy()).info, load_decoder(name), 8)


def test_apd_asks_for_an_auxiliary_model_and_edits_only_warn() -> None:
    info = Fake(noisy()).info
    with pytest.raises(UserError, match="--aux"):
        check_compatibility(info, load_decoder("apd"), 8)
    check_compatibility(info, load_decoder("joint_edit"), 8)
    assert "was not trained" in (caution(info, load_decoder("joint_edit")) or "")
