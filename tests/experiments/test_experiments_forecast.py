"""What a plan says before it runs is what happens: forwards, samples that are left, and money."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import fake_model  # noqa: F401  (registers the fake model)
import pytest

from parallelbench import cli, run
from parallelbench.contracts.denoiser import Denoiser
from parallelbench.decoding import DECODERS, Engine, load_decoder, load_decoders, make_prompt
from parallelbench.experiments.costs import list_prices
from parallelbench.experiments.forecast import _shifted, block_sizes
from parallelbench.tasks import load_task

WIDTH = 24
FIXED = [
    "one_by_one", "all_at_once:block=[7,24]", "confidence:k=[1,5,24,99]", "random:k=3,block=[4,9]", "margin:steps=[1,7,24,60]",
    "entropy:steps=[3,9],block=8", "left_to_right:k=2", "confidence:steps=[5,9,30],transfer=dream,block=8",
    "pc_sampler:k=4", "rcr:k=[1,5],block=8", "rcr:steps=[5,40],schedule=[linear,cosine],block=8", "p2:k=[1,5],block=9",
]  # fmt: skip
SERVED = "openai:small@http://127.0.0.1:9/v1"


def call(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = cli.invoke([str(one) for one in arguments])
    streams = capsys.readouterr()
    return code, streams.out, streams.err


def dry(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    code, out, err = call(capsys, *arguments, "--dry-run", "--json")
    assert code == 0, err
    return json.loads(out.splitlines()[-1])


@pytest.mark.parametrize("spec", FIXED)
def test_a_number_that_is_called_exact_is_the_number_that_runs(spec: str, random_model: Denoiser) -> None:
    task = load_task(f"waiting_line/copy:lengths=[3],max_new_tokens={WIDTH}")
    prompts = [make_prompt(random_model, task.sample(0, index, 0), WIDTH) for index in range(1)]
    for decoder in load_decoders(spec):
        counts = {sum(done.ledger.nfe.values()) for done in Engine(random_model, 1).generate(prompts, decoder)}
        assert counts == {decoder.fixed_forwards(block_sizes(decoder, WIDTH))}, decoder.spec


def test_no_decoder_that_adapts_claims_a_number() -> None:
    claims = {name for name in DECODERS.names() if load_decoder(name).fixed_forwards([8, 8]) is not None}
    assert not {name for name in claims if load_decoder(name).adaptive}
    assert claims >= {spec.partition(":")[0] for spec in FIXED}


def test_blocks_that_begin_in_the_prompt_are_counted_for_every_beginning() -> None:
    assert _shifted(4, 6) == [[4, 2], [3, 3], [2, 4], [1, 4, 1]]
    assert _shifted(8, 3) == [[3]] * 6 + [[2, 1], [1, 2]]
    assert {load_decoder("confidence:k=1").fixed_forwards(sizes) for sizes in _shifted(4, 6)} == {6}
    assert len({load_decoder("confidence:k=3").fixed_forwards(sizes) for sizes in _shifted(4, 6)}) > 1


def test_forwards_of_the_shipped_model_are_as_a_trial_says(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["run", "-m", "tiny", "-t", "waiting_line/copy,waiting_line/shuffle"]
    words += ["-d", "threshold:gamma=[0.6,0.9]", "-d", "confidence:k=16"]
    assert call(capsys, *words, "--limit", 4, "-o", tmp_path / "trial")[0] == 0
    said = dry(capsys, *words, "--limit", 10, "-o", tmp_path / "out", "--measured", tmp_path / "trial")
    assert said["forwards"]["bound"] == 0 and said["forwards"]["records"] > 0 and said["seconds"] > 0
    assert call(capsys, *words, "--limit", 10, "-o", tmp_path / "out")[0] == 0
    rows = json.loads((tmp_path / "out" / "summary.json").read_text())["results"]
    ran = sum(10 * row["nfe"] for row in rows)
    assert said["forwards"]["expected"] == pytest.approx(ran, rel=0.15)
    exact = sum(10 * row["nfe"] for row in rows if row["decoder"].startswith("confidence"))
    assert said["forwards"]["exact"] == exact


def test_only_what_is_missing_is_forecast(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["run", "-m", "fake", "-t", "waiting_line/copy", "-d", "confidence:k=8", "-o", tmp_path / "out"]
    assert call(capsys, *words, "--limit", 3)[0] == 0
    said = dry(capsys, *words, "--limit", 5)
    assert (said["samples"], said["missing"], said["forwards"]["expected"]) == (5, 2, 8)
    assert dry(capsys, *words, "--limit", 3)["seconds"] == 0
    given = dry(capsys, *words, "--limit", 5, "--speed", "2", "--speed", "tiny=1")
    assert given["seconds"] == pytest.approx(4.0)


def test_an_adaptive_decoder_without_records_has_an_upper_bound(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["run", "-m", "fake", "-t", "waiting_line/copy", "-d", "threshold", "-d", "hierarchical", "--limit", 2]
    code, out, _ = call(capsys, *words, "--dry-run", "-o", tmp_path / "out")
    assert code == 0 and "at most in 2 cells" in out and "time: unknown" in out
    said = dry(capsys, *words, "-o", tmp_path / "out")
    assert call(capsys, *words, "-o", tmp_path / "out")[0] == 0
    rows = json.loads((tmp_path / "out" / "summary.json").read_text())["results"]
    assert sum(2 * row["nfe"] for row in rows) <= said["forwards"]["bound"] == said["forwards"]["expected"]


def test_the_memory_of_a_model_is_said_without_its_weights(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["run", "-m", "tiny", "-t", "waiting_line/copy", "-d", "threshold", "--limit", 2]
    one, many = (dry(capsys, *words, "--batch-size", size)["memory"][0] for size in (1, 64))
    assert one["weights"] == many["weights"] == 4389888 and 0 < one["total"] - one["weights"] < many["total"] - many["weights"]


def prices(folder: Path, **changes: Any) -> Path:
    table = {
        "date": "2026-01-31",
        "source": "our contract",
        "currency": "EUR",
        "models": {"small": {"price_in": 2, "price_out": 10}},
    }
    path = folder / "prices.yaml"
    path.write_text(json.dumps(table | changes))
    return path


@pytest.mark.parametrize(
    ("model", "name", "price"),
    [
        ("mercury", "mercury-2", 0.75),
        ("mercury:reasoning=low", "mercury-2", 0.75),
        ("anthropic:claude-haiku-4-5", "claude-haiku-4-5", 5),
        ("openai:gpt-4o-mini,temperature=1", "gpt-4o-mini", 0.6),
        ("openai:mercury-2@http://localhost:8000/v1", "mercury-2", None),
        ("mercury:mercury-2@http://localhost:8000/v1", "mercury-2", None),
        ("openai:gpt-4o-mini@https://elsewhere.example/v1", "gpt-4o-mini", None),
        ("anthropic:claude-of-another-year", "claude-of-another-year", None),
    ],
)
def test_list_prices_hold_for_the_servers_of_their_makers(
    model: str,
    name: str,
    price: float | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for key in ("INCEPTION_API_KEY", "ANTHROPIC_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.setenv(key, "a-key-that-is-sent-nowhere")
    words = ["run", "-m", model, "-t", "waiting_line/copy", "--limit", "10"]
    costs = dry(capsys, *words)["costs"]
    assert len(costs) == (price is not None)
    if price is not None:
        assert re.fullmatch(r"https://\S+( \(.*\))?, 2026-\d\d-\d\d, in USD", costs[0]["prices"])
        assert costs[0]["bound"] and costs[0]["amount"] > 10 * price * 1024 / 1e6
    table = tmp_path / "mine.yaml"
    table.write_text(f"date: 2027-01-01\nsource: mine\nmodels: {{'{name}': {{price_in: 0, price_out: 0}}}}")
    (cost,) = dry(capsys, *words, "--prices", table)["costs"]
    assert (cost["prices"], cost["amount"]) == ("mine, 2027-01-01, in USD", 0), "a user's table comes first"


def test_every_list_price_has_a_page_and_a_day() -> None:
    for table in list_prices():
        assert table.server and table.source.startswith("https://") and date.fromisoformat(table.date) and table.models


def test_the_cost_of_a_priced_model_names_its_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["run", "-m", SERVED, "-t", "waiting_line/copy:lengths=[3],shots=0", "--limit", 10]
    assert dry(capsys, *words)["costs"] == []
    cost = dry(capsys, *words, "--prices", prices(tmp_path))["costs"][0]
    assert cost["bound"] and cost["prices"] == "our contract, 2026-01-31, in EUR"
    assert 10 * 10 * 1024 / 1e6 < cost["amount"] < 10 * (10 * 1024 + 2 * 1000) / 1e6
    words[2] += ",price_in=0,price_out=1000"
    own = dry(capsys, *words, "--prices", prices(tmp_path))["costs"][0]
    assert own["prices"] == "the model's options" and own["amount"] == pytest.approx(10 * 1000 * 1024 / 1e6)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--speed", "fast"], "--speed 'fast' is no speed"),
        (["--speed", "tiny=-1"], "is no speed"),
        (["--speed", "nan"], "is no speed"),
        (["--speed", "tiny="], "is no speed"),
        (["--measured", "none"], "none holds no run"),
        (["--max-cost", "1"], "--max-cost needs prices"),
        (["--max-cost", "-1"], "Invalid value for '--max-cost'"),
        (["--prices", "none.yaml"], "none.yaml cannot be read"),
    ],
)
def test_a_mistake_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], more: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["run", "-m", "fake", "-t", "waiting_line/copy", "-d", "threshold", "--limit", 1, "--dry-run"]
    code, out, err = call(capsys, *words, *more)
    assert (code, out) == (2, "") and said in err and err.count("\n") == 1


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"models": {"small": {"price_in": -1, "price_out": 1}}}, "'models.small.price_in' is -1"),
        ({"models": {"small": {"price_in": 1}}}, "needs 'models.small.price_out'"),
        ({"models": []}, "'models'"),
        ({"date": ""}, "'date'"),
        ({"colour": "red"}, "has no key 'colour'"),
    ],
)
def test_a_table_of_prices_is_read_strictly(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, Any], said: str
) -> None:
    code, _, err = call(
        capsys, "run", "-m", SERVED, "-t", "waiting_line/copy", "--dry-run", "--prices", prices(tmp_path, **changes)
    )
    assert code == 2 and said in err and err.count("\n") == 1


def test_measurements_of_another_model_count_where_there_is_no_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("fake:errors=0.0", "waiting_line/copy", "threshold", limit=2, out=tmp_path / "trial", progress=False)
    words = ["run", "-m", "exact", "-t", "waiting_line/copy", "-d", "threshold", "--limit", 2]
    said = dry(capsys, *words, "--measured", tmp_path / "trial", "-o", tmp_path / "out")
    assert said["forwards"]["records"] > 0 and said["seconds"] is None, "forwards of another model, and none of its speed"
