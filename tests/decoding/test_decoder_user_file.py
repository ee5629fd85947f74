"""A decoder from a user's own file, adapters for code that exists already, and the page that is made from the registry."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from decoding_fakes import MASK, Fake, certain, generate, noisy, orders, prompt

from parallelbench.cli import invoke
from parallelbench.decoding import load_decoder, load_decoders
from parallelbench.decoding.adapters import InPlaceDecoder, ReferenceScorer, SchedulerLoop
from parallelbench.doctor.decoders import check_decoder
from parallelbench.errors import UserError
from parallelbench.experiments.cell import make_cell
from parallelbench.models.cards import CARDS
from parallelbench.tasks import load_task

DOCS = Path(__file__).parents[2] / "docs"
MINE = '''
from parallelbench.decoding import RankingDecoder
from parallelbench.decoding.quota import Threshold


class MyDecoder(RankingDecoder):
    """Confident positions, earlier ones first."""

    alpha: float = 0.01

    def score(self, signals, state):
        return signals.confidence - self.alpha * signals.positions

    def quota(self):
        return Threshold(0.9)
'''
BROKEN = '''
from parallelbench.decoding import StepDecoder


class Quitter(StepDecoder):
    """Writes the same token everywhere and leaves the last mask."""

    def step(self, signals, state, memory):
        state.write(signals.positions, 5)


class Half(StepDecoder):
    """Has no step."""
'''


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    path = tmp_path / "mine.py"
    path.write_text(MINE, encoding="utf-8")
    return path


def test_a_file_of_your_own_is_a_decoder(mine: Path) -> None:
    first, second = load_decoders(f"{mine}:MyDecoder:alpha=[0.5,0.1],block=4")
    name, _, found = first.family.partition("@")
    assert name == "mine.py/MyDecoder" and len(found) == 12
    assert first.spec == f"{first.family}:alpha=0.5,block=4" and second.alpha == 0.1
    (done,) = generate(Fake(certain([0.5, 0.6, 0.7, 0.8])), [prompt(4)], load_decoder(f"{mine}:MyDecoder:alpha=1"))
    assert orders(done) == [[0], [1], [2], [3]]
    assert load_decoder(f"{mine}") == load_decoder(f"{mine}:MyDecoder"), "the only one of a file needs no name"


def test_a_changed_file_is_another_cell(mine: Path) -> None:
    task, info = load_task("waiting_line/copy"), Fake(noisy()).info
    before = make_cell(info, task, load_decoder(f"{mine}:MyDecoder"), 0)
    assert make_cell(info, task, load_decoder(f"{mine}:MyDecoder"), 0).id == before.id
    mine.write_text(MINE.replace("0.9", "0.8"), encoding="utf-8")
    after = load_decoder(f"{mine}:MyDecoder")
    assert make_cell(info, task, after, 0).id != before.id and after.quota().gamma == 0.8  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("text", "spec", "said"),
    [
        (None, "{path}:MyDecoder", "there is no file"),
        (MINE, "{path}:MyDecode", "did you mean 'MyDecoder'"),
        (MINE, "{path}:MyDecoder:alhpa=1", "did you mean 'alpha'"),
        (MINE, "{path}:MyDecoder:alpha", "is not key=value"),
        (MINE, "{path}:MyDecoder:alpha=much", "'alpha' is 'much'"),
        (BROKEN, "{path}:Half", "lacks step; write it"),
        (BROKEN, "{path}", "holds 2 decoders; say which one"),
        ("x = 1\ny = (\n", "{path}:X", "line 2, raises SyntaxError"),
        ("import json\nimport there_is_no_such_thing\n", "{path}:X", "line 2, raises ModuleNotFoundError"),
        ("\n\nprint(unknown_name)\n", "{path}:X", "line 3, raises NameError"),
        ("x = 1\n", "{path}:X", "no decoder 'X'"),
    ],
)
def test_mistakes_are_one_sentence(tmp_path: Path, text: str | None, spec: str, said: str) -> None:
    path = tmp_path / "own.py"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError) as raised:
        load_decoders(spec.format(path=path))
    assert said in str(raised.value) and "\n" not in str(raised.value)


def test_doctor_says_what_a_decoder_breaks(mine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["doctor", "decoder", f"{mine}:MyDecoder:alpha=0.3"]) == 0
    assert "keeps its contract" in capsys.readouterr().out
    mine.write_text(BROKEN, encoding="utf-8")
    assert invoke(["doctor", "decoder", f"{mine}:Quitter"]) == 1
    assert "one by one:" in capsys.readouterr().out
    assert invoke(["doctor", "decoder", f"{mine}:Half"]) == 2


def test_the_reference_s_scorer_ranks_as_the_decoder_of_that_name() -> None:
    class Margin(ReferenceScorer):
        family = "their_margin"

        def scorer(self, p, x0, x0_p):
            assert p.shape == (*x0.shape, 11) and torch.equal(p.gather(2, x0[..., None])[..., 0], x0_p)
            assert torch.allclose(p.sum(-1), torch.ones(p.shape[:2])) and not p[..., MASK].any()
            two = p.topk(2, dim=-1).values
            return two[..., 0] - two[..., 1]

    prompts = [prompt([MASK, MASK, 4, *[MASK] * 6], index=index) for index in range(3)]
    for pace in ({"k": 2}, {"steps": 3, "block": 3}):
        options = ",".join(f"{key}={value}" for key, value in pace.items())
        theirs, ours = generate(Fake(noisy()), prompts, Margin(**pace)), generate(Fake(noisy()), prompts, f"margin:{options}")
        assert [orders(done) for done in theirs] == [orders(done) for done in ours]
        assert [done.token_ids for done in theirs] == [done.token_ids for done in ours]


class Refinement:
    """A scheduler in the manner of diffusers: commit an even share of the block at each timestep, most confident first."""

    def __init__(self, timesteps: int) -> None:
        self.timesteps = range(timesteps, 0, -1)

    def step(self, logits, timestep, sample, *, mask_token_id):
        p, x0 = logits.softmax(-1).max(-1)
        masked = sample == mask_token_id
        count = -(-int(masked.sum()) // timestep)
        best = torch.where(masked, p, -1.0).topk(count).indices
        return SimpleNamespace(prev_sample=sample.scatter(1, best, x0.gather(1, best)))


@pytest.mark.parametrize("bare", [False, True])
def test_a_scheduler_of_diffusers_runs_its_own_loop(bare: bool) -> None:
    class Loop(SchedulerLoop):
        family = "their_loop"

        def scheduler(self, state):
            made = Refinement(2)
            if bare:
                step = made.step
                made.step = lambda *given, **named: (step(*given, **named).prev_sample,)
            return made

    prompts = [prompt([MASK, 3, *[MASK] * 6]), prompt(8, index=1)]
    theirs, ours = (
        generate(Fake(noisy()), prompts, Loop(block=4)),
        generate(Fake(noisy()), prompts, "confidence:steps=4,block=4"),
    )
    assert [done.token_ids for done in theirs] == [done.token_ids for done in ours]
    assert all(done.ledger.nfe == {"denoise": 4} and done.ledger.flags == () for done in theirs)


def test_a_decoder_of_dinfer_writes_into_its_block() -> None:
    class Threshold(InPlaceDecoder):
        family = "their_threshold"
        gamma: float = 0.3

        def decode(self, logits, start, end, x):
            p, x0 = logits.softmax(-1).max(-1)
            masked = x[:, start:end] == MASK
            p = torch.where(masked, p, -1.0)
            take = p >= min(self.gamma, float(p.max()))
            x[:, start:end] = torch.where(take & masked, x0, x[:, start:end])

    prompts = [prompt([MASK, 3, *[MASK] * 6], ids=(3, 4, 5)), prompt(8, index=1)]
    for block in (None, 4):
        theirs = generate(Fake(noisy()), prompts, Threshold(block=block))
        ours = generate(Fake(noisy()), prompts, load_decoder("threshold:gamma=0.3").model_copy(update={"block": block}))
        assert [done.token_ids for done in theirs] == [done.token_ids for done in ours]
        assert [list(map(sorted, orders(done))) for done in theirs] == [list(map(sorted, orders(done))) for done in ours]
        assert np.isfinite([sure for done in theirs for step in done.ledger.history for _, _, sure, _ in step]).all()


def test_the_page_of_decoders_is_current() -> None:
    made = runpy.run_path(str(DOCS / "decoders.py"))["page"]()
    assert (DOCS / "decoders.md").read_text(encoding="utf-8") == made, "run `make docs`"
    assert MINE.strip() in made


def test_the_page_says_truly_which_models_offer_what() -> None:
    """Shadows stand nowhere in a model that reads a position off the one before it."""
    shifted = {name.partition("-")[0] for name, card in CARDS.items() if card.shift}
    assert shifted == {"dream", "diffucoder"}
    assert {name for name, card in CARDS.items() if "edit" in card.offers} == {"llada2.1-mini"}
    assert {card.attention for card in CARDS.values()} == {"full", "block_causal"}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("return signals.confidence[:-1]", r"shape \(\d+,\) for \d+ positions"),
        ("return signals.confidence * float('nan')", "NaN, which has no rank"),
        ("return ['high'] * len(signals.positions)", "which are no numbers"),
        ("return 1 / 0", r"mine.py, line \d+, raises ZeroDivisionError"),
    ],
)
def test_doctor_names_what_a_score_does_wrong(tmp_path: Path, body: str, said: str) -> None:
    path = tmp_path / "mine.py"
    path.write_text(MINE.replace("return signals.confidence - self.alpha * signals.positions", body), encoding="utf-8")
    (fault,) = check_decoder(load_decoder(f"{path}:MyDecoder"))
    assert re.search(said, fault)


@pytest.mark.parametrize(
    ("quota", "said"),
    [
        ("Fixed(0)", "k=0, which commits nothing"),  # fault 61
        ("Fixed(-3)", "k=-3, which commits nothing"),
        ("Schedule(0)", "steps=0, which commits nothing"),
        ("Odd(-1)", "says -1 positions"),
        ("Odd(1.5)", "says 1.5 positions"),
        ("Odd(float('nan'))", "says nan positions"),
        ("Odd('two')", "says 'two' positions"),
        ("Odd(None)", "says None positions"),
    ],
)
def test_doctor_names_what_a_quota_does_wrong(tmp_path: Path, quota: str, said: str) -> None:
    path = tmp_path / "mine.py"
    odd = """
from parallelbench.decoding.quota import Fixed, Quota, Schedule


class Odd(Quota):
    def __init__(self, said):
        self.said = said

    def count(self, confidences, state):
        return self.said


"""
    body = MINE.replace("return Threshold(0.9)", f"return {quota}")
    assert quota in body
    path.write_text(odd + body, encoding="utf-8")
    (fault,) = check_decoder(load_decoder(f"{path}:MyDecoder"))
    assert said in fault


def test_whatever_a_file_raises_is_its_authors_to_mend(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text("x = 1 / 0\n", encoding="utf-8")
    with pytest.raises(UserError, match="line 1, raises ZeroDivisionError"):
        load_decoder(f"{path}:MyDecoder")
