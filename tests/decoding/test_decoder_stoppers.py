"""Prophet, SchED and end-of-text truncation: when they stop, what they fill, and what a frame changes."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from decoding_fakes import END, MASK, VOCABULARY, Fake, Law, certain, generate, noisy, orders, prompt

from parallelbench.decoding import load_decoder
from parallelbench.decoding.decoders.prophet import Prophet
from parallelbench.decoding.decoders.sched import SchED
from parallelbench.errors import UserError
from parallelbench.schema import Prompt


def lead(c: float) -> float:
    """Of the first logit over the second where c is shared with nine others."""
    return math.log(c / ((1 - c) / (VOCABULARY - 2)))


def filled_is_sure(open_lead: float) -> Law:
    """Every open position has this lead, falling by .001 a place; every filled one a lead of 10."""

    def law(asked: Prompt, canvas: npt.NDArray[np.int64], position: int) -> npt.ArrayLike:
        scores = np.zeros(VOCABULARY)
        if canvas[position] != MASK:
            scores[canvas[position]] = 10.0
        else:
            scores[5] = open_lead - 0.001 * position
        return scores

    return law


def steps_of(spec: str, law: Law, canvas: int | list[int]) -> list[int]:
    (done,) = generate(Fake(law), [prompt(canvas)], spec)
    return [len(step) for step in orders(done)]


def test_the_rest_is_committed_once_the_mean_lead_reaches_the_bar() -> None:
    confidences = [0.9, 0.8, 0.7, 0.6]
    mean = sum(map(lead, confidences)) / 4
    for spec in ("prophet:high={0},middle={0},low={0}", "sched:high={0},low={0},over=region,change=1.0"):
        assert steps_of(spec.format(mean - 1e-3), certain(confidences), 4) == [4]
        assert steps_of(spec.format(mean + 1e-3), certain(confidences), 4) == [1, 1, 1, 1]
        assert steps_of(spec.format(mean + 1e-3) + ",k=2", certain(confidences), 4) == [2, 2]


def test_filled_positions_count_for_prophet_and_not_for_sched() -> None:
    """Leads of 10 where filled and 1 where open: the mean over the region is 4 after three of nine, that over masks stays 1."""
    assert steps_of("prophet:high=3.9,middle=3.9,low=3.9", filled_is_sure(1.0), 9) == [1, 1, 1, 6]
    assert steps_of("sched:high=3.9,low=3.9,over=region", filled_is_sure(1.0), 9) == [1, 1, 1, 6]
    assert steps_of("sched:high=3.9,low=3.9", filled_is_sure(1.0), 9) == [1] * 9


def test_prophets_region_may_be_the_first_positions() -> None:
    """The first two of nine are sure after two steps, in the order of falling confidence; then all is filled."""
    assert steps_of("prophet:high=9.9,middle=9.9,low=9.9,region=2", filled_is_sure(1.0), 9) == [1, 1, 7]


def test_what_a_frame_gives_is_no_part_of_the_region() -> None:
    frame = [5, MASK, 5, MASK, 5, MASK, 5, MASK]
    flat = "high=4.0,middle=4.0,low=4.0"
    assert steps_of(f"prophet:{flat}", filled_is_sure(1.0), frame) == steps_of(f"prophet:{flat}", filled_is_sure(1.0), 4)


def test_an_exit_fills_all_blocks() -> None:
    assert steps_of("prophet:high=5.0,middle=5.0,low=5.0,block=4", filled_is_sure(1.0), 8) == [1, 1, 1, 1, 4]
    assert steps_of("prophet:high=0.0,middle=0.0,low=0.0,block=4", filled_is_sure(1.0), 8) == [8]
    assert steps_of("sched:high=0.0,low=0.0,block=4,k=2", filled_is_sure(1.0), 8) == [2, 6]


def test_sched_waits_until_no_open_candidate_changes() -> None:
    """The candidates of open positions alternate until four positions are filled."""

    def law(asked: Prompt, canvas: npt.NDArray[np.int64], position: int) -> npt.ArrayLike:
        filled = int((canvas != MASK).sum())
        scores = np.zeros(VOCABULARY)
        scores[5 + (filled % 2 if filled < 4 else 0)] = 5.0 - 0.1 * position
        return scores

    flat = "sched:high=1.0,low=1.0"
    assert steps_of(flat, law, 8) == [1, 1, 1, 1, 1, 3], "the sixth step is the first that sees no change"
    assert steps_of(f"{flat},change=1.0", law, 8) == [8]


def test_bars() -> None:
    prophet = Prophet()
    assert [prophet.bar(step, 100) for step in (1, 32, 33, 66, 67, 100)] == [7.5, 7.5, 5.0, 5.0, 2.5, 2.5]
    assert [SchED(high=8.0, low=2.0, schedule="linear").bar(step, 5) for step in (1, 3, 5)] == [8.0, 5.0, 2.0]
    assert np.allclose([SchED(high=8.0, low=2.0).bar(step, 7) for step in (1, 3, 4, 7)], [8.0, 6.5, 5.0, 2.0])
    exponential = SchED(high=8.0, low=2.0, schedule="exponential", rate=2.0)
    assert np.allclose([exponential.bar(step, 3) for step in (1, 2)], [8.0, 2.0 + 6.0 / math.e])
    assert SchED(high=8.0, low=2.0).bar(1, 1) == 2.0
    with pytest.raises(UserError, match="give a lower one"):
        load_decoder("sched:high=1.0,low=2.0")


def ends_at(place: int) -> Law:
    """5 before `place`, the end token there, and doubt behind it; the surer the earlier."""

    def law(asked: Prompt, canvas: npt.NDArray[np.int64], position: int) -> npt.ArrayLike:
        scores = np.zeros(VOCABULARY)
        scores[5 if position < place else END if position == place else 7] = 9.0 - 0.1 * position
        return scores

    return law


def test_behind_the_end_nothing_is_looked_at() -> None:
    (done,) = generate(Fake(ends_at(2)), [prompt(10)], "end_of_text:base=left_to_right:k=1")
    assert done.token_ids == (5, 5, *[END] * 8) and done.ledger.nfe == {"denoise": 3}
    (plain,) = generate(Fake(ends_at(2)), [prompt(10)], "left_to_right:k=1")
    assert plain.ledger.nfe == {"denoise": 10} and plain.token_ids[:3] == done.token_ids[:3] and plain.token_ids[3] == 7


def test_an_end_before_an_open_place_does_not_stop() -> None:
    def law(asked: Prompt, canvas: npt.NDArray[np.int64], position: int) -> npt.ArrayLike:
        scores = np.zeros(VOCABULARY)
        scores[END if position == 4 else 5] = 9.0 if position == 4 else 1.0 - 0.1 * position
        return scores

    (done,) = generate(Fake(law), [prompt(8)], "end_of_text:base=confidence:k=1")
    assert orders(done)[0] == [4] and orders(done)[-1] == [3, 5, 6, 7]
    assert done.token_ids == (5, 5, 5, 5, END, END, END, END) and done.ledger.nfe == {"denoise": 5}


def test_a_frame_that_goes_on_behind_an_end_is_no_end() -> None:
    (done,) = generate(Fake(ends_at(1)), [prompt([MASK, MASK, MASK, 4, MASK, MASK])], "end_of_text:base=left_to_right:k=1")
    assert done.token_ids == (5, END, 7, 4, 7, 7) and done.ledger.nfe == {"denoise": 5}
    (done,) = generate(Fake(ends_at(4)), [prompt([MASK, 3, MASK, 4, MASK, MASK, MASK])], "end_of_text:base=left_to_right:k=1")
    assert done.token_ids == (5, 3, 5, 4, END, END, END) and done.ledger.nfe == {"denoise": 3}


def test_truncation_changes_nothing_before_the_end() -> None:
    for base in ("threshold:gamma=0.3", "confidence:k=2", "random:k=3", "dus"):
        prompts = [prompt(12, index=index) for index in range(20)]
        pairs = zip(
            generate(Fake(noisy()), prompts, f"end_of_text:base={base}"), generate(Fake(noisy()), prompts, base), strict=True
        )
        for stopped, plain in pairs:
            assert stopped.content_tokens == plain.content_tokens
            assert stopped.token_ids[: stopped.content_tokens] == plain.token_ids[: plain.content_tokens]
            assert sum(stopped.ledger.nfe.values()) <= sum(plain.ledger.nfe.values())


def test_common_keys_reach_the_base() -> None:
    prompts = [prompt(8, index=index) for index in range(10)]
    inner = generate(Fake(noisy()), prompts, "confidence:k=2,block=4,temperature=1.0")
    outer = generate(Fake(noisy()), prompts, "end_of_text:base=confidence:k=2,block=4,temperature=1.0")
    assert [orders(one)[0] for one in inner] == [orders(one)[0] for one in outer]


@pytest.mark.parametrize(("base", "words"), [
    ("rcr", "revises tokens"), ("thresold", "did you mean 'threshold'"),
    ("confidence:temperature=1.0", "write temperature after a comma"), ("all_at_once:block=4", "write block after a comma"),
])  # fmt: skip
def test_a_base_that_cannot_be_stopped_is_refused(base: str, words: str) -> None:
    with pytest.raises(UserError, match=words):
        load_decoder(f"end_of_text:base={base}")


def test_a_base_is_named_in_full_and_takes_its_keys_from_semicolons() -> None:
    assert load_decoder("end_of_text").spec == load_decoder("end_of_text:base=threshold:gamma=0.9").spec
    several = load_decoder("end_of_text:base=slowfast:high=0.7;low=0.1,block=4")
    assert "high=0.7" in several.spec and "low=0.1" in several.spec and several.spec.endswith(",block=4")
    assert load_decoder(several.spec) == several


def test_a_base_that_is_a_file_is_named_by_what_it_holds(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    names = []
    for k in (1, 2):
        file.write_text(
            "from parallelbench.decoding.decoders.classic import TopK\n"
            "class Mine(TopK):\n    family = 'mine'\n"
            f"    def score(self, signals, state):\n        return {k} * signals.confidence\n"
        )
        names.append(load_decoder(f"end_of_text:base={file}:Mine").spec)
    assert names[0] != names[1] and all("mine.py/Mine@" in name for name in names)
