"""`parallelbench score` on real run folders: nothing is decoded, nothing is computed twice, and the report shows it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from languagetool_stand_in import StandIn

sys.path.insert(0, str(Path(__file__).parents[1] / "experiments"))
from fake_model import FakeDenoiser, FakeOptions

import parallelbench
from parallelbench.analysis.frame import samples
from parallelbench.cli import invoke
from parallelbench.errors import UserError
from parallelbench.experiments.scoring import label_run, score_run
from parallelbench.metrics import score
from parallelbench.metrics.grammar import embedded, languagetool
from parallelbench.runs.folder import read_run
from parallelbench.runs.scores import read_scores
from parallelbench.tasks import load_task

TASKS = ["words_to_sentence/easy", "paraphrase_summarize/summarization", "waiting_line/shuffle:lengths=[3]"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("score") / "run"
    parallelbench.run(FakeDenoiser(FakeOptions()), TASKS, ["confidence:k=[1,8]"], limit=6, out=out)
    return out


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    import shutil

    return Path(shutil.copytree(finished, tmp_path / "run"))


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    monkeypatch.setattr(languagetool, "PAUSE", 0.01)
    stand_in = StandIn()
    yield stand_in
    stand_in.stop()


def stored(run: Path, name: str) -> dict[str, dict[str, Any]]:
    files = sorted(run.glob(f"cells/*/scores/{name}.jsonl"))
    found = [one for file in files if (one := read_scores(file)) is not None]
    pairs = zip(files, found, strict=True)
    return {f"{file.parts[-3]} {sample}": asdict(row) for file, one in pairs for sample, row in one.rows.items()}


def test_scores_are_those_of_the_metric_and_reach_the_frame(run: Path) -> None:
    before = samples(run)
    done = score_run(run, ["rouge_1", "bleu"], jobs=1)
    assert {(one.metric, one.task, one.samples, one.computed) for one in done} == {
        (name, "paraphrase_summarize/summarization", 6, 6) for name in ("rouge_1", "bleu")
    }
    frame, task = samples(run), load_task("paraphrase_summarize/summarization")
    for row in frame[frame["task"] == task.name].to_dict("records"):
        lines = (run / "cells" / row["cell"] / "records.jsonl").read_text("utf-8").splitlines()
        text = next(one["text"] for one in map(json.loads, lines) if one["sample_id"] == row["sample_id"])
        expected = score(task.sample(0, row["index"], 0), text, ["rouge_1", "bleu"])
        assert set(row["scores"]) == {*task.metrics, "rouge_1", "bleu"}
        assert {name: row["scores"][name] for name in expected} == pytest.approx(expected)
    assert (frame["accuracy"] == before["accuracy"]).all()


def test_the_same_command_again_computes_nothing_and_a_torn_line_is_mended(run: Path) -> None:
    assert sum(one.computed for one in score_run(run, ["rouge_2"], jobs=1)) == 12
    files = sorted(run.glob("cells/*/scores/rouge_2.jsonl"))
    whole = [file.read_bytes() for file in files]
    assert sum(one.computed for one in score_run(run, ["rouge_2"], jobs=1)) == 0
    files[0].write_bytes(whole[0][:-9])
    assert sum(one.computed for one in score_run(run, ["rouge_2"], jobs=1)) == 1
    assert [file.read_bytes() for file in files] == whole
    files[0].write_bytes(whole[0].replace(b'"value"', b'"value', 1))
    with pytest.raises(UserError, match=r"rouge_2\.jsonl line 2 is damaged"):
        score_run(run, ["rouge_2"], jobs=1)


def test_a_report_labels_what_is_missing_and_reads_no_cell_that_has_all(run: Path) -> None:
    label_run(read_run(run))
    labels = stored(run, "failures")
    assert len(labels) == 36
    file = sorted(run.glob("cells/*/scores/failures.jsonl"))[0]
    whole = file.read_bytes()
    file.write_bytes(whole[:-9])
    label_run(read_run(run))
    assert stored(run, "failures") == labels
    records = file.parent.parent / "records.jsonl"
    records.write_bytes(b"{}" + records.read_bytes())
    label_run(read_run(run))
    file.write_bytes(whole[:-9])
    with pytest.raises(UserError, match=r"records\.jsonl line 1 is damaged"):
        label_run(read_run(run))


def test_reasons_of_another_version_stay_where_new_ones_cannot_be_made(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    label_run(read_run(run))
    before = {path: path.read_bytes() for path in run.glob("cells/*/scores/failures.jsonl")}
    for path in run.glob("cells/*/records.jsonl"):  # the answers are of another version of the task
        path.write_text(path.read_text().replace('"answer_hash":"', '"answer_hash":"0'))
    monkeypatch.setattr("parallelbench.experiments.scoring.VERSION", 10**6)
    with pytest.raises(UserError, match="has changed since this run"):
        label_run(read_run(run))
    assert before and before == {path: path.read_bytes() for path in run.glob("cells/*/scores/failures.jsonl")}


def test_two_processes_give_what_one_gives(run: Path, tmp_path: Path) -> None:
    score_run(run, ["failures", "grammar"], jobs=1)
    one = stored(run, "failures"), stored(run, "grammar")
    for file in run.glob("cells/*/scores/*.jsonl"):
        file.unlink()
    score_run(run, ["failures", "grammar"], jobs=2)
    assert (stored(run, "failures"), stored(run, "grammar")) == one
    assert any(row["hits"] for row in one[1].values())


def test_other_backends_never_mix(run: Path) -> None:
    score_run(run, ["grammar"], jobs=1)
    file = min(run.glob("cells/*/scores/grammar.jsonl"))
    file.write_text(file.read_text("utf-8").replace(embedded.version(), "embedded rules 0"), "utf-8")
    with pytest.raises(UserError, match=r"grammar was computed in 2 ways .* --metric grammar"):
        samples(run)
    score_run(run, ["grammar"], jobs=1)
    assert len(samples(run)) == 36


def test_a_cell_that_was_scored_anew_in_part_is_not_read(run: Path) -> None:
    for file in run.glob("cells/*/cell.json"):
        file.write_text(file.read_text("utf-8").replace(embedded.version(), "embedded rules 0"), "utf-8")
    score_run(run, ["grammar"], jobs=1)
    whole = samples(run)
    cell = next(path for path in run.glob("cells/*/cell.json") if "embedded rules 0" in path.read_text("utf-8"))
    file = cell.parent / "scores" / "grammar.jsonl"
    head, first, *_ = file.read_text("utf-8").splitlines(keepends=True)
    file.write_text(head + first, "utf-8")
    with pytest.raises(UserError, match="grammar was computed in 2 ways"):
        samples(run)
    score_run(run, ["grammar"], jobs=1)
    assert samples(run)["accuracy"].equals(whole["accuracy"])


def test_a_server_that_goes_away_loses_nothing(run: Path, server: StandIn, tmp_path: Path) -> None:
    spec = f"grammar_languagetool:url={server.url},timeout=0.5,tries=2,cache={tmp_path / 'c'}"
    server.faults = ["", *[""] * 9, *["500"] * 1000]
    with pytest.raises(UserError, match="keeps every score so far"):
        score_run(run, [spec], jobs=1)
    kept = stored(run, "grammar_languagetool")
    assert 0 < len(kept) < 36
    asked, server.faults = len(server.texts), []
    score_run(run, [spec], jobs=4)
    assert stored(run, "grammar_languagetool").items() >= kept.items()
    assert len(stored(run, "grammar_languagetool")) == 36
    assert len(server.texts) - asked <= 36 - len(kept) + 1


def test_the_command_and_the_report(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["score", str(run), "-m", "rouge_1,bleu", "-m", "failures", "-j", "1", "--json"]) == 0
    last = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    assert last["computed"] == 12 + 12 + 36
    for file in run.glob("cells/*/records.jsonl"):
        file.write_text(file.read_text("utf-8").replace('"text":"', '"text":"<script>alert(1)</script>', 1), "utf-8")
    assert invoke(["report", str(run)]) == 0
    page = (run / "report.html").read_text("utf-8")
    for part in ("How answers break", "Every metric", "why it failed", "rouge_1 by rouge 1, stemmer of nltk"):
        assert part in page
    assert "<script>alert(1)" not in page
    assert (run / "figures" / "why.svg").is_file()
    rows = (run / "figures" / "why.csv").read_text("utf-8").splitlines()
    assert rows[0].startswith("panel,model,decoder,family,label,part,rate") and len(rows) > 2


@pytest.mark.parametrize(
    ("metric", "message"),
    [
        ("rogue_l", "did you mean 'rouge_l'"),
        ("one_minus_bleu:n=1", "takes no options"),
        ("grammar_languagetool", "give the server's url"),
    ],
)
def test_mistakes_are_one_sentence(run: Path, capsys: pytest.CaptureFixture[str], metric: str, message: str) -> None:
    assert invoke(["score", str(run), "-m", metric]) == 2
    assert message in capsys.readouterr().err


def test_a_metric_that_fits_no_task_says_what_it_reads(tmp_path: Path) -> None:
    out = tmp_path / "lists"
    parallelbench.run(FakeDenoiser(FakeOptions()), TASKS[-1], ["confidence:k=8"], limit=2, out=out)
    with pytest.raises(UserError, match=r"has the facts that 'rouge_l' reads \(references\)"):
        score_run(out, ["rouge_l"], jobs=1)
    with pytest.raises(UserError, match="holds no run"):
        score_run(tmp_path, ["rouge_l"], jobs=1)
