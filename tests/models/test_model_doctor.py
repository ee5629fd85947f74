"""`parallelbench doctor`: whole models pass, and each way of being broken is named."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import sedd_reference
import torch
from layout_checkpoints import write
from safetensors.torch import load_file, save_file

from parallelbench.cli import invoke
from parallelbench.contracts.denoiser import Codec, Denoiser
from parallelbench.contracts.forward import ForwardBatch, ForwardOutput
from parallelbench.contracts.info import ModelInfo
from parallelbench.doctor import models as doctor
from parallelbench.doctor.models import ModelReport, check_model
from parallelbench.models import load_model, native
from parallelbench.models.kv_cache import Past
from parallelbench.models.visibility import Inputs, visible
from parallelbench.schema import Sample
from thinned import thinned

MAKE: dict[str, Callable[[Path], Path]] = {
    "sdar": lambda folder: write(folder, "sdar"),
    "absorb": lambda folder: sedd_reference.write(folder, "absorb"),
    "uniform": lambda folder: sedd_reference.write(folder, "uniform"),
}


@pytest.mark.parametrize("layout", thinned(MAKE, 3))
def test_whole_models_pass(layout: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if layout == "sdar":  # its published vocabulary has 151,936 tokens
        monkeypatch.setattr(doctor, "CANVAS", 8)
    found = check_model(load_model(f"path:{MAKE[layout](tmp_path)}"))
    assert found.healthy, [check for check in found.checks if not check.passed]
    caches = {check.name.split(":")[0] for check in found.checks if check.name.startswith("cache")}
    assert caches == {"sdar": {"cache block"}, "absorb": set(), "uniform": set()}.get(layout, {"cache prefix", "cache dual"})


class Broken(Denoiser):
    """A model with one fault: logits that follow the batch, the padding, how much is asked, or another attention."""

    def __init__(self, whole: Denoiser, fault: str) -> None:
        self.whole = whole
        self.fault = fault

    @property
    def info(self) -> ModelInfo:
        info = replace(self.whole.info, offers=frozenset())
        return replace(info, attention="block_causal", block=4) if self.fault == "attention" else info

    def codec_for(self, sample: Sample) -> Codec:
        return self.whole.codec_for(sample)

    def forward(self, batch: ForwardBatch) -> ForwardOutput:
        size = {"batch": len(batch.ids), "padding": batch.ids.shape[1], "window": len(batch.rows)}.get(self.fault, 0)
        logits = self.whole.forward(batch).logits
        return ForwardOutput(logits + 0.01 * size * torch.arange(logits.shape[1]))


@pytest.mark.parametrize("fault", ["batch", "padding", "window", "attention"])
def test_a_fault_is_named(fault: str, random_model: Denoiser) -> None:
    found = check_model(Broken(random_model, fault))
    failed = {check.name.split(":")[0] for check in found.checks if not check.passed}
    assert fault in failed and not found.healthy
    assert failed <= {fault, "decoding", *({"batch"} if fault == "window" else ())}


def test_the_command_prints_card_checks_and_samples(
    random_checkpoint: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for words in (["doctor", f"path:{random_checkpoint}"], ["doctor", "model", f"path:{random_checkpoint}"]):
        assert invoke(words) == 0
        out = capsys.readouterr().out
        assert "1 '<|mask|>'" in out and "answer tokens a second" in out and out.count("\nok ") >= 9
        assert out.count("\n--- waiting_line/") == 2 and "\x1b" not in out
    monkeypatch.setattr("parallelbench.doctor.models.check_model", lambda model: sick(check_model(model)))
    assert invoke(["doctor", f"path:{random_checkpoint}"]) == 1
    assert "FAILED" in capsys.readouterr().out


def sick(found: ModelReport) -> ModelReport:
    return replace(found, checks=(replace(found.checks[0], passed=False), *found.checks[1:]))


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["doctor", "tny"], "unknown model 'tny'; did you mean 'tiny'"),
        (["doctor", "modl", "tiny"], "unknown thing to examine 'modl'; did you mean 'model'"),
        (["doctor", "decoder", "treshold"], "unknown decoder 'treshold'; did you mean 'threshold'"),
        (["doctor", "tiny-ar"], "decodes in its own way"),
    ],
)
def test_a_mistake_is_one_sentence(words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(words) == 2
    error = capsys.readouterr().err
    assert any(part in error for part in sentence.split("|")) and error.count("\n") == 1


def test_blocks_that_see_too_little_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def causal(inputs: Inputs, past: Past, info: ModelInfo, shared: bool = False) -> torch.Tensor:
        return visible(inputs, past, info, shared) & visible(inputs, past, replace(info, block=1), shared)

    model = load_model(f"path:{MAKE['sdar'](tmp_path)}")
    monkeypatch.setattr(native, "visible", causal)
    check = doctor._sees(model, doctor._prompt(model, doctor.TASKS[0], 0))
    assert check.name == "attention: block-causal" and not check.passed


# fault 24
def test_random_weights_are_doubted(random_checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small = tmp_path / "small"
    shutil.copytree(random_checkpoint, small)
    weights = {name: tensor * 0.01 for name, tensor in load_file(small / "model.safetensors").items()}
    save_file(weights, small / "model.safetensors")
    doubts = check_model(load_model(f"path:{small}")).doubts
    assert any("predictions are nearly uniform" in doubt for doubt in doubts)
    assert invoke(["doctor", f"path:{small}"]) == 0
    out = capsys.readouterr().out
    assert "note: " in out and "the weights may be random" in out and "LLaDA layout" in out and str(small) in out


def test_blank_answers_are_doubted(random_model: Denoiser) -> None:
    class Blank(Broken):
        def forward(self, batch: ForwardBatch) -> ForwardOutput:
            logits = torch.zeros(len(batch.rows), self.info.vocab_size)
            logits[:, self.info.end_ids[0]] = 9.0
            return ForwardOutput(logits)

    doubts = check_model(Blank(random_model, "")).doubts
    assert any("all 4 answers are blank" in doubt for doubt in doubts)


@pytest.mark.parametrize("name", ["tiny", "tiny-text", "exact"])
def test_models_that_are_trained_are_not_doubted(name: str) -> None:
    found = check_model(load_model(name))
    assert found.doubts == () and found.healthy
    assert ("trained on" in found.facts) == (name != "exact")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("tiny", "lists of 3 to 6 people"),
        ("tiny-text:shots=2", "sentences with 1 to 7 given words"),
        ("llada-1.5", "LLaDA layout"),
        ("dream-v0-base", "template=chat for its chat template"),
        ("exact", "law"),
        ("path:{folder}", "LLaDA layout"),
    ],
)
def test_a_model_is_shown_without_its_weights(
    name: str, words: str, random_checkpoint: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("parallelbench.models.checkpoint.safe_open", None)
    assert invoke(["show", "model", name.format(folder=random_checkpoint)]) == 0
    assert words in " ".join(capsys.readouterr().out.split())


def test_prompts_that_a_model_was_not_trained_for_are_a_doubt(random_checkpoint: Path) -> None:  # fault 64
    doubts = check_model(load_model(f"path:{random_checkpoint},card=tiny,shots=1")).doubts
    assert any("was not trained for waiting_line/copy with 1 demonstration," in doubt for doubt in doubts)
    assert not any("not trained for" in doubt for doubt in check_model(load_model(f"path:{random_checkpoint}")).doubts)
