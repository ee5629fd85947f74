"""`run --distribution N`: what decoders do to the distribution of answers under the exact model, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from parallelbench import cli
from parallelbench.errors import UserError
from parallelbench.experiments.distribution import measure, strings_of
from parallelbench.experiments.model_pool import ModelPool
from parallelbench.experiments.plan import plan
from parallelbench.experiments.spec import Sweep
from parallelbench.tasks import load_task
from parallelbench.theory import law_of_sample

REMOVE = "list_ops/remove_random:lengths=[5],infill=true"
SHUFFLE = "list_ops/shuffle:lengths=[4],infill=true"


def drawn(capsys: pytest.CaptureFixture[str], task: str, decoder: str, answers: int = 600, **more: str) -> dict[str, Any]:
    options = [part for key, value in more.items() for part in (f"--{key}", value)]
    code = cli.invoke(["run", "-m", "exact", "-t", task, "-d", decoder, "--distribution", str(answers), "--json", *options])
    streams = capsys.readouterr()
    assert code == 0, streams.err
    (found,) = json.loads(streams.out.splitlines()[-1])["distributions"]
    return found


def test_a_random_order_samples_the_law_and_a_ranking_by_drawn_tokens_does_not(capsys: pytest.CaptureFixture[str]) -> None:
    faithful = drawn(capsys, REMOVE, "random:k=1,temperature=1")
    ranked = drawn(capsys, REMOVE, "confidence:k=1,temperature=1")
    assert faithful["valid"] == ranked["valid"] == 600 and faithful["right_answers"] == 5
    assert faithful["goodness"]["p"] > 1e-4 and ranked["goodness"]["p"] < 1e-20
    assert faithful["goodness"]["total_variation"] < 0.08 < 0.2 < ranked["goodness"]["total_variation"]
    assert faithful["nfe"] == 4.0


def test_wrong_answers_count_as_distance(capsys: pytest.CaptureFixture[str]) -> None:
    found = drawn(capsys, SHUFFLE, "all_at_once:temperature=1")
    wrong = 1 - found["valid"] / 600
    assert 0.84 < wrong < 0.95 and found["goodness"]["total_variation"] >= wrong
    assert found["goodness"]["p"] > 1e-4, "every right answer is equally likely, wrong ones aside"


def test_large_supports_are_compared_by_pairs_and_equal_seeds_draw_equal_answers(capsys: pytest.CaptureFixture[str]) -> None:
    task = "list_ops/shuffle:lengths=[9],infill=true"
    found = [drawn(capsys, task, "random:k=1,temperature=1", 60, seed=seed) for seed in ("1", "1", "2")]
    assert found[0]["goodness"]["compared"] == "pairs" and found[0]["goodness"]["p"] > 1e-4
    assert found[0]["distinct"] == 60 and found[0]["distinct_of_law"] == pytest.approx(60, abs=0.1)
    assert found[0] == found[1] != found[2]


def test_the_table_has_a_row_for_each_decoder(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["run", "-m", "exact", "-t", REMOVE, "--distribution", "40", "-d"]
    assert cli.invoke([*arguments, "random:k=1,temperature=1,left_to_right:k=1,temperature=1"]) == 0
    out = capsys.readouterr().out
    assert out.count("100.0 %") == 2 and "40 answers to one question" in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-m", "exact", "-t", SHUFFLE, "-d", "threshold"], "is at temperature 0, where all answers to a question are alike"),
        (
            ["-m", "tiny-text", "-t", "words_to_sentence/easy", "-d", "threshold:temperature=1"],
            "has no law of its right answers",
        ),
        (["-m", "exact", "-t", SHUFFLE, "-d", "threshold:temperature=1", "--limit", "3"], "leave --limit out"),
        (["-m", "exact", "-t", SHUFFLE, "-d", "threshold:temperature=1", "-o", "out"], "writes no folder"),
    ],
)
def test_what_has_no_distribution_is_refused(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.invoke(["run", *arguments, "--distribution", "10"]) == 2
    assert said in capsys.readouterr().err


def test_a_generator_is_refused() -> None:
    pool = ModelPool()
    (cell,) = plan(Sweep(models=("exact",), tasks=(SHUFFLE,), decoders=("random:temperature=1",), limit=1), pool)
    with pytest.raises(UserError, match="decodes in its own way"):
        measure(replace(cell, decoder=None), pool, 10)


def test_a_dry_run_draws_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    code = cli.invoke(
        ["run", "-m", "exact", "-t", SHUFFLE, "-d", "random:temperature=1", "--distribution", "9999", "--dry-run"]
    )
    assert code == 0 and "9999 answers to one question in each of 1 cells" in capsys.readouterr().out


def test_texts_in_another_format_are_no_strings_of_the_law() -> None:
    sample = load_task(SHUFFLE).sample(0, 0, 0)
    items = sample.facts["items"]
    law = law_of_sample("shuffle", sample.facts)

    def written(*order: int) -> str:
        return "[" + ", ".join(f'"{items[i]}"' for i in order) + "]"

    texts = [
        written(1, 0, 3, 2),
        "\n" + written(3, 2, 1, 0),
        written(0, 1, 2, 3),
        written(1, 1, 0, 2),
        written(1, 0, 3),
        "",
        "x",
    ]
    assert strings_of(texts, sample, law).tolist() == [[1, 0, 3, 2], [3, 2, 1, 0]]
    assert strings_of(["", "nothing"], sample, law).shape == (0, 4)
