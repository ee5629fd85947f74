"""Published settings by name: facts with a source, specs that load, and what the user sets wins."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from parallelbench.cli import invoke
from parallelbench.decoding import load_decoder
from parallelbench.errors import UserError
from parallelbench.experiments.protocol import apply_protocol
from parallelbench.protocols import protocols, reported
from parallelbench.report.data import read_report_data
from parallelbench.report.reported import beside_reported
from parallelbench.tasks import task_names


@pytest.mark.parametrize("name", protocols())
def test_every_card_names_its_source_and_its_decoders_load(name: str) -> None:
    card = protocols()[name]
    assert card.source and card.model and card.unknown.endswith(".")
    assert set(card.tasks) <= set(task_names("standard"))
    for setting in card.tasks.values():
        assert load_decoder(setting.decoder) and set(setting.options) <= {"shots", "max_new_tokens"}
        assert setting.reported is None or 0 < setting.reported < 100


def test_the_protocol_fills_in_what_the_user_leaves_open() -> None:
    applied = apply_protocol("fast-dllm", ["gsm8k"], [], None)
    assert applied.tasks == ["gsm8k:max_new_tokens=256,shots=5"] and applied.decoders == ["threshold:gamma=0.9,block=32"]
    mine = apply_protocol("llada", ["gsm8k:max_new_tokens=64"], ["threshold"], 2)
    assert mine.tasks == ["gsm8k:max_new_tokens=64"] and mine.decoders == ["threshold"]
    assert any("reported for gsm8k under llada: 69.4 %" in note for note in mine.notes)
    assert apply_protocol("llada-blocks", ["g*"], [], None).tasks == ["gsm8k:max_new_tokens=256,shots=0"]
    assert {one.name for one, _ in reported("gsm8k")} >= {"llada", "llada-1.5", "dream", "sdar"}


@pytest.mark.parametrize(
    ("name", "tasks", "message"),
    [
        ("lada", ["gsm8k"], "unknown protocol 'lada'; did you mean 'llada'"),
        ("llada", ["waiting_line/copy"], "has no setting for 'waiting_line/copy'; it has gsm8k"),
        ("llada", ["*"], "decodes these tasks differently"),
        ("llada", ["x*"], "unknown task"),
    ],
)
def test_what_cannot_be_applied(name: str, tasks: list[str], message: str) -> None:
    with pytest.raises(UserError) as caught:
        apply_protocol(name, tasks, [], None)
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_a_run_and_its_report_show_both_readings_and_reported_numbers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "gsm8k.jsonl"
    data.write_text(json.dumps({"question": "1 + 1?", "answer": "#### 2"}) + "\n", encoding="utf-8")
    command = ["run", "-m", "tiny2", "--protocol", "llada-blocks", "-t", "gsm8k:max_new_tokens=16", "--data-dir", str(data)]
    assert invoke([*command, "-o", str(tmp_path / "out")]) == 0
    assert "reported for gsm8k under llada-blocks: 78.6 %" in capsys.readouterr().err
    section = beside_reported(read_report_data(tmp_path / "out"))
    assert section is not None
    ours, theirs = section.tables
    assert [cell.text for cell in ours.rows[0]][:4] == ["gsm8k", "tiny2", "confidence:k=1,block=8", "1"]
    assert ours.rows[0][5].text == "0.0" and "78.6" in {row[2].text for row in theirs.rows}
